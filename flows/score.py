"""Flow ``score``: every patient scored with the champions."""

from __future__ import annotations

import datetime as dt

from prefect import flow
from prefect.states import Completed, State

from flows.home import Home
from flows.shell import DATA_CUT, Carried, concluded, form, publish, step
from flows.summary import score_summary
from flows.work.score import run_score

OUT = form(
    None, "File to write", "A .csv or .parquet file on the machine of the server; leave empty for reports/scores."
)


@flow(name="score", persist_result=False, description="Score every patient with the champions.")
@concluded
def score(out: str | None = OUT, data_cut: dt.date | None = DATA_CUT) -> State:
    """Score every patient with the champions.

    One row per patient and endpoint for each landmark that the patient has reached, from records dated up to the
    landmark only. The file stays on this machine; the summary here holds counts only.
    """
    home = Home.find().create()
    result = step(home, retries=1)("score", run_score, home, out, data_cut)
    publish("score-summary", score_summary(result, home), "How many patients were called, by endpoint")
    return Completed(message=result.sentence, data=Carried(result))
