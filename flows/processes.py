"""Background processes: started in a session of their own, recognised by pid and start time, stopped exactly."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
BUSY = 503
# A child of a shell's `&` inherits an ignored SIGINT, and then Prefect's worker never stops on the first SIGTERM.
_LAUNCH = "import os,signal,sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
_children: dict[int, subprocess.Popen] = {}


@dataclass(frozen=True)
class Service:
    """A started process; ``started`` is the kernel's start mark, so that a recycled pid is not mistaken for it."""

    name: str
    pid: int
    started: str
    log: str
    port: int = 0
    since: str = ""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}" if self.port else ""

    @property
    def running(self) -> bool:
        return bool(self.started) and start_mark(self.pid) == self.started

    def record(self) -> dict[str, Any]:
        return asdict(self)


def start_mark(pid: int) -> str:
    """When a process was started, as the kernel counts; empty when it is gone or only waits to be reaped."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
        return ""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _start_mark_by_ps(pid)
    return "" if fields[0] in "ZX" else fields[19]


def _start_mark_by_ps(pid: int) -> str:
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


@atexit.register
def _reap() -> None:
    """Take leave of children that another process has ended, so that Python does not call them running."""
    for child in _children.values():
        child.poll()


def start(name: str, command: list[str], env: Mapping[str, str], cwd: Path, log: Path, port: int = 0) -> Service:
    """Start ``python <command>`` in a session of its own with output appended to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, sys.executable, *command],
            cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    _children[child.pid] = child
    return Service(name, child.pid, start_mark(child.pid), str(log), port, time.strftime("%Y-%m-%dT%H:%M:%S"))


def stop(service: Service, grace: float = 15.0) -> bool:
    """Ask a service to end, then after ``grace`` seconds end its whole session; False when it was gone already."""
    if not service.running:
        return False
    os.kill(service.pid, signal.SIGTERM)
    if not wait_for(lambda: not service.running, grace):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(service.pid, signal.SIGKILL)
        wait_for(lambda: not service.running, 5.0)
    return True


def end_with_parent() -> None:
    """Let this process end when the one that started it is gone, killed or not: it has nobody to answer to."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def wait_for(condition: Callable[[], object], seconds: float, pause: float = 0.1) -> bool:
    """Whether the condition came true within the time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def free_port(preferred: int) -> int:
    """The preferred port of the loopback interface, or the next one that nobody listens on."""
    for port in range(preferred, min(preferred + 200, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port
    raise OSError(f"no free port from {preferred} on")


def call(url: str, body: Any = None, timeout: float = 5.0) -> Any:
    """GET (or POST with ``body``) a local JSON address; None when nobody answers or the answer is no.

    "Unavailable" is asked again: Prefect says so while its SQLite file is locked, mostly just after the start.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    # No proxy: the address is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for pause in (0.5, 1.0, 2.0, 4.0, None):
        try:
            with opener.open(request, timeout=timeout) as answer:
                return _parsed(answer.read().decode())
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != BUSY or pause is None:
                return None
            time.sleep(pause)
        except OSError:
            return None
    return None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def last_line(log: str | Path) -> str:
    """The last line of a log that says something."""
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
