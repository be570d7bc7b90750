"""Survival predicted by a Cox model for given covariates."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from models.estimates.cox.likelihood import Sets, steps_at
from models.estimates.risk_table import checked, count
from models.estimates.values import Curve


def predicted_curve(
    fit: tuple[np.ndarray, Sets, np.ndarray, np.ndarray],
    stratum: int,
    where: tuple[np.ndarray, np.ndarray, np.ndarray | None],
    profile: np.ndarray,
    level: float,
) -> Curve:
    """exp(-H(t)) of one profile, H with the tie correction of the fit.

    Limits are set on the log(-log) scale and NaN before the first event.

    Parameters
    ----------
    fit : tuple
        Centred design, its risk sets, coefficients and their covariance.
    stratum : int
        Whose baseline hazard.
    where : tuple
        Time, event and entry of the rows of the stratum: at-risk counts, and the times of the curve.
    profile : ndarray, shape (p,)
        Terms, centred as the design.

    References
    ----------
    Tsiatis, Ann Stat 1981; 9: 93-108, with Efron's increments as ``survfit.coxph`` of R survival 3.
    """
    design, sets, beta, covariance = fit
    time, event, entry = where
    hazard, variance, pull = _cumulative(design, sets, beta, stratum, profile)
    counts = count(checked(time, event, entry))
    place = np.searchsorted(sets.time[sets.stratum == stratum], counts.time, side="right")
    risk = np.exp(profile @ beta)
    total = risk * hazard[place]
    drift = risk * pull[place]
    error = np.sqrt(risk**2 * variance[place] + np.einsum("tp,pq,tq->t", drift, covariance, drift))
    survival = np.exp(-total)
    reach = norm.ppf(0.5 + level / 2) * np.divide(error, total, out=np.full_like(error, np.nan), where=total > 0)
    return Curve(
        time=counts.time,
        value=survival,
        lower=np.exp(-total * np.exp(reach)),
        upper=np.exp(-total * np.exp(-reach)),
        error=survival * error,
        n_risk=counts.n_risk,
        n_event=counts.n_event,
        n_censor=counts.n_censor,
    )


def _cumulative(
    design: np.ndarray, sets: Sets, beta: np.ndarray, stratum: int, profile: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Baseline hazard, its Poisson variance and its derivative by the coefficients, each with a leading zero."""
    steps = steps_at(design, sets, beta)
    increment = 1 / steps.total
    values = np.column_stack([increment, increment**2, (steps.mean - profile) * increment[:, None]])
    by_time = np.zeros((len(sets.time), values.shape[1]))
    np.add.at(by_time, sets.step, values)
    own = by_time[sets.stratum == stratum]
    running = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(own, axis=0)])
    return running[:, 0], running[:, 1], running[:, 2:]
