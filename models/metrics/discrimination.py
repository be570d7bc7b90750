"""Weighted area under the ROC curve with DeLong's variance, and right-censored time-dependent AUC and Brier score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.censoring import check_follow_up, kaplan_meier_weights
from models.metrics.intervals import logit_interval, normal_quantile

# Case-control pairs up to which they are compared one by one.
PAIRS = 250_000


@dataclass(frozen=True)
class Placement:
    """Weighted AUC with the placement values that carry its variance.

    ``cases`` and ``controls`` are, per patient, the weighted share of the other class that the patient is ranked
    correctly against; ``case_weight`` and ``control_weight`` sum to one.
    """

    auc: float
    cases: np.ndarray
    controls: np.ndarray
    case_weight: np.ndarray
    control_weight: np.ndarray


def _share_below(values: np.ndarray, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted share of ``others`` below each value, ties counted half."""
    order = np.argsort(others)
    return _share_in_order(values, others[order], weights[order])


def _share_in_order(values: np.ndarray, others: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """:func:`_share_below` for ascending ``others``."""
    cumulative = np.zeros(len(others) + 1)
    np.cumsum(weights, out=cumulative[1:])
    share = cumulative[np.searchsorted(others, values, side="left")]
    share += cumulative[np.searchsorted(others, values, side="right")]
    share /= 2 * cumulative[-1]
    return share


def _both_shares(
    case: np.ndarray, control: np.ndarray, case_weight: np.ndarray, control_weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Share of controls below each case and of cases above each control, with one sort for each class."""
    up, across = np.argsort(case), np.argsort(control)
    high, low = case[up], control[across]
    cases, controls = np.empty(len(case)), np.empty(len(control))
    # Searching in order reads memory in order.
    cases[up] = _share_in_order(high, low, control_weight[across])
    controls[across] = 1 - _share_in_order(low, high, case_weight[up])
    return cases, controls


def placements(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> Placement:
    """Placement values of a score.

    Parameters
    ----------
    label : array of 0/1, shape (n,)
    score : array of float, shape (n,)
        Higher means more likely to be a case.
    weight : array of float, shape (n,), optional
        Inverse probabilities of being observed; patients with weight 0 do not count.

    Returns
    -------
    Placement
        ``auc`` is NaN when one class is absent.
    """
    label, score = np.asarray(label), np.asarray(score, dtype=float)
    case, control = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    given = None if weight is None else np.asarray(weight, dtype=float)
    if given is not None:
        case, control = case[given[case] > 0], control[given[control] > 0]
    if not len(case) or not len(control):
        empty = np.array([])
        return Placement(np.nan, empty, empty, empty, empty)
    case_weight, control_weight = (
        np.full(len(rows), 1 / len(rows)) if given is None else given[rows] / given[rows].sum()
        for rows in (case, control)
    )
    cases, controls = _both_shares(score[case], score[control], case_weight, control_weight)
    return Placement(float(case_weight @ cases), cases, controls, case_weight, control_weight)


def auc(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Weighted area under the ROC curve: P(case above control), ties half. NaN without two classes."""
    return placements(label, score, weight).auc


def _spread(left: np.ndarray, right: np.ndarray, weight: np.ndarray) -> float:
    """DeLong's component: with equal weights the sample covariance over n."""
    n = len(weight)
    return float(n / (n - 1) * np.sum(weight**2 * left * right)) if n > 1 else np.nan


def delong_covariance(first: Placement, second: Placement) -> float:
    """Covariance of two weighted AUCs of the same patients (variance when both are the same).

    With weights w normalised to one per class the component is n/(n-1) sum w_i^2 (V_i - A)(V'_i - A'), which is
    DeLong's estimate when all weights are equal. The weights are taken as known.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson, Biometrics 1988; 44: 837-845.
    """
    return _spread(first.cases - first.auc, second.cases - second.auc, first.case_weight) + _spread(
        first.controls - first.auc, second.controls - second.auc, first.control_weight
    )


def auc_with_interval(
    label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None
) -> tuple[float, float, float, float]:
    """Weighted AUC of a fixed score with its logit-DeLong interval.

    Returns
    -------
    tuple of float
        AUC, standard error, lower, upper.
    """
    values = placements(label, score, weight)
    if not np.isfinite(values.auc):
        return np.nan, np.nan, np.nan, np.nan
    error = float(np.sqrt(delong_covariance(values, values)))
    return values.auc, error, *logit_interval(values.auc, error)


def within_fold_auc(label: np.ndarray, score: np.ndarray, weight: np.ndarray, fold: np.ndarray) -> float:
    """AUC over pairs of patients that were predicted by the same fitted model.

    Pairs across folds compare scores of different fits, which biases the pooled AUC downwards (null AUC .478 in
    statistics.md 4.1). Each fold counts with its weighted number of case-control pairs.

    Parameters
    ----------
    label, score, weight, fold : arrays of shape (n,)

    Returns
    -------
    float
        NaN when no fold holds both classes.
    """
    return float(group_aucs(label, score, weight, fold, np.ones((1, len(label)), dtype=bool))[0])


def group_aucs(
    label: np.ndarray, score: np.ndarray, weight: np.ndarray, fold: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """:func:`within_fold_auc` in groups of patients, shape (n_groups,).

    Parameters
    ----------
    label, score, weight, fold : arrays of shape (n,)
    groups : ndarray of bool, shape (n_groups, n)
        Who belongs to each group; groups may overlap.

    Notes
    -----
    Few patients are compared pair by pair, once for all groups; many are sorted, which needs less memory.
    """
    label, score, fold = np.asarray(label, dtype=float), np.asarray(score, dtype=float), np.asarray(fold)
    case, control = (np.flatnonzero((label == side) & (weight > 0)) for side in (1, 0))
    if len(case) * len(control) > PAIRS:
        pairs = [_sorted_pairs(case[rows[case]], control[rows[control]], score, weight, fold) for rows in groups]
        won, total = np.array(pairs).T
    else:
        fair = (fold[case][:, None] == fold[control]).astype(float)
        high, low = score[case][:, None], score[control]
        above = ((high > low) + 0.5 * (high == low)) * fair
        cases, controls = groups[:, case] * weight[case], groups[:, control] * weight[control]
        won, total = ((cases @ matrix * controls).sum(axis=1) for matrix in (above, fair))
    return np.divide(won, total, out=np.full(len(groups), np.nan), where=total > 0)


def _sorted_pairs(
    case: np.ndarray, control: np.ndarray, score: np.ndarray, weight: np.ndarray, fold: np.ndarray
) -> tuple[float, float]:
    """Weight of the pairs within folds that are ranked correctly, and of all."""
    won = total = 0.0
    for part in np.unique(fold[case]):
        high, low = case[fold[case] == part], control[fold[control] == part]
        if len(low):
            share = _share_below(score[high], score[low], weight[low])
            opposite = weight[low].sum()
            won += opposite * float(weight[high] @ share)
            total += opposite * float(weight[high].sum())
    return won, total


@dataclass(frozen=True)
class TimeDependent:
    """An estimate at one horizon with its influence function (mean zero, one value per patient)."""

    estimate: float
    influence: np.ndarray

    @property
    def standard_error(self) -> float:
        return float(np.std(self.influence, ddof=1) / np.sqrt(len(self.influence)))

    def interval(self) -> tuple[float, float]:
        """Wald interval, the form in which riskRegression reports it."""
        spread = normal_quantile() * self.standard_error
        return self.estimate - spread, self.estimate + spread


def _censoring_martingale(time: np.ndarray, event: np.ndarray, at: np.ndarray, closed: np.ndarray) -> np.ndarray:
    """psi[i, k]: influence of patient k on ln(1/G) at ``at[i]`` (left limit unless ``closed[i]``), times n.

    Events leave the risk set before censorings at the same time, so the risk set of a censoring time u is
    {T > u} and those censored at u.
    """
    n = len(time)
    jumps = np.unique(time[event == 0])
    if len(jumps) == 0:
        return np.zeros((len(at), n))
    censored = event == 0
    at_risk = (time[:, None] > jumps) | ((time[:, None] == jumps) & censored[:, None])
    size = at_risk.sum(0)
    hazard = ((time[:, None] == jumps) & censored[:, None]).sum(0) / size
    own = (time[:, None] == jumps) & censored[:, None]
    increments = (own - at_risk * hazard) / (size / n)
    reached = np.where(closed[:, None], jumps <= at[:, None], jumps < at[:, None])
    return reached.astype(float) @ increments.T


def _evaluation(time: ArrayLike, event: ArrayLike, horizon: float) -> tuple[np.ndarray, ...]:
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=int)
    check_follow_up(time, event, horizon)
    weight = kaplan_meier_weights(time, event, horizon)
    label = ((time <= horizon) & (event == 1)).astype(float)
    psi = _censoring_martingale(time, event, np.minimum(time, horizon), time > horizon)
    return label, weight, psi


def dynamic_auc(time: ArrayLike, event: ArrayLike, risk: ArrayLike, horizon: float) -> TimeDependent:
    """Cumulative/dynamic AUC at a horizon for right-censored follow-up.

    Cases have the event (code 1) by the horizon; controls are event-free at the horizon or had the competing event
    (code 2) before it. Weights are inverse Kaplan-Meier probabilities of remaining uncensored.

    Parameters
    ----------
    time : array of float, shape (n,)
        Follow-up from the landmark, not cut at the horizon.
    event : array of int, shape (n,)
        0 censored, 1 event, 2 competing.
    risk : array of float, shape (n,)
        Predicted risk by the horizon, higher is worse.
    horizon : float
        On the scale of ``time``.

    References
    ----------
    Blanche, Dartigues, Jacqmin-Gadda, Stat Med 2013; 32: 5381-5397.
    """
    label, weight, psi = _evaluation(time, event, horizon)
    risk = np.asarray(risk, dtype=float)
    values = placements(label, risk, weight)
    first = np.zeros(len(risk))
    first[(label == 1) & (weight > 0)] = values.case_weight * (values.cases - values.auc)
    first[(label == 0) & (weight > 0)] = values.control_weight * (values.controls - values.auc)
    return TimeDependent(values.auc, len(risk) * first + first @ psi)


def dynamic_brier(time: ArrayLike, event: ArrayLike, risk: ArrayLike, horizon: float) -> TimeDependent:
    """Brier score at a horizon for right-censored follow-up, weighted as in :func:`dynamic_auc`.

    References
    ----------
    Graf, Schmoor, Sauerbrei, Schumacher, Stat Med 1999; 18: 2529-2545.
    """
    label, weight, psi = _evaluation(time, event, horizon)
    residual = weight * (label - np.asarray(risk, dtype=float)) ** 2
    estimate = float(residual.mean())
    return TimeDependent(estimate, residual - estimate + residual @ psi / len(residual))
