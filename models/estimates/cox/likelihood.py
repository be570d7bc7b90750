"""Cox's partial likelihood for a trial report: Efron or Breslow ties, strata, delayed entry, score residuals.

The batch of ridge fits in ``models.estimators.cox`` serves training, where a penalty shrinks and nobody asks for a
standard error; here every number of the table must stand by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.estimators.newton import CannotFit, NotConverged, solve

CELLS = 4_000_000
DEPENDENT = 1e-10
SETTLED = 1e-6
# Share of the information at zero that is left along some direction: after convergence, and without it.
RUNAWAY = 1e-7
UNSETTLED = 1e-3


@dataclass(frozen=True)
class Sets:
    """Risk sets of patients with entry, time, event and stratum; one step per event, ties one after another.

    Attributes
    ----------
    time, stratum, deaths : ndarray, shape (j,)
        The distinct event times, their stratum code, the number of events there; ascending within stratum.
    slot : ndarray of int, shape (n,)
        Event time of each row, -1 without event.
    step : ndarray of int, shape (events,)
        Event time of each step.
    left_out : ndarray of float, shape (events,)
        Part of the tied events already gone at the step: 0, 1/d, 2/d ... under Efron, 0 under Breslow.
    blocks : tuple
        For rows ordered by time (and, with delayed entry, by entry): the order, first and last position of the rows
        whose time (entry) is at or after each event time.
    member : ndarray, shape (j, n), or None
        1 where a row is at risk, kept while it is small: with delayed entry or strata the blocks subtract running
        totals, and a risk set of little weight would drown in rounding.
    reach : tuple of ndarray of int, shape (n,)
        Number of event times passed, over all strata in order, at the row's entry and at its time.
    """

    time: np.ndarray
    stratum: np.ndarray
    deaths: np.ndarray
    slot: np.ndarray
    step: np.ndarray
    left_out: np.ndarray
    blocks: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]
    reach: tuple[np.ndarray, np.ndarray]
    member: np.ndarray | None

    def at_risk(self, values: np.ndarray) -> np.ndarray:
        """Sums over the risk set of each event time, shape (j, q), for values of shape (n, q)."""
        if self.member is not None:
            return self.member @ values
        parts = []
        for order, first, last in self.blocks:
            # Summed from the last time back: late risk sets do not drown in the sums of early ones.
            total = np.zeros((len(order) + 1, values.shape[1]))
            total[:-1] = np.cumsum(values[order[::-1]], axis=0)[::-1]
            parts.append(total[first] - total[last])
        return parts[0] - parts[1] if len(parts) > 1 else parts[0]

    def dying(self, values: np.ndarray) -> np.ndarray:
        """Sums over the events of each event time, shape (j, q)."""
        total = np.zeros((len(self.time), values.shape[1]))
        event = self.slot >= 0
        np.add.at(total, self.slot[event], values[event])
        return total


def risk_sets(
    time: np.ndarray, event: np.ndarray, stratum: np.ndarray, entry: np.ndarray | None, ties: str = "efron"
) -> Sets:
    """Arrange rows into risk sets: a row is at risk in (entry, time] and only within its stratum."""
    if ties not in ("efron", "breslow"):
        raise ValueError(f"ties must be efron or breslow, not {ties!r}")
    moments = np.unique(np.concatenate([time] if entry is None else [time, entry]))
    width = len(moments) + 1
    key = stratum * width + np.searchsorted(moments, time)
    events, slot_of_event, deaths = np.unique(key[event], return_inverse=True, return_counts=True)
    slot = np.full(len(time), -1)
    slot[event] = slot_of_event
    code = events // width
    keys = [key] if entry is None else [key, stratum * width + np.searchsorted(moments, entry)]
    blocks = []
    for one in keys:
        order = np.argsort(one, kind="stable")
        first = np.searchsorted(one[order], events, side="left")
        blocks.append((order, first, np.searchsorted(one[order], (code + 1) * width, side="left")))
    start = stratum * width - 1 if entry is None else keys[1]
    reach = (np.searchsorted(events, start, side="right"), np.searchsorted(events, key, side="right"))
    member = None
    if len(time) * len(events) <= CELLS and (entry is not None or stratum.any()):
        later = (key >= events[:, None]) & (stratum == code[:, None])
        member = (later if entry is None else later & (keys[1] < events[:, None])).astype(float)
    step = np.repeat(np.arange(len(events)), deaths)
    begun = np.arange(len(step)) - np.repeat(np.cumsum(deaths) - deaths, deaths)
    left_out = begun / deaths[step] if ties == "efron" else np.zeros(len(step))
    return Sets(moments[events % width], code, deaths, slot, step, left_out, tuple(blocks), reach, member)


@dataclass(frozen=True)
class Steps:
    """Each event's risk set at given coefficients: summed relative risk, mean and covariance of the terms."""

    total: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray


