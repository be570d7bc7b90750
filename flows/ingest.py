"""Flow ``ingest``: delivered files into the trial store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prefect import flow
from prefect.states import Completed, Failed, State

from flows.errors import PublicError
from flows.home import Home
from flows.shell import Carried, FlowFailed, concluded, form, publish, step
from flows.summary import ingest_summary
from flows.work.ingest import Ingested, run_ingest

PATHS = form(
    [],
    "Files or folders",
    "Places on the machine of the server, one per line. Leave empty to take what waits in the inbox.",
)
DRY_RUN = form(False, "Only judge", "Say what would be loaded and rejected, without loading anything.")


@flow(name="ingest", persist_result=False, description="Bring delivered files into the trial store.")
@concluded
def ingest(
    paths: list[str] = PATHS,
    dry_run: bool = DRY_RUN,
) -> State:
    """Bring delivered files into the trial store.

    Tables and qPCR exports are recognised by their content, checked, and loaded file by file; what is rejected goes to
    the quarantine with a reason. The same file twice changes nothing.
    """
    home = Home.find().create()
    result = step(home, retries=2)("read, judge and load", run_ingest, home, places(paths), dry_run)
    publish("ingest-summary", ingest_summary(result, home), "What was loaded and what was rejected")
    return ingest_state(result)


def places(paths: Sequence[str]) -> list[Path]:
    """What was typed into the form as places of this machine; lines left blank do not count.

    Raises
    ------
    PublicError
        For a path that is not whole: it would mean a place in the folder of the worker.
    """
    found = [Path(text.strip()).expanduser() for text in paths if text.strip()]
    for place in found:
        if not place.is_absolute():
            raise PublicError(f"{place}: write the whole path, beginning with /, of a file or folder on the server")
    return found


def ingest_state(result: Ingested) -> State:
    """Failed when everything was rejected; completed, with a name that says so, when some of it was."""
    message = result.sentence
    if result.rejected and not result.loaded + result.unchanged:
        return Failed(message=message, data=FlowFailed(message, result=result))
    return Completed(name="Partly loaded" if result.rejected else "Completed", message=message, data=Carried(result))
