"""Flow ``maintenance``: a consistent backup."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from prefect.states import Completed, State
from pydantic import Field

from flows.home import Home
from flows.shell import Carried, concluded, form, publish, step
from flows.summary import backup_summary
from flows.work.maintenance import run_backup

KEEP = form(14, "Backups to keep", "Older dated backups of this home are deleted.")


@flow(name="maintenance", persist_result=False, description="Back up the store, the runs and the registry.")
@concluded
def maintenance(keep: Annotated[int, Field(ge=1, le=1000)] = KEEP) -> State:
    """Back up the store, the runs and the registry into one file under the home's ``backups`` folder."""
    home = Home.find().create()
    path = step(home, retries=1)("backup", run_backup, home, None, keep)
    publish("backup-summary", backup_summary(path, home), "Where the backup lies")
    return Completed(message=f"{path.name}, {path.stat().st_size / 1e6:.1f} MB", data=Carried(path))
