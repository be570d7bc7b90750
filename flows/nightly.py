"""Flow ``nightly``: what the schedule runs."""

from __future__ import annotations

from prefect import flow
from prefect.states import Completed, State

from flows.home import Home
from flows.shell import Carried, concluded, flow_run_id, form, publish, step
from flows.summary import nightly_summary
from flows.work.nightly import run_nightly

FORCE = form(
    False, "Retrain anyway", "Retrain even when data, protocol and software are those of the last complete training."
)


@flow(name="nightly", persist_result=False, description="Retrain when something new came in; otherwise end in seconds.")
@concluded
def nightly(force: bool = FORCE) -> State:
    """Retrain when something new came in; otherwise end in seconds.

    New versions become challengers beside the champion. This release never promotes by itself: the verdict is "keep".
    A failed night leaves the registry as it was.
    """
    home = Home.find().create()
    record = run_nightly(home, force=force, trigger="schedule", flow_run=flow_run_id(), run=step(home))
    publish("nightly-summary", nightly_summary(record, home), "What the night found")
    name = "Nothing new" if record["status"] == "nothing new" else "Completed"
    return Completed(name=name, message=record["message"], data=Carried(record))
