"""The inbox: what waits in it, and the light process that asks the server to ingest what has come to rest.

Run as ``python -m flows.inbox HOME API_URL`` by ``netest up``. Only the standard library is imported, so that the
watcher costs a few megabytes.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from flows.home import Home
from flows.processes import call

QUIET_SECONDS = 10.0
POLL_SECONDS = 5.0
# The same files are not offered again sooner: a run that crashed is repeated, one that is wrong is not hammered.
RETRY_SECONDS = 900.0
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
DEPLOYMENT = "ingest/lab"

Signature = tuple[tuple[str, int, int], ...]


def waiting(home: Home) -> list[Path]:
    """Files and folders of the inbox that are to be ingested, by name; hidden and unfinished ones are left alone."""
    if not home.inbox.is_dir():
        return []
    return sorted(path for path in home.inbox.iterdir() if path != home.done and _finished(path))


def _finished(path: Path) -> bool:
    hidden = path.name.startswith((".", "~"))
    return not hidden and path.suffix.lower() not in UNFINISHED and (path.is_file() or any(path.rglob("*")))


def signature(paths: list[Path]) -> Signature:
    """Name, size and change time of every file: equal when nothing happened in between."""
    rows = []
    for path in paths:
        for file in [path] if path.is_file() else path.rglob("*"):
            try:
                stat = file.stat()
            except OSError:
                continue
            rows.append((str(file), stat.st_size, stat.st_mtime_ns))
    return tuple(sorted(rows))


@dataclass
class Watch:
    """Decides when the inbox is ripe: unchanged for ``quiet`` seconds and not offered before.

    Parameters
    ----------
    home : Home
    quiet, retry : float
        Seconds of rest before files are offered, and before the same files are offered again.
    """

    home: Home
    quiet: float = QUIET_SECONDS
    retry: float = RETRY_SECONDS
    seen: Signature = ()
    since: float = 0.0
    offered: Signature = ()
    offered_at: float = 0.0

    def ripe(self, now: float) -> bool:
        """Whether an ingest run should be asked for now."""
        current = signature(waiting(self.home))
        if current != self.seen:
            self.seen, self.since = current, now
        if not current or now - self.since < self.quiet:
            return False
        if current == self.offered and now - self.offered_at < self.retry:
            return False
        self.offered, self.offered_at = current, now
        return True


def request_run(
    api: str, deployment: str = DEPLOYMENT, parameters: dict | None = None, tags: tuple[str, ...] = ()
) -> str:
    """Ask the Prefect server for a run of a deployment; returns the run's id, empty when the server did not answer."""
    found = call(f"{api}/deployments/name/{deployment}")
    if not isinstance(found, dict):
        return ""
    body = {"parameters": parameters or {}, "tags": list(tags), "state": {"type": "SCHEDULED"}}
    run = call(f"{api}/deployments/{found['id']}/create_flow_run", body)
    return str(run["id"]) if isinstance(run, dict) else ""


def main(arguments: list[str]) -> None:
    """Watch until stopped."""
    home, api = Home.at(arguments[0]), arguments[1]
    watch = Watch(home)
    while True:
        if watch.ripe(time.monotonic()):
            run = request_run(api, tags=("inbox",))
            count = len(waiting(home))
            print(
                f"{time.strftime('%F %T')} {count} waiting, run {run or 'not accepted: the server is silent'}",
                flush=True,
            )
            if not run:
                watch.offered = ()
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1:])
