"""What is asked of a longitudinal cohort at a landmark, its visits as a trial, and its results beside R's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.real.answers import beside
from data.trial import Trial

SURGERY = pd.Timestamp("1990-01-01")
# riskRegression keeps an event in the risk set of a censoring at the same time when it takes the influence of a patient
# on the weights, while its weights let the event leave first; ours do both the second way. Errors then differ.
TIED_ERRORS = re.compile(r"score\.(?:auc|brier|delta_auc)\..*\.(?:se|lower|upper|p)$")
TIED_TOLERANCE = 1e-5
Quantities = dict[str, float]


@dataclass(frozen=True)
class Question:
    """What is asked of the patients at a landmark.

    Attributes
    ----------
    rows : DataFrame
        One row per patient at risk with a value: the terms, ``landmark``, ``time`` from the landmark (not cut) and
        ``age_of_value``.
    status : ndarray of int, shape (n,)
        0 censored, 1 event, 2 competing.
    window : float
        On the scale of ``time``.
    terms, small : tuple of str
        Of the model and of the rival with fewer terms.
    """

    rows: pd.DataFrame
    status: np.ndarray
    window: float
    terms: tuple[str, ...]
    small: tuple[str, ...]

    @property
    def time(self) -> np.ndarray:
        return self.rows["time"].to_numpy(dtype=float)

    @property
    def cut(self) -> np.ndarray:
        """Follow-up cut at the window."""
        return np.minimum(self.time, self.window)

    @property
    def event(self) -> np.ndarray:
        """Events inside the window."""
        return (self.status == 1) & (self.time <= self.window)

    @property
    def tied(self) -> bool:
        """Whether somebody is censored inside the window at the time of an event."""
        censored = self.time[(self.status == 0) & (self.time <= self.window)]
        return bool(np.isin(censored, self.time[self.status > 0]).any())


def as_trial(who: pd.Series, day: pd.Series, values: Mapping[str, tuple[pd.Series, str]]) -> Trial:
    """Visits of a cohort as the trial's tables; entry into the cohort plays the day of surgery.

    Parameters
    ----------
    who, day : Series, shape (n_visits,)
        Patient and days since entry.
    values : mapping of analyte to (Series, unit)
    """
    sample = who + "-" + day.astype(str)
    samples = pd.DataFrame(
        {
            "sample_id": sample,
            "patient_id": who,
            "specimen": "blood",
            "visit": "unscheduled",
            "collected_on": SURGERY + pd.to_timedelta(day, unit="D"),
        }
    )
    results = [
        pd.DataFrame({"sample_id": sample, "analyte": name, "value": value, "unit": unit})
        for name, (value, unit) in values.items()
    ]
    patients = pd.DataFrame({"patient_id": who.drop_duplicates().to_numpy(), "surgery_on": SURGERY})
    return Trial.from_frames(patients=patients, samples=samples, results=pd.concat(results))


def largest_gap(risks: Mapping[str, np.ndarray], theirs: pd.DataFrame) -> Quantities:
    """Largest difference over patients of both models' risks; ``theirs`` has them in the order of the patients."""
    columns = {"full": "risk", "small": "risk_small"}
    gaps = {column: float(np.abs(risks[ours] - theirs[column]).max()) for ours, column in columns.items()}
    return {f"largest_patient_gap.{column}": gap for column, gap in gaps.items()}


def compared(parts: Mapping[str, tuple[Question, Quantities]], answers: pd.Series) -> pd.DataFrame:
    """Quantities of several questions beside their R answers (``benchmarks.real.answers.beside``).

    Parameters
    ----------
    parts : mapping of prefix to (question, quantities)
        The prefix is that of the answers. A gap between patients' risks should be 0. The errors of AUC and Brier score
        have a wider tolerance where a censoring and an event tie.
    """
    found = {f"{tag}.{name}": value for tag, (_, own) in parts.items() for name, value in own.items()}
    tied = tuple(f"{tag}." for tag, (question, _) in parts.items() if question.tied)
    loose = {name: TIED_TOLERANCE for name in found if name.startswith(tied) and TIED_ERRORS.search(name)}
    gaps = pd.Series(0.0, index=[name for name in found if ".largest_patient_gap." in name])
    return beside(found, pd.concat([answers, gaps]), loose)
