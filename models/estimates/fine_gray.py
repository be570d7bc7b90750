"""Fine and Gray's regression of the subdistribution hazard of one cause, for the effect on its cumulative incidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from models.estimates.kaplan_meier import kaplan_meier
from models.estimates.risk_table import Times, checked

STEPS, TOLERANCE = 50, 1e-10


def fine_gray(
    time: ArrayLike, event: ArrayLike, covariates: pd.DataFrame, cause: int = 1, *, level: float = 0.95
) -> pd.DataFrame:
    """Subdistribution hazard ratios with the sandwich error of Fine and Gray (1999), as ``cmprsk::crr``.

    Patients with the competing event stay at risk with weight G(t-) / G(X-), G the Kaplan-Meier curve of censoring
    (assumed not to depend on the covariates); ties after Breslow. The error allows for G being estimated. Right
    censoring only. Meant for a trial (the weights fill a matrix of events by patients).

    Parameters
    ----------
    time, event : array, shape (n,)
        As of ``cumulative_incidence``: 0 censored, 1 or 2 the first event.
    covariates : DataFrame, shape (n, p)
        Numbers, one row per patient in the order of ``time``.
    cause : int
        1 or 2.

    Returns
    -------
    DataFrame
        Indexed by covariate: coef, se, hr, lower, upper, p (Wald).

    Raises
    ------
    ValueError
        Missing covariates, a covariate that does not vary, no event of the cause, no convergence (separation).
    """
    if cause not in (1, 2):
        raise ValueError(f"cause {cause}: choose 1 or 2")
    times = checked(time, event, codes=(0, 1, 2))
    z = np.asarray(covariates, dtype=float)
    _check(z, covariates, times, cause)
    setting = _setting(times, z - z.mean(axis=0), cause)
    coef = _maximise(setting)
    se = np.sqrt(np.diag(_sandwich(setting, coef)))
    width = norm.ppf(0.5 + level / 2) * se
    columns = {"coef": coef, "se": se, "hr": np.exp(coef), "lower": np.exp(coef - width), "upper": np.exp(coef + width)}
    return pd.DataFrame(columns | {"p": 2 * norm.sf(np.abs(coef) / se)}, index=list(covariates.columns))


@dataclass(frozen=True)
class _Setting:
    """Event times of the cause by patients: weights at risk, and who ended how."""

    times: Times
    z: np.ndarray
    cause: int
    grid: np.ndarray  # distinct times of the cause, shape (m,)
    died: np.ndarray  # events of the cause at them, shape (m,)
    weight: np.ndarray  # shape (m, n)

    @property
    def own(self) -> np.ndarray:
        return self.times.event == self.cause

    @property
    def other(self) -> np.ndarray:
        return (self.times.event != 0) & ~self.own


def _setting(times: Times, z: np.ndarray, cause: int) -> _Setting:
    censoring = kaplan_meier(times.time, times.event != 0, reverse=True)
    own = times.event == cause
    grid, died = np.unique(times.time[own], return_counts=True)
    kept = np.where(own | (times.event == 0), 0.0, 1 / _before(censoring.time, censoring.value, times.time))
    later = kept * _before(censoring.time, censoring.value, grid)[:, None]
    weight = np.where(times.time >= grid[:, None], 1.0, later)
    return _Setting(times, z, cause, grid, died, weight)


def _before(grid: np.ndarray, value: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Left limit of a step function that starts at 1."""
    return np.append(1.0, value)[np.searchsorted(grid, wanted, side="left")]


def _check(z: np.ndarray, covariates: pd.DataFrame, times: Times, cause: int) -> None:
    if len(z) != len(times.time):
        raise ValueError(f"covariates have {len(z)} rows for {len(times.time)} patients: one row each")
    if not np.isfinite(z).all():
        rows = int((~np.isfinite(z)).any(axis=1).sum())
        raise ValueError(f"covariates of {rows} of {len(z)} patients are missing: leave them out or impute")
    constant = [str(name) for name, same in zip(covariates.columns, np.ptp(z, axis=0) == 0, strict=True) if same]
    if constant:
        raise ValueError(f"{', '.join(constant)} does not vary: leave it out")
    if not (times.event == cause).any():
        raise ValueError(f"no event of cause {cause}: nothing to estimate")


def _sums(setting: _Setting, coef: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted risks (m, n), their total (m,) and the weighted mean of the covariates (m, p)."""
    risk = setting.weight * np.exp(setting.z @ coef)
    total = risk.sum(axis=1)
    return risk, total, risk @ setting.z / total[:, None]


def _score(setting: _Setting, coef: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    risk, total, mean = _sums(setting, coef)
    score = setting.z[setting.own].sum(axis=0) - setting.died @ mean
    per_patient = (setting.died / total) @ risk
    information = (setting.z * per_patient[:, None]).T @ setting.z - (mean * setting.died[:, None]).T @ mean
    return score, information


def _maximise(setting: _Setting) -> np.ndarray:
    coef = np.zeros(setting.z.shape[1])
    for _ in range(STEPS):
        score, information = _score(setting, coef)
        if np.linalg.matrix_rank(information) < len(coef):
            raise ValueError("the covariates determine each other or the event: leave one out")
        step = np.linalg.solve(information, score)
        coef = coef + np.clip(step, -2, 2)
        if np.abs(step).max() < TOLERANCE:
            return coef
    raise ValueError("no finite maximum: a covariate separates patients with and without event")


def _sandwich(setting: _Setting, coef: np.ndarray) -> np.ndarray:
    """Inverse information, squared influences (events, and censoring through the weights), inverse information."""
    risk, total, mean = _sums(setting, coef)
    bread = np.linalg.inv(_score(setting, coef)[1])
    hazard = setting.died / total
    through = risk * hazard[:, None]
    influence = -(setting.z * through.sum(axis=0)[:, None] - through.T @ mean)
    place = np.searchsorted(setting.grid, setting.times.time[setting.own])
    influence[setting.own] += setting.z[setting.own] - mean[place]
    influence += _censoring_part(setting, through, mean)
    return bread @ influence.T @ influence @ bread


def _censoring_part(setting: _Setting, through: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Integral of q(u) / n(u) against each patient's censoring martingale."""
    ends = setting.times.time
    censored = setting.times.event == 0
    grid, left = np.unique(ends[censored], return_counts=True)
    if not len(grid):
        return np.zeros_like(setting.z)
    n = len(ends) - np.searchsorted(np.sort(ends), grid, side="left")
    # q(u): what patients with the competing event before u still contribute after u.
    still = (ends[None, :] < grid[:, None]) & setting.other
    after = setting.grid[None, :] >= grid[:, None]
    mass = after * (still @ through.T)
    q = (after.astype(float) @ through * still) @ setting.z - mass @ mean
    ratio = q / n[:, None]
    compensated = np.vstack([np.zeros(q.shape[1]), np.cumsum(ratio * (left / n)[:, None], axis=0)])
    out = -compensated[np.searchsorted(grid, ends, side="right")]
    out[censored] += ratio[np.searchsorted(grid, ends[censored])]
    return out
