"""The Mayo PBC sequential cohort through landmark features, the stacked Cox model and the metrics, against R.

    python -m benchmarks.real.pbcseq [--realdata DIR] [--reference DIR]

prints the largest difference to the R answers per kind of quantity and exits 1 when one is above the tolerance.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.real.answers import read_answers, script
from benchmarks.real.landmark_cohort import analyse, competing
from benchmarks.real.landmark_question import Question, as_trial, compared, largest_gap
from data.protocol import Protocol, load_protocol
from data.trial import Trial
from features.landmark import last_values

LANDMARKS = (0, 6, 12, 36)
TERMS = ("logbili", "albumin", "age")
SMALL = ("albumin", "age")
DEAD, TRANSPLANT = 2, 1
# name of the analysis in the R answers, window in months, status codes that are events
ANALYSES = (
    ("death_or_tx", 24, (TRANSPLANT, DEAD)),
    ("w24m.death_txcens", 24, (DEAD,)),
    ("w60m.death_txcens", 60, (DEAD,)),
)
PATIENTS = {
    "death_or_tx": "pbcseq_landmark_patients.csv",
    "w60m.death_txcens": "pbcseq_landmark_patients_w60_txcens.csv",
}


def load_trial(path: Path) -> tuple[Trial, pd.DataFrame]:
    """Map the cohort into the trial's tables.

    Returns
    -------
    Trial
        Patients, samples and results.
    DataFrame
        By patient: follow-up (days), status (0 alive, 1 transplant, 2 dead), age (years).
    """
    raw = pd.read_csv(path)
    who = raw["id"].map("PBC{:04d}".format).rename("patient_id")
    trial = as_trial(who, raw["day"], {"bilirubin": (raw["bili"], "mg/dL"), "albumin": (raw["albumin"], "g/dL")})
    subjects = raw.assign(patient_id=who).drop_duplicates("patient_id").set_index("patient_id")
    return trial, subjects[["futime", "status", "age"]].rename(columns={"futime": "days"})


def landmark_rows(trial: Trial, subjects: pd.DataFrame, protocol: Protocol, landmark: float) -> pd.DataFrame:
    """Patients still followed at a landmark, with their last values and follow-up in days from the landmark."""
    values = last_values(trial, protocol, landmark, ("bilirubin", "albumin"))
    rows = subjects.join(values)
    rows["logbili"] = np.log(rows["bilirubin"])
    rows["time"] = rows["days"] - landmark * protocol.month_days
    rows["landmark"] = float(landmark)
    rows["age_of_value"] = rows[["bilirubin__days_before", "albumin__days_before"]].min(axis=1)
    return rows[rows["time"] > 0].dropna(subset=list(TERMS))


def ask(rows: pd.DataFrame, codes: tuple[int, ...], window: float) -> Question:
    """An endpoint whose events are some states; patients in other states count as censored."""
    return Question(rows, rows["status"].isin(codes).to_numpy().astype(int), window, TERMS, SMALL)


def run(realdata: Path, reference: Path) -> pd.DataFrame:
    """Every quantity beside its R answer: quantity, ours, R, difference, tolerance."""
    protocol = load_protocol(Path(__file__).with_name("pbcseq_protocol.toml"))
    trial, subjects = load_trial(realdata / "longitudinal_marker" / "pbcseq.csv")
    patients = {name: pd.read_csv(reference / file) for name, file in PATIENTS.items()}
    parts = {}
    for landmark in LANDMARKS:
        rows = landmark_rows(trial, subjects, protocol, landmark)
        status = rows["status"].map({0: 0, DEAD: 1, TRANSPLANT: 2}).to_numpy()
        question = Question(rows, status, 24 * protocol.month_days, TERMS, SMALL)
        parts[f"lm{landmark}m.death_cr"] = (question, competing(question))
        for name, months, codes in ANALYSES:
            question = ask(rows, codes, months * protocol.month_days)
            quantities, risks = analyse(question)
            if name in patients:
                theirs = patients[name].query("months == @landmark").set_index("id")
                quantities |= largest_gap(risks, theirs.loc[rows.index.str[3:].astype(int)].reset_index())
            parts[f"lm{landmark}m.{name}"] = (question, quantities)
    return compared(parts, read_answers(reference / "ref_pbcseq_landmark.csv"))


def main(argv: list[str] | None = None) -> int:
    """Print the table of largest differences; 1 when one is above the tolerance."""
    return script(__doc__ or "", argv, run)


if __name__ == "__main__":
    sys.exit(main())