def relative_risk(design: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """exp(design x beta), bounded so that a diverging fit stays finite until it is refused."""
    return np.exp(np.clip(design @ beta, -300, 300))


def steps_at(design: np.ndarray, sets: Sets, beta: np.ndarray) -> Steps:
    """Weighted moments of the terms over the risk set of each event (Efron 1977 averages over tied events)."""
    n, p = design.shape
    products = (design[:, :, None] * design[:, None, :]).reshape(n, p * p)
    weighted = relative_risk(design, beta)[:, None] * np.column_stack([np.ones(n), design, products])
    sums = sets.at_risk(weighted)[sets.step] - sets.left_out[:, None] * sets.dying(weighted)[sets.step]
    total = sums[:, 0]
    mean = sums[:, 1 : p + 1] / total[:, None]
    second = (sums[:, p + 1 :] / total[:, None]).reshape(-1, p, p)
    return Steps(total, mean, second - mean[:, :, None] * mean[:, None, :])


def derivatives(design: np.ndarray, sets: Sets, beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Log partial likelihood, score and observed information."""
    steps = steps_at(design, sets, beta)
    observed = design[sets.slot >= 0].sum(axis=0)
    value = float(observed @ beta - np.log(steps.total).sum())
    return value, observed - steps.mean.sum(axis=0), steps.covariance.sum(axis=0)


def maximise(design: np.ndarray, sets: Sets, columns: tuple[str, ...]) -> np.ndarray:
    """Coefficients at the maximum of the partial likelihood, of a design with mean 0 and deviation 1.

    Raises
    ------
    CannotFit
        Naming the columns: constant or linearly dependent in the risk sets, or without a finite maximum.
    """
    p = design.shape[1]
    start = derivatives(design, sets, np.zeros(p))[2]
    _refuse_dependent(start, columns)
    last = np.zeros(p)

    def objective(batch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        nonlocal last
        with np.errstate(all="ignore"):
            value, gradient, curvature = derivatives(design, sets, batch[0])
        if not np.isfinite(value):
            # A diverging step empties a risk set by rounding: as bad as can be, so that the step is halved.
            return np.array([-np.inf]), np.zeros((1, p)), np.eye(p)[None]
        last = batch[0]
        return np.array([value]), gradient[None], curvature[None]

    try:
        last = solve(objective, np.zeros((1, p)), iterations=60)[0]
    except NotConverged:
        settled = False
    else:
        _, gradient, information = derivatives(design, sets, last)
        # Steps halved down to nothing end the search as well: only a small full step is a maximum.
        _refuse_runaway(start, information, columns, limit=RUNAWAY)
        settled = bool(np.abs(np.linalg.solve(information, gradient)).max() < SETTLED)
    if not settled:
        _refuse_runaway(start, derivatives(design, sets, last)[2], columns, limit=UNSETTLED)
        raise CannotFit(f"Cox regression on {', '.join(columns)}: no maximum of the partial likelihood was found")
    return last


def _refuse_dependent(information: np.ndarray, columns: tuple[str, ...]) -> None:
    size = np.diag(information)
    flat = size <= DEPENDENT * max(1.0, size.max(initial=0.0))
    if flat.any():
        names = ", ".join(name for name, bad in zip(columns, flat, strict=True) if bad)
        raise CannotFit(f"Cox regression: {names} does not vary among the patients at risk at any event; leave it out")
    root = np.sqrt(size)
    values, vectors = np.linalg.eigh(information / root[:, None] / root[None, :])
    if values[0] < DEPENDENT:
        names = ", ".join(name for name, part in zip(columns, vectors[:, 0], strict=True) if abs(part) > 1e-4)
        raise CannotFit(f"Cox regression: {names} are linearly dependent (one follows from the others); leave one out")


def _refuse_runaway(start: np.ndarray, now: np.ndarray, columns: tuple[str, ...], limit: float) -> None:
    """Where the likelihood rises for ever, the information left along some direction sinks to nothing."""
    values, vectors = np.linalg.eigh(start)
    half = vectors / np.sqrt(values)
    share, directions = np.linalg.eigh(half.T @ now @ half)
    if share[0] < limit:
        direction = np.abs(half @ directions[:, 0])
        names = ", ".join(name for name, d in zip(columns, direction, strict=True) if d > 0.3 * direction.max())
        raise CannotFit(
            f"Cox regression: no finite hazard ratio for {names}: events fall on one side only "
            "(a level without any event, or perfect separation); merge levels or leave it out"
        )


def score_residuals(design: np.ndarray, sets: Sets, beta: np.ndarray) -> np.ndarray:
    """Each row's part in the score, shape (n, p); rows sum to zero at the maximum.

    References
    ----------
    Therneau, Grambsch, Modeling Survival Data, 2000, section 4.6 and, for Efron ties, appendix of the same.
    """
    steps = steps_at(design, sets, beta)
    places = len(sets.time)
    hazard, share = 1.0 / steps.total, 1.0 / sets.deaths[sets.step]

    def per_time(values: np.ndarray) -> np.ndarray:
        out = np.zeros((places, values.shape[1]))
        np.add.at(out, sets.step, values)
        return out

    increments = per_time(hazard[:, None] * np.column_stack([np.ones(len(hazard)), steps.mean]))
    spared = per_time((sets.left_out * hazard)[:, None] * np.column_stack([np.ones(len(hazard)), steps.mean]))
    mean = per_time(share[:, None] * steps.mean)
    passed = np.concatenate([np.zeros((1, increments.shape[1])), np.cumsum(increments, axis=0)])
    exposure = passed[sets.reach[1]] - passed[sets.reach[0]]
    event = sets.slot >= 0
    exposure[event] -= spared[sets.slot[event]]
    risk = relative_risk(design, beta)[:, None]
    residual = -risk * (design * exposure[:, :1] - exposure[:, 1:])
    residual[event] += design[event] - mean[sets.slot[event]]
    return residual
