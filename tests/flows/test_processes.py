"""Background processes: recognised by pid and start mark, stopped exactly."""

from __future__ import annotations

import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

from flows.processes import HOST, Service, call, free_port, last_line, start, start_mark, stop, wait_for

STUBBORN = (
    "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def begin(tmp_path: Path, code: str) -> Service:
    return start("sleeper", ["-c", code], os.environ, tmp_path, tmp_path / "log" / "sleeper.log")


def test_start_and_stop(tmp_path: Path) -> None:
    service = begin(tmp_path, "import time; time.sleep(60)")
    assert service.running
    assert os.getpgid(service.pid) == service.pid, "a session of its own"
    assert stop(service)
    assert not service.running
    assert not stop(service), "gone already"


def test_a_recycled_pid_is_left_alone(tmp_path: Path) -> None:
    service = begin(tmp_path, "import time; time.sleep(60)")
    stranger = replace(service, started="1")
    assert not stranger.running
    assert not stop(stranger)
    assert service.running
    stop(service)


def test_one_that_ignores_the_request_is_ended(tmp_path: Path) -> None:
    service = begin(tmp_path, STUBBORN)
    assert wait_for(lambda: last_line(service.log) == "ready", 10.0)
    assert stop(service, grace=0.3)
    assert not service.running


def test_interrupt_works_although_the_parent_ignores_it(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        service = begin(tmp_path, "import time; print('ready', flush=True); time.sleep(60)")
    finally:
        signal.signal(signal.SIGINT, before)
    assert wait_for(lambda: last_line(service.log) == "ready", 10.0)
    os.kill(service.pid, signal.SIGINT)
    assert wait_for(lambda: not service.running, 5.0)


def test_a_helper_ends_with_its_parent(tmp_path: Path) -> None:
    child = "import time; from flows.processes import end_with_parent; end_with_parent(); print('up', flush=True); "
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child + 'time.sleep(60)'!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    service = start("parent", ["-c", code], environment, tmp_path, tmp_path / "parent.log")
    assert wait_for(lambda: last_line(service.log).isdigit(), 10.0)
    pid = int(last_line(service.log))
    os.kill(service.pid, signal.SIGKILL)
    assert wait_for(lambda: not start_mark(pid), 10.0)


def test_no_mark_for_nobody() -> None:
    assert start_mark(os.getpid())
    assert start_mark(2**22 + 1) == ""


def test_next_free_port_when_the_preferred_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) > port


def test_nobody_answers() -> None:
    assert call(f"http://{HOST}:{free_port(20000)}/health", timeout=0.5) is None


def test_last_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one\ntwo \n\n")
    assert last_line(tmp_path / "log") == "two"
    assert last_line(tmp_path / "none") == ""
