"""Ridge Cox regression with Breslow ties and stratified baselines, many fits of the same rows in one batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.estimators.newton import solve

CELLS_PER_BATCH = 4_000_000
BLOCKS = 200


@dataclass(frozen=True)
class RiskSets:
    """Rows sorted by stratum and descending time, so that every risk set is a block of consecutive rows.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        Sorting permutation of the rows.
    first, last : ndarray of int, shape (n_times,)
        Risk set j holds the sorted rows first[j] ... last[j] - 1.
    slot : ndarray of int, shape (n,)
        Event time of each sorted row, -1 without event.
    time, stratum : ndarray, shape (n_times,)
        The event time and stratum of each risk set, ascending within stratum.
    """

    order: np.ndarray
    first: np.ndarray
    last: np.ndarray
    slot: np.ndarray
    time: np.ndarray
    stratum: np.ndarray


def risk_sets(time: np.ndarray, event: np.ndarray, stratum: np.ndarray) -> RiskSets:
    """Arrange right-censored rows into risk sets.

    Parameters
    ----------
    time : ndarray of float, shape (n,)
        Time of event or censoring; a row is at risk up to and including it.
    event : ndarray of bool, shape (n,)
    stratum : ndarray of float, shape (n,)
        Rows compete only within a stratum (the landmark).
    """
    order = np.lexsort((-time, stratum))
    time, event, stratum = time[order], event[order], stratum[order]
    keys = np.unique(np.column_stack([stratum[event], time[event]]), axis=0)
    first = np.searchsorted(stratum, keys[:, 0], side="left")
    last = np.array(
        [np.searchsorted(stratum, s, side="left") + int(((stratum == s) & (time >= t)).sum()) for s, t in keys],
        dtype=int,
    )
    slot = np.full(len(time), -1)
    for j, (s, t) in enumerate(keys):
        slot[event & (stratum == s) & (time == t)] = j
    return RiskSets(order, first, last, slot, keys[:, 1], keys[:, 0])


def _risk_set_sums(values: np.ndarray, sets: RiskSets) -> Callable[[np.ndarray], np.ndarray]:
    """A function that sums ``weight x values`` over every risk set: (batch, n) -> (batch, n_times, q).

    Few rows and event times take one matrix product. With few event times (visits) among many rows the rows between
    two of them enter and leave risk sets together: a product for each such block, then running totals over the blocks.
    With many event times the totals run over the rows. All but the first are linear in n.
    """
    n, q = values.shape
    times = len(sets.time)
    edges = np.unique(np.r_[0, sets.first, sets.last, n])
    if n * times * q > CELLS_PER_BATCH and len(edges) <= BLOCKS:
        first, last = np.searchsorted(edges, sets.first), np.searchsorted(edges, sets.last)

        def blocks(weight: np.ndarray) -> np.ndarray:
            total = np.zeros((len(edges), len(weight), q))
            for k, (a, b) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
                total[k + 1] = total[k] + weight[:, a:b] @ values[a:b]
            return (total[last] - total[first]).swapaxes(0, 1)

        return blocks
    if n * times * q <= CELLS_PER_BATCH:
        row = np.arange(n)[:, None]
        member = ((row >= sets.first) & (row < sets.last)).astype(float)
        dense = (member[:, :, None] * values[:, None, :]).reshape(n, times * q)
        return lambda weight: (weight @ dense).reshape(len(weight), times, q)

    def running(weight: np.ndarray) -> np.ndarray:
        product = weight[:, :, None] * values
        total = np.concatenate([np.zeros_like(product[:, :1]), np.cumsum(product, axis=1)], axis=1)
        return total[:, sets.last] - total[:, sets.first]

    return running


def _deaths(weights: np.ndarray, sets: RiskSets) -> np.ndarray:
    """Weighted events at each event time, shape (batch, n_times)."""
    at = sets.slot >= 0
    membership = (sets.slot[at, None] == np.arange(len(sets.time))).astype(float)
    return weights[:, at] @ membership


def fit_ridge_cox(design: np.ndarray, sets: RiskSets, weights: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Ridge Cox regression, one fit per row of ``weights``.

    Maximises the Breslow partial log-likelihood - penalty/2 |beta|^2.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        In the original row order.
    sets : RiskSets
    weights : ndarray, shape (batch, n)
        Case weights in the original row order; 0 leaves a row out.
    penalties : ndarray, shape (batch,)

    Returns
    -------
    ndarray, shape (batch, p)

    References
    ----------
    Breslow, Biometrics 1974; 30: 89-99. Verweij, van Houwelingen, Stat Med 1994; 13: 2427-2436 (ridge).
    """
    n, p = design.shape
    per_batch = max(1, CELLS_PER_BATCH // max(1, n * (1 + p + p * p)))
    if len(weights) > per_batch:
        chunks = range(0, len(weights), per_batch)
        return np.concatenate(
            [fit_ridge_cox(design, sets, weights[i : i + per_batch], penalties[i : i + per_batch]) for i in chunks]
        )
    rows, case = design[sets.order], weights[:, sets.order]
    deaths = _deaths(case, sets)
    observed = (case * (sets.slot >= 0)) @ rows

    sums = _risk_set_sums(_powers(rows), sets)

    def objective(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        total, mean, second = _moments(sums(case * _relative_risk(rows, beta)), p)
        value = (observed * beta).sum(1) - (deaths * np.log(total)).sum(1) - 0.5 * penalties * (beta**2).sum(1)
        gradient = observed - np.einsum("bt,btp->bp", deaths, mean) - penalties[:, None] * beta
        curvature = np.einsum("bt,btpq->bpq", deaths, second - mean[..., :, None] * mean[..., None, :])
        return value, gradient, curvature + penalties[:, None, None] * np.eye(p)

    return solve(objective, np.zeros((len(weights), p)))


def fit_ridge_cox_efron(design: np.ndarray, sets: RiskSets, penalty: float) -> np.ndarray:
    """Ridge Cox regression of all rows with Efron's treatment of ties, shape (p,).

    Visits tie many events, where Breslow's likelihood pulls coefficients towards zero. Without ties both are equal.

    References
    ----------
    Efron, J Am Stat Assoc 1977; 72: 557-565.
    """
    rows = design[sets.order]
    n, p = rows.shape
    event = sets.slot >= 0
    powers = _powers(rows)
    at_risk = _risk_set_sums(powers, sets)
    dying = (sets.slot[:, None] == np.arange(len(sets.time))).astype(float).T
    deaths = dying.sum(1).astype(int)
    step = np.repeat(np.arange(len(deaths)), deaths)
    left_out = np.concatenate([np.arange(d) / d for d in deaths]) if len(deaths) else np.array([])
    observed = rows[event].sum(0)

    def objective(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        risk = _relative_risk(rows, beta)
        own = dying @ (risk[0][:, None] * powers)
        total, mean, second = _moments(at_risk(risk)[0][step] - left_out[:, None] * own[step], p)
        value = observed @ beta[0] - np.log(total).sum() - 0.5 * penalty * beta[0] @ beta[0]
        gradient = observed - mean.sum(0) - penalty * beta[0]
        curvature = (second - mean[:, :, None] * mean[:, None, :]).sum(0) + penalty * np.eye(p)
        return np.array([value]), gradient[None], curvature[None]

    return solve(objective, np.zeros((1, p)))[0]


def _relative_risk(rows: np.ndarray, beta: np.ndarray) -> np.ndarray:
    return np.exp(np.clip(beta @ rows.T, -50, 50))


def _powers(rows: np.ndarray) -> np.ndarray:
    """1, terms and their products, shape (n, 1 + p + p^2)."""
    n, p = rows.shape
    return np.column_stack([np.ones(n), rows, (rows[:, :, None] * rows[:, None, :]).reshape(n, p * p)])


def _moments(sums: np.ndarray, p: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Summed relative risk, mean and second moment of the terms in each risk set; an empty set counts as 1."""
    total = np.where(sums[..., :1] > 0, sums[..., :1], 1.0)
    return total[..., 0], sums[..., 1 : p + 1] / total, (sums[..., p + 1 :] / total).reshape(*sums.shape[:-1], p, p)


def partial_likelihood(design: np.ndarray, sets: RiskSets, weights: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Breslow partial log-likelihood of each (weights, beta) pair, shape (batch,)."""
    rows, case = design[sets.order], weights[:, sets.order]
    total = _risk_set_sums(np.ones((len(rows), 1)), sets)(case * _relative_risk(rows, beta))[..., 0]
    deaths = _deaths(case, sets)
    eta = beta @ rows.T
    used = deaths > 0
    return (case * (sets.slot >= 0) * eta).sum(1) - (deaths * np.log(np.where(used, total, 1.0))).sum(1)


def information(design: np.ndarray, sets: RiskSets, beta: np.ndarray, penalty: float = 0.0) -> np.ndarray:
    """Negative Hessian of the penalised partial log-likelihood at ``beta``, shape (p, p)."""
    rows, case = design[sets.order], np.ones((1, len(design)))
    sums = _risk_set_sums(_powers(rows), sets)(_relative_risk(rows, beta[None]))
    _, mean, second = _moments(sums, design.shape[1])
    curvature = np.einsum("bt,btpq->bpq", _deaths(case, sets), second - mean[..., :, None] * mean[..., None, :])
    return curvature[0] + penalty * np.eye(design.shape[1])


def baseline_hazard(design: np.ndarray, sets: RiskSets, beta: np.ndarray, ties: str = "breslow") -> np.ndarray:
    """Increments of the cumulative baseline hazard at the event times of ``sets``.

    Parameters
    ----------
    ties : {"breslow", "efron"}
        Breslow: events over the risk set. Efron: events leave the risk set one after another on average, which
        without terms is 1/n + 1/(n-1) + ... and comes near -ln(survival) when many events tie.

    Returns
    -------
    ndarray, shape (n_times,)
        Uncentred: the hazard of a row whose terms are all zero.
    """
    rows = design[sets.order]
    risk = _relative_risk(rows, beta[None])
    total = _risk_set_sums(np.ones((len(rows), 1)), sets)(risk)[0, :, 0]
    deaths = _deaths(np.ones_like(risk), sets)[0]
    if ties == "breslow":
        return deaths / total
    own = _deaths(risk, sets)[0]
    return np.array(
        [np.sum(1 / (s - np.arange(d) / d * r)) for s, d, r in zip(total, deaths.astype(int), own, strict=True)]
    )
