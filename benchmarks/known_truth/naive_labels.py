"""What wrong labels claim: the censored dropped or counted as clear, hard horizons, exact dates, midpoints."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.known_truth.cohorts import PROTOCOL, judged, make
from data.simulate.labels import truth_label
from models.estimates.kaplan_meier import kaplan_meier
from models.metrics.cutoffs import at_cutoff

# Patients enter over two years; the data are locked four years after the first.
LOCKED = {"enrolment_months": 24.0, "lock_months": 48.0}
CUTOFF = 20.0
OFF_VISIT = 33.0


def _rates(label: np.ndarray, weight: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """Event rate, and share of non-events among scores up to the cut-off."""
    low = score <= CUTOFF
    return float(weight @ label / weight.sum()), float(weight[low] @ (1 - label[low]) / weight[low].sum())


def locked_cohort(seed: int, n: int = 1000) -> dict[str, float]:
    """MRD36@6 four years after the first patient entered: weighted, censored dropped, censored as no recurrence."""
    cohort = make(n, seed, **LOCKED).cohort("MRD36@6")
    known, score = judged(cohort), cohort.rows["netest_last"].to_numpy()[cohort.own]
    rows = known.known
    npv = at_cutoff(known, score > CUTOFF)["npv"][0]
    label = np.nan_to_num(known.label)
    dropped = _rates(known.label[rows], np.ones(rows.sum()), score[rows])
    clear = _rates(label, np.ones(len(label)), score)
    return {
        "prevalence ours": known.prevalence,
        "npv ours": npv,
        "prevalence dropped": dropped[0],
        "npv dropped": dropped[1],
        "prevalence as clear": clear[0],
        "npv as clear": clear[1],
    }


def full_follow_up(seed: int, n: int = 20_000) -> dict[str, float]:
    """What the locked cohort estimates, from a large cohort that everybody was followed in.

    ``prevalence`` and ``npv`` are labels as a trial can give them, scans missed at a visit included. ``complete`` ones
    are the simulator's own: had every scan of every visit taken place. They owe nothing to labels and weights of ours.
    """
    made = make(n, seed)
    cohort = made.cohort("MRD36@6")
    known, score = judged(cohort), cohort.rows["netest_last"].to_numpy()[cohort.own]
    truth = truth_label(made.simulated.truth, "MRD36@6", PROTOCOL)["y"].reindex(cohort.judged.index).to_numpy(float)
    there = np.isfinite(truth)
    complete = _rates(truth[there], np.ones(there.sum()), score[there])
    return {
        "prevalence": known.prevalence,
        "npv": at_cutoff(known, score > CUTOFF)["npv"][0],
        "prevalence complete": complete[0],
        "npv complete": complete[1],
    }


def hard_horizon(seed: int, n: int = 2000) -> dict[str, float]:
    """Disease-free survival of the controls at month 36 when the visit is cut at the day, and closed by visit."""
    made = make(n, seed)
    rows = made.outcome.patients[made.outcome.patients["arm"] == "control"]
    return {
        "closed visit": _disease_free(rows, "visit", 36.0),
        "cut at 36.0": _disease_free(rows, "month", 36.0),
    }


def _disease_free(rows: pd.DataFrame, clock: str, month: float) -> float:
    """Kaplan-Meier disease-free survival on exact dates or on visits, which close a month later."""
    by_visit = clock == "visit"
    suffix = "_visit" if by_visit else ""
    death = rows["death"].fillna(np.inf).to_numpy()
    if by_visit:
        closed = np.array([PROTOCOL.closed(visit) for visit in PROTOCOL.visit_grid])
        death = np.append(PROTOCOL.visit_grid, np.inf)[np.searchsorted(closed, death)]
    event = np.minimum(rows[f"first_positive{suffix}"].fillna(np.inf).to_numpy(), death)
    happened = np.isfinite(event)
    time = np.where(happened, event, rows[f"last_adequate{suffix}"].fillna(0.0).to_numpy())
    return float(kaplan_meier(np.maximum(time, 1e-9), happened.astype(int)).at(month)["value"].iloc[0])


def off_visit_labels(seed: int, n: int = 4000) -> dict[str, float]:
    """Labels at a horizon between visits, by midpoint and by the date of the first positive scan, against the truth.

    The truth is the day on which the largest residual reaches the size that half of the MRIs see.
    """
    made = make(n, seed)
    truth = made.simulated.truth.set_index("patient_id")
    rows = made.outcome.patients.loc[truth.index]
    lower, upper = rows["last_clear"].fillna(0.0), rows["first_positive"].fillna(np.inf)
    onset = truth["detectable_month"].fillna(np.inf)
    straddles = ((lower < OFF_VISIT) & (upper > OFF_VISIT) & np.isfinite(upper)).to_numpy()
    wrong = lambda guess: float(((guess <= OFF_VISIT) != (onset <= OFF_VISIT))[straddles].mean())  # noqa: E731
    return {
        "straddling": float(straddles.mean()),
        "midpoint wrong": wrong((lower + upper) / 2),
        "first positive wrong": wrong(upper),
    }
