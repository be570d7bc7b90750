"""White blood counts of the Benelux CML study, at very irregular visits, through the same code as ``pbcseq.py``.

    python -m benchmarks.real.cml [--realdata DIR] [--reference DIR]

prints the largest difference to the R answers per kind of quantity and exits 1 when one is above the tolerance.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.real.answers import read_answers, script
from benchmarks.real.landmark_cohort import analyse
from benchmarks.real.landmark_question import Question, as_trial, compared, largest_gap
from data.protocol import Protocol, load_protocol
from data.trial import Trial
from features.landmark import last_values

YEARS = (0.5, 1, 3)
WINDOW = 2.0
DAYS = 365
TERMS = ("lwbc", "sokal", "age10")
SMALL = ("sokal", "age10")
# The cohort's own scale: lwbc = log10(count in 10^9/L) - 0.95.
SHIFT = 0.95


def load_trial(folder: Path) -> tuple[Trial, pd.DataFrame]:
    """Map the cohort into the trial's tables.

    Returns
    -------
    Trial
        Patients, samples and results.
    DataFrame
        By patient: follow-up (years), status (0 alive, 1 dead), Sokal score, age (decades).
    """
    visits, patients = (pd.read_csv(folder / f"cml_wbc_{name}.csv") for name in ("visits", "patients"))
    who = visits["patnr"].map("CML{:04d}".format).rename("patient_id")
    day = (visits["tyears"] * DAYS).round().astype(int)
    trial = as_trial(who, day, {"wbc": (10 ** (visits["lwbc"] + SHIFT), "10^9/L")})
    patients = patients.assign(patient_id=patients["patnr"].map("CML{:04d}".format), age10=patients["age"] / 10)
    subjects = patients.set_index("patient_id")[["tyears", "d", "sokal", "age10"]]
    return trial, subjects.rename(columns={"tyears": "years", "d": "status"})


def landmark_rows(trial: Trial, subjects: pd.DataFrame, protocol: Protocol, years: float) -> pd.DataFrame:
    """Patients still followed at a landmark, with their last count and follow-up in years from the landmark."""
    values = last_values(trial, protocol, 12 * years, ("wbc",))
    rows = subjects.join(values)
    rows["lwbc"] = np.log10(rows["wbc"]) - SHIFT
    rows["time"] = rows["years"] - years
    rows["landmark"] = 12.0 * years
    rows["age_of_value"] = rows["wbc__days_before"] / DAYS
    return rows[rows["time"] > 0].dropna(subset=list(TERMS))


def run(realdata: Path, reference: Path) -> pd.DataFrame:
    """Every quantity beside its R answer: quantity, ours, R, difference, tolerance."""
    protocol = load_protocol(Path(__file__).with_name("cml_protocol.toml"))
    trial, subjects = load_trial(realdata / "longitudinal_marker")
    patients = pd.read_csv(reference / "cml_landmark_patients.csv")
    parts = {}
    for years in YEARS:
        rows = landmark_rows(trial, subjects, protocol, years)
        question = Question(rows, rows["status"].to_numpy(), WINDOW, TERMS, SMALL)
        quantities, risks = analyse(question)
        theirs = patients.query("landmark == @years").set_index("id")
        quantities |= largest_gap(risks, theirs.loc[rows.index.str[3:].astype(int)].reset_index())
        parts[f"lm{years:g}y"] = (question, quantities)
    return compared(parts, read_answers(reference / "ref_cml_landmark.csv"))


def main(argv: list[str] | None = None) -> int:
    """Print the table of largest differences; 1 when one is above the tolerance."""
    return script(__doc__ or "", argv, run)


if __name__ == "__main__":
    sys.exit(main())
