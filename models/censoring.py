"""Inverse probability of censoring weights on the visit grid and for right-censored times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from data.protocol import Endpoint, Protocol

CENSORED = ("cens", "straddle_pos", "straddle_neg")
POOLED = "pooled"


@dataclass(frozen=True)
class VisitStates:
    """Patients as positions on the visits of an endpoint; quick to resample.

    Attributes
    ----------
    position : ndarray of int
        0 for the landmark, j for the j-th visit after it: where the question was resolved or last informed.
    censored, death : ndarray of bool
    arm : ndarray of str
    """

    position: np.ndarray
    censored: np.ndarray
    death: np.ndarray
    arm: np.ndarray

    def take(self, rows: np.ndarray) -> VisitStates:
        """Some patients, possibly repeated."""
        return VisitStates(self.position[rows], self.censored[rows], self.death[rows], self.arm[rows])


@dataclass
class VisitCensoring:
    """Censoring by visit: discrete hazards of being lost between one visit and the next, by arm.

    For visit k after the landmark, h_k = (last adequate scan at k-1 and unresolved) / (unresolved and still seen at
    k-1) and G(k) = prod_{j<=k} (1 - h_j). A patient resolved at k has weight 1/G(k), a death in the interval that
    closes at k has 1/(G(k-1) sqrt(1 - h_k)), a censored patient 0. Censoring is assumed independent of the outcome
    given arm and visit (statistics.md section 1).

    Parameters
    ----------
    visits : sequence of float
        Landmark, then the visits up to and including the horizon (months).
    floor : float
        The probability of remaining observed is capped below here.

    Attributes
    ----------
    hazards_ : dict of str to ndarray
        Per arm, the hazard of each visit after the landmark; ``"pooled"`` serves arms not seen in training.
    """

    visits: Sequence[float]
    floor: float
    hazards_: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def for_endpoint(cls, endpoint: Endpoint, protocol: Protocol) -> VisitCensoring:
        """The censoring model of an endpoint: the protocol's visits in (landmark, horizon].

        Raises
        ------
        ProtocolError
            When the horizon is no visit.
        """
        return cls((endpoint.landmark, *protocol.visits_within(endpoint)), float(protocol["censoring.weight_floor"]))

    def states(self, labels: pd.DataFrame) -> VisitStates:
        """Labels as positions on the visits.

        Parameters
        ----------
        labels : DataFrame
            Columns ``status`` (event, nonevent, death, cens, straddle_pos, straddle_neg), ``resolved`` (visit month)
            and ``arm``; one row per patient at risk.

        Raises
        ------
        ValueError
            When a resolution month is not one of the visits.
        """
        visits = np.asarray(self.visits, dtype=float)
        resolved = labels["resolved"].to_numpy(dtype=float)
        wrong = ~np.isin(resolved, visits)
        if wrong.any():
            raise ValueError(
                f"resolution month {resolved[wrong][0]:g} is not a visit; expected one of "
                + ", ".join(f"{visit:g}" for visit in visits)
            )
        status = labels["status"].to_numpy()
        arm = labels["arm"].astype(object).where(labels["arm"].notna(), "").to_numpy()
        return VisitStates(np.searchsorted(visits, resolved), np.isin(status, CENSORED), status == "death", arm)

    def fit(self, labels: pd.DataFrame | VisitStates) -> VisitCensoring:
        """Estimate the hazards from the patients at risk (labels as for :meth:`states`, or its result)."""
        states = labels if isinstance(labels, VisitStates) else self.states(labels)
        self.hazards_ = {str(arm): self._hazards(states, states.arm == arm) for arm in sorted(set(states.arm))}
        self.hazards_[POOLED] = self._hazards(states, np.ones(len(states.arm), dtype=bool))
        return self

    def weights(self, labels: pd.DataFrame) -> pd.Series:
        """Weights of patients under the fitted hazards.

        Parameters
        ----------
        labels : DataFrame
            As for :meth:`states`; need not be the patients of :meth:`fit`. An arm that was not seen takes the pooled
            hazards.

        Returns
        -------
        Series of float
            0 for the censored, at least 1 otherwise; index of ``labels``.
        """
        return pd.Series(self.state_weights(self.states(labels)), index=labels.index, name="weight")

    def state_weights(self, states: VisitStates) -> np.ndarray:
        """:meth:`weights` of patients given as positions."""
        out = np.zeros(len(states.arm))
        for arm in set(states.arm):
            rows = states.arm == arm
            hazard = np.concatenate([[0.0], self.hazards_.get(str(arm), self.hazards_[POOLED])])
            stay = np.cumprod(1 - hazard)
            through_half = np.concatenate([[1.0], stay[:-1]]) * np.sqrt(1 - hazard)
            at = states.position[rows]
            probability = np.where(states.death[rows], through_half[at], stay[at])
            out[rows] = np.where(states.censored[rows], 0.0, 1 / np.maximum(probability, self.floor))
        return out

    def _hazards(self, states: VisitStates, rows: np.ndarray) -> np.ndarray:
        count = len(self.visits) - 1
        position, censored = states.position[rows], states.censored[rows]
        lost = np.bincount(position[censored], minlength=count + 1)[:count]
        leaving = np.bincount(np.where(censored, position, position - 1), minlength=count + 1)
        seen = np.cumsum(leaving[::-1])[::-1][:count]
        return np.divide(lost, seen, out=np.zeros(count), where=seen > 0)


def kaplan_meier_weights(time: ArrayLike, event: ArrayLike, horizon: float) -> np.ndarray:
    """Inverse Kaplan-Meier probability of remaining uncensored, for right-censored times.

    Patients with an event (any cause) by the horizon have 1/G(T-), patients still followed after it 1/G(horizon),
    patients censored by it 0. At tied times events leave the risk set before censorings.

    Parameters
    ----------
    time : array of float, shape (n,)
        Follow-up times.
    event : array of int, shape (n,)
        0 censored, anything else an event.
    horizon : float
        On the scale of ``time``.

    Returns
    -------
    ndarray of float, shape (n,)

    References
    ----------
    Graf et al., Stat Med 1999; 18: 2529-2545.
    """
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=int)
    censored = event == 0
    jumps, counts = np.unique(time[censored], return_counts=True)
    after = len(time) - np.searchsorted(np.sort(time), jumps, side="right")
    stay = np.concatenate([[1.0], np.cumprod(1 - counts / (after + counts))])
    before_event = stay[np.searchsorted(jumps, time, side="left")]
    at_horizon = stay[np.searchsorted(jumps, horizon, side="right")]
    out = np.zeros(len(time))
    resolved = (time <= horizon) & ~censored
    out[resolved] = 1 / before_event[resolved]
    out[time > horizon] = 1 / at_horizon if at_horizon > 0 else np.nan
    return out


def check_follow_up(time: np.ndarray, event: np.ndarray, horizon: float) -> None:
    """Refuse follow-up that was cut at the horizon: its event-free patients would all count as unknown.

    Raises
    ------
    ValueError
        When patients are censored on the horizon and nobody is followed beyond it.
    """
    cut = int(((time == horizon) & (event == 0)).sum())
    if cut and not (time > horizon).any():
        raise ValueError(
            f"{cut} patients are censored on the horizon {horizon:g} and nobody is followed beyond it, so that no "
            "patient would count as event-free: give follow-up that is not cut at the horizon, or a horizon before it"
        )
