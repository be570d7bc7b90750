"""What the software must refuse (statistical design, section 6, check 15), tried on its real interfaces.

    python -m benchmarks.known_truth.refusals [--cohorts N]

Prints one line per refusal: what was tried, the code or word that answered, and the message. Exits 1 when something
that must be refused went through. ``--cohorts`` also takes N clean simulated trials of 106 patients through every check
against leakage, all endpoints, and counts those that are refused (check 3: none of 20).
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from data.findings import Refused
from data.protocol import Protocol, load_protocol
from data.readers.delivery import read_delivery_table
from data.simulate import generate
from data.trial import Trial
from data.validate import validate_table
from data.validate.context import Context
from data.validate.rules import check_rules
from features.clock import origin_dates
from features.landmark import score_version, table_at
from features.measurements import measurements
from features.outcomes import build_outcome
from features.urine import hiaa_per_creatinine
from models.result import NOT_ESTIMABLE, TrainingResult
from models.scoring import NO_CALL, Champion, score
from models.tracking.figures import alt_text, caption
from models.tracking.model_card import model_card
from models.training import Plan, train_endpoint
from models.validation.cohort import build_cohort

SAMPLES = (
    "sample_id,patient_id,specimen,visit,collected_on\nU1,P1,urine,month_6,2020-07-01\nB1,P1,blood,month_6,2020-07-01\n"
)
RESULTS = "sample_id,analyte,value,unit,comparator,version\n"
ENDPOINT, LATE = "MRD36@6", "ER12@36"
QUICK = {"repeats": 2, "resamples": 20, "draws": 12, "jobs": 1}


@dataclass(frozen=True)
class Answer:
    """What came back: a code or a word, and the message; an empty code means that nothing was refused."""

    code: str
    message: str


class Case:
    """A simulated trial of 106 patients and what is built from it, each once."""

    def __init__(self) -> None:
        self.protocol: Protocol = load_protocol()

    @cached_property
    def trial(self) -> Trial:
        return generate(106, protocol=self.protocol).trial()

    @cached_property
    def origin(self) -> pd.Series:
        return origin_dates(self.trial, self.protocol)

    def train(self, name: str) -> TrainingResult:
        endpoint = self.protocol.endpoint(name)
        tables = {endpoint.landmark: table_at(self.trial, self.protocol, endpoint.landmark)}
        plan = Plan.from_protocol(self.protocol, **QUICK)
        outcome = build_outcome(self.trial, self.protocol)
        chosen = {"origin": self.origin, "models": ("M1",), "plan": plan}
        return train_endpoint(tables, outcome, endpoint, self.protocol, **chosen)

    @cached_property
    def trained(self) -> TrainingResult:
        return self.train(ENDPOINT)

    @cached_property
    def champion(self) -> Champion:
        return Champion(self.trained.models["M1"].estimator, "mrd36-at-6", "1", "M1")

    def scored(self, **changes: object) -> pd.DataFrame:
        landmark = self.protocol.endpoint(ENDPOINT).landmark
        table = dataclasses.replace(table_at(self.trial, self.protocol, landmark), **changes)
        return score({landmark: table}, self.protocol, {ENDPOINT: self.champion}, origin=self.origin)


def delivered(case: Case, lines: str) -> Answer:
    """The first rejecting finding of a results file."""
    samples, _ = validate_table(read_delivery_table(SAMPLES, "samples.csv"))
    table, found = validate_table(read_delivery_table(RESULTS + lines, "results.csv"))
    context = Context({"samples": samples.frame, "results": table.frame}, case.protocol, pd.Timestamp("2022-01-01"))
    rejects = [one for one in (*found, *check_rules(table, context)) if one.severity == "reject"]
    return Answer(rejects[0].code, rejects[0].message) if rejects else Answer("", "accepted")


def refused(run: Callable[[], object]) -> Answer:
    """The finding of a refusal."""
    try:
        run()
    except Refused as error:
        return Answer(error.findings[0].code, error.findings[0].message)
    return Answer("", "accepted")


def late_landmark(case: Case) -> Answer:
    result = case.train(LATE)
    return Answer(result.status if result.status == NOT_ESTIMABLE and not result.models else "", result.reason)


def mixed_versions(case: Case) -> Answer:
    results = case.trial.results
    scores = results["analyte"] == "netest_activity"
    other = results["version"].where(~scores | (results.index % 2 == 0), "2.0")
    measured = measurements(case.trial.replace(results=results.assign(version=other)), case.protocol)
    return refused(lambda: score_version(measured, case.protocol))


def timed_as_ratio(case: Case) -> Answer:
    rows = [("5hiaa", 20.0, "umol/L"), ("creatinine", 6.0, "mmol/L")]
    results = pd.DataFrame(rows, columns=["analyte", "value", "unit"]).assign(
        sample_id="U1", comparator="=", version="24h"
    )
    day = pd.Timestamp("2020-07-01")
    trial = Trial.from_frames(
        patients=pd.DataFrame({"patient_id": ["P1"], "surgery_on": [day - pd.Timedelta(days=180)]}),
        samples=pd.DataFrame({"sample_id": ["U1"], "patient_id": ["P1"], "specimen": ["urine"], "collected_on": [day]}),
        results=results,
    )
    row = hiaa_per_creatinine(measurements(trial, case.protocol), case.protocol).iloc[0]
    return Answer("" if row["valid"] else str(row["reason"]), "a 24-hour collection gives no ratio")


def without_blood(case: Case) -> Answer:
    rows = case.scored()
    silent = rows[rows["reason"].str.startswith("no blood score")]
    if not len(silent) or silent["probability"].notna().any() or (silent["call"] != NO_CALL).any():
        return Answer("", "scored")
    return Answer(NO_CALL, str(silent["reason"].iloc[0]))


def auc_surfaces(case: Case) -> dict[str, str]:
    """Texts in which an AUC is printed."""
    from flows.summary import TRAIN_HEADER
    from flows.work.train import Trained

    result = case.trained
    table = Trained(prepared=None, results={ENDPOINT: result}).table()  # type: ignore[arg-type]
    figure = caption(result)
    return {
        "model card": model_card(result, "M1", case.protocol, True),
        "ROC figure with its caption": f"{result.models['M1'].cell('auc', 2)} {figure}",
        "alternative text of the ROC figure": alt_text("roc", result, "M1"),
        "alternative text of the forest": alt_text("forest", result),
        "table of netest train": "\n".join(" ".join(row) for row in (TRAIN_HEADER, *table)),
    }


def lacking(text: str) -> list[str]:
    """Which of arm, prevalence, events and interval a text with an AUC does not name."""
    needed = {
        "arm": r"\bcontrol\b",
        "prevalence": r"event rate|prevalence",
        "events": r"events|\d+ / \d+",
        "interval": r"\d\.\d+ \(\d\.\d+ to \d\.\d+\)",
    }
    return [name for name, pattern in needed.items() if not re.search(pattern, text)]


def answers(case: Case) -> dict[str, Answer]:
    """Every attempt and its answer."""
    out = {
        f"{LATE} at n=106 trained": late_landmark(case),
        "activity score delivered as version 2.0": delivered(case, "B1,netest_activity,30,score,=,2.0\n"),
        "version 1.0 and 2.0 scores in one analysis": mixed_versions(case),
        "version 2.0 scores into a version 1.0 model": refused(lambda: case.scored(version="2.0")),
        "urine analyte in a blood sample": delivered(case, "B1,5hiaa,20,umol/L,=,spot\n"),
        "blood score in a urine sample": delivered(case, "U1,netest_activity,30,score,=,1.0\n"),
        "24-hour 5-HIAA as a ratio per creatinine": timed_as_ratio(case),
        "score at a landmark without blood": without_blood(case),
    }
    for where, text in auc_surfaces(case).items():
        missing = lacking(text)
        words = f"does not name {', '.join(missing)}" if missing else "arm, prevalence, events and interval are there"
        out[f"AUC in the {where}"] = Answer("" if missing else "complete", words)
    return out


def falsely_refused(cohorts: int, protocol: Protocol) -> list[str]:
    """Refusals of clean simulated trials: seed, endpoint and message of each."""
    out = []
    for seed in range(1, cohorts + 1):
        trial = generate(106, seed=seed, protocol=protocol).trial()
        origin, outcome = origin_dates(trial, protocol), build_outcome(trial, protocol)
        try:
            tables = {landmark: table_at(trial, protocol, landmark) for landmark in protocol.landmarks}
            for endpoint in protocol.endpoints.values():
                build_cohort(tables, outcome, endpoint, protocol, origin)
        except Refused as error:
            out.append(f"seed {seed}: {error}")
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohorts", type=int, default=0)
    options = parser.parse_args()
    case = Case()
    found = answers(case)
    width = max(map(len, found))
    for tried, answer in found.items():
        print(f"{tried:{width}}  {answer.code or 'MISSING':14}  {answer.message}")
    refusals = falsely_refused(options.cohorts, case.protocol)
    if options.cohorts:
        print(f"clean cohorts refused: {len(refusals)} of {options.cohorts}", *refusals, sep="\n")
    return int(bool(refusals) or any(not answer.code for answer in found.values()))


if __name__ == "__main__":
    sys.exit(main())
