"""Disease-free survival and recurrence of a cohort on the visit-closed clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.exceptions import ConvergenceError
from scipy.stats import norm

from data.protocol import Protocol
from features.outcomes import Outcome
from features.outcomes.times import event_times

CENSORED, RECURRENCE, DEATH = 0, 1, 2


@dataclass(frozen=True)
class Curve:
    """A step function with its interval: value at ``time`` and until the next one."""

    time: np.ndarray
    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def at(self, month: float) -> tuple[float, float, float]:
        """Value, lower and upper limit at a month (NaN before the first time)."""
        position = int(np.searchsorted(self.time, month, side="right")) - 1
        if position < 0:
            return float("nan"), float("nan"), float("nan")
        return float(self.value[position]), float(self.lower[position]), float(self.upper[position])


def visit_times(outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """One row per patient under observation: entry, time and kind of the first event on the visit-closed clock.

    Which event comes first is decided by ``features.outcomes.event_times``. A recurrence counts at the nominal visit
    that shows it (an unscheduled one at the closing visit of its interval), everybody without an event is censored at
    the nominal visit of the last adequate scan, a death counts on its day. Nominal visits keep the last visit of the
    study whole: on actual days a patient who is scanned clear early in the window would leave the risk set before one
    who is scanned late, and the curve would fall too far where imaging ends.

    Parameters
    ----------
    outcome : Outcome
    protocol : Protocol

    Returns
    -------
    DataFrame
        Indexed by patient: arm, entry, time (months), cause (0 censored, 1 recurrence, 2 death). Patients who were
        never under observation after entry are left out.
    """
    actual = event_times(outcome, "recurrence", protocol)
    patients = outcome.patients.loc[actual.index]
    last = patients["last_adequate_visit"].fillna(0.0)
    cause = actual["event"]
    time = patients["first_positive_visit"].where(cause.eq(RECURRENCE), last)
    time = time.where(cause.ne(DEATH), np.maximum(patients["death"], last))
    frame = pd.DataFrame(
        {"arm": patients["arm"], "entry": actual["entry"], "time": time.astype(float), "cause": cause.astype(int)}
    )
    return frame[frame["time"] > frame["entry"]]


def kaplan_meier(times: pd.DataFrame, *, reverse: bool = False) -> Curve:
    """Kaplan-Meier curve of freedom from any event, delayed entry, log-log interval (lifelines).

    Parameters
    ----------
    times : DataFrame
        As of :func:`visit_times`, at least one row.
    reverse : bool
        Reverse Kaplan-Meier (time under observation): censoring becomes the event.
    """
    event = times["cause"].ne(CENSORED)
    fitter = KaplanMeierFitter().fit(times["time"], ~event if reverse else event, entry=times["entry"])
    curve = fitter.survival_function_.iloc[:, 0]
    limits = fitter.confidence_interval_survival_function_
    return Curve(
        curve.index.to_numpy(dtype=float),
        curve.to_numpy(),
        limits.iloc[:, 0].to_numpy(),
        limits.iloc[:, 1].to_numpy(),
    )


def median_time(curve: Curve) -> float:
    """First time at which the curve is at or below one half; NaN when it never is."""
    reached = np.flatnonzero(curve.value <= 0.5)
    return float(curve.time[reached[0]]) if len(reached) else float("nan")


def at_risk(times: pd.DataFrame, months: np.ndarray) -> np.ndarray:
    """Patients entered before, and neither with event nor censored before, each month.

    Month 0 counts everybody who enters later: with delayed entry nobody is at risk on the day of surgery itself.
    """
    months = np.asarray(months, dtype=float)[:, None]
    entered = (months <= 0) | (times["entry"].to_numpy() < months)
    return (entered & (times["time"].to_numpy() >= months)).sum(axis=1)


def cumulative_incidence(times: pd.DataFrame, cause: int, confidence: float = 0.95) -> Curve:
    """Aalen-Johansen cumulative incidence of one cause with the other competing, tied times kept tied.

    F(t) = sum over t_i <= t of S(t_i-) d_ci / n_i. Variance by the delta method (Marubini and Valsecchi 1995,
    eq. 10.12), interval on the log-log scale. Own code because the lifelines fitter breaks ties at random.

    Parameters
    ----------
    times : DataFrame
        As of :func:`visit_times`, at least one row.
    cause : int
        1 recurrence, 2 death.
    """
    duration, kinds = times["time"].to_numpy(), times["cause"].to_numpy()
    grid = np.unique(duration[kinds != CENSORED])
    exits = duration[None, :] == grid[:, None]
    n = ((times["entry"].to_numpy() < grid[:, None]) & (duration >= grid[:, None])).sum(axis=1).astype(float)
    d = (exits & (kinds != CENSORED)).sum(axis=1).astype(float)
    d_cause = (exits & (kinds == cause)).sum(axis=1).astype(float)
    before = np.concatenate([[1.0], np.cumprod(1.0 - d / n)[:-1]]) if len(grid) else np.empty(0)
    value = np.cumsum(before * d_cause / n)
    error = np.sqrt(np.maximum(_variance(value, before, n, d, d_cause), 0.0))
    z = norm.ppf(0.5 + confidence / 2)
    inside = (value > 0) & (value < 1)
    safe = np.where(inside, value, 0.5)
    width = np.where(inside, z * error / (safe * np.log(safe)), 0.0)
    lower = np.where(inside, safe ** np.exp(-width), value)
    upper = np.where(inside, safe ** np.exp(width), value)
    start = [0.0]
    return Curve(*(np.concatenate([start, part]) for part in (grid, value, lower, upper)))


def _variance(value: np.ndarray, before: np.ndarray, n: np.ndarray, d: np.ndarray, d_cause: np.ndarray) -> np.ndarray:
    gap = np.tril(value[:, None] - value[None, :])
    survivors = np.where(n > d, n - d, np.inf)
    survival = gap**2 @ (d / (n * survivors))
    own = np.cumsum(before**2 * d_cause * (n - d_cause) / n**3)
    joint = gap @ (before * d_cause / n**2)
    return survival + own - 2 * joint


def hazard_ratio(times: pd.DataFrame, minimum_events: int) -> tuple[float, float, float] | None:
    """Hazard ratio PRRT against control (Cox, delayed entry, Efron) with 95% interval.

    Returns None when an arm is missing or has fewer than ``minimum_events`` events: not estimable.
    """
    both = times[times["arm"].isin(["control", "prrt"])]
    events = both[both["cause"].ne(CENSORED)].groupby("arm").size()
    if len(events) < 2 or events.min() < minimum_events:
        return None
    frame = both.assign(prrt=both["arm"].eq("prrt").astype(float), event=both["cause"].ne(CENSORED).astype(int))
    try:
        fit = CoxPHFitter().fit(frame[["entry", "time", "event", "prrt"]], "time", event_col="event", entry_col="entry")
    except ConvergenceError:
        return None
    row = fit.summary.loc["prrt"]
    return float(row["exp(coef)"]), float(row["exp(coef) lower 95%"]), float(row["exp(coef) upper 95%"])
