"""Flow ``train``: fit, validate and track the prespecified models."""

from __future__ import annotations

import datetime as dt

from prefect import flow
from prefect.states import Completed, State

from flows.home import Home
from flows.shell import DATA_CUT, Carried, concluded, flow_run_id, form, publish, step
from flows.summary import train_summary
from flows.work.selection import BlockChoice, FamilyChoice, LandmarkChoice, ModelChoice, TrainRequest
from flows.work.train import run_train

ENDPOINT = form(
    "all", "Question", "mrd: residual disease that becomes evident; early-recurrence: the year after the landmark."
)
LANDMARK = form("all", "Landmark", "Month after surgery at which the prediction is made.")
MODELS = form(
    [],
    "Models",
    "Which of the prespecified models; leave empty for all. The rule M0 and the comparator Mc are always fitted.",
)
BLOCKS = form(
    "patient",
    "Folds keep together",
    "patient: all visits of a patient. site: all patients of a hospital, which shows how well a model travels.",
)
LEARNING_CURVE = form(
    False, "Learning curve", "Also fit on 40, 60 and 80% of the patients, to see whether more patients would help."
)
PERMUTATIONS = form(
    0,
    "Permutations",
    "Also run everything this often on exchanged outcomes, to see what chance alone gives. 0 for none; 99 is slow.",
)
JOBS = form(0, "Cores", "How many cores to use; 0 for all. Has no effect on the results.")


@flow(name="train", persist_result=False, description="Train, validate and track the prespecified models.")
@concluded
def train(
    endpoint: FamilyChoice = ENDPOINT,
    landmark: LandmarkChoice = LANDMARK,
    models: list[ModelChoice] = MODELS,
    data_cut: dt.date | None = DATA_CUT,
    blocks: BlockChoice = BLOCKS,
    learning_curve: bool = LEARNING_CURVE,
    permutations: int = PERMUTATIONS,
    jobs: int = JOBS,
) -> State:
    """Train, validate and track the prespecified models.

    One task per endpoint; everything is fitted inside the folds, by patient. The first training names the champion that
    the policy prespecifies for this number of patients; later ones register challengers.
    """
    home = Home.find().create()
    request = TrainRequest(
        endpoint,
        landmark,
        tuple(models),
        data_cut,
        "on demand",
        flow_run_id(),
        blocks,
        learning_curve,
        permutations,
        jobs,
    )
    result = run_train(home, request, run=step(home))
    publish("train-summary", train_summary(result, home), "Every model with its figures and intervals")
    return Completed(message=result.sentence, data=Carried(result))
