"""Flow ``report``: self-contained HTML pages."""

from __future__ import annotations

from typing import Literal

from prefect import flow
from prefect.states import Completed, State

from flows.home import Home
from flows.shell import Carried, concluded, form, publish, step
from flows.summary import report_summary
from flows.work.report import run_report

ReportChoice = Literal["cohort", "patients", "plate", "model"]

KIND = form("cohort", "Report", "cohort; patients (a page for every patient); plate or model (then fill in its name).")
NAME = form("", "Name", "Name of the plate (PL03) or of the registered model (mrd36-at-6); otherwise leave empty.")


@flow(name="report", persist_result=False, description="Write reports as self-contained HTML pages.")
@concluded
def report(kind: ReportChoice = KIND, name: str = NAME) -> State:
    """Write reports as self-contained HTML pages under the home's ``reports`` folder.

    A page for one patient is written by ``netest report patient ID`` only: what is typed here is kept by the server,
    and that is no place for a patient's pseudonym.
    """
    home = Home.find().create()
    paths = step(home)(f"report {kind}", run_report, home, kind, name)
    publish("report-summary", report_summary(kind, paths, home), "Where the pages lie")
    return Completed(message=f"{len(paths)} pages written", data=Carried(paths))
