"""From patients randomised to patients labelled at an endpoint, by formula.

Two equal arms with a survival curve each. Recurrences up to the landmark are seen by it; a recurrence between visits is
seen at the first later visit with an adequate scan. Dropout and missing blood do not depend on the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from data.protocol import Endpoint, Protocol
from models.planning.checks import loss, positive, share
from models.planning.trial_design import Design

Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scenario:
    """Event-free survival of each arm, as functions of months from time zero.

    Attributes
    ----------
    name, words : str
        ``words`` say what the curves are.
    curves : mapping of arm to callable
        Equal allocation.
    """

    name: str
    words: str
    curves: Mapping[str, Curve]


def exponential(design: Design, arms: Sequence[str]) -> Scenario:
    """Constant hazards through the design's survivals; ``arms`` are control and treated."""

    def curve(survival: float) -> Curve:
        return lambda month: survival ** (np.asarray(month, dtype=float) / design.month)

    words = (
        f"constant hazards through {design.control:.0%} ({arms[0]}) and {design.treated:.0%} ({arms[1]}) "
        f"at {design.month:g} months"
    )
    return Scenario("design", words, dict(zip(arms, map(curve, (design.control, design.treated)), strict=True)))


def mixture_cure(cured: float, shape: float, scale_years: float, ratio: float, arms: Sequence[str]) -> Scenario:
    """Weibull times among the uncured: S(t) = c + (1 - c) exp(-(t / scale)^shape), treated S(t)^ratio.

    Raises
    ------
    ValueError
        On a cured share outside (0, 1), or shape, scale or ratio not above 0.
    """
    cured, shape = share(cured, "cured share"), positive(shape, "shape")
    scale, ratio = positive(scale_years, "scale"), positive(ratio, "hazard ratio")

    def control(month: np.ndarray) -> np.ndarray:
        return cured + (1 - cured) * np.exp(-((np.asarray(month, dtype=float) / 12 / scale) ** shape))

    words = (
        f"mixture cure ({cured:.0%} cured, Weibull shape {shape:g}, scale {scale:g} years): "
        f"{float(control(np.array(36.0))):.0%} ({arms[0]}) at 36 months, hazard ratio {ratio:.3f}"
    )
    return Scenario("contemporary", words, {arms[0]: control, arms[1]: lambda month: control(month) ** ratio})


@dataclass(frozen=True)
class Losses:
    """What keeps a patient from being labelled with a blood score.

    Attributes
    ----------
    dropout : float
        Hazard per year.
    missing_blood : float
        Share of landmark samples without a usable score.
    missed_scan : float
        Share of scheduled scans that are missed or inadequate; a visit is without imaging when all of its scans are.
    death : float
        Death without recurrence, hazard per year; part of the event-free survival, no event of the endpoint.
    """

    dropout: float = 0.0
    missing_blood: float = 0.0
    missed_scan: float = 0.0
    death: float = 0.0

    def __post_init__(self) -> None:
        for name in ("missing_blood", "missed_scan"):
            loss(getattr(self, name), name.replace("_", " "))
        for name in ("dropout", "death"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ValueError(f"{name} {getattr(self, name):g} per year is impossible; give a number from 0 on")


@dataclass(frozen=True)
class Available:
    """Expected numbers at an endpoint (not rounded).

    Attributes
    ----------
    randomised, at_risk : float
        ``at_risk``: event-free and followed at the landmark.
    labelled, events, deaths : float
        With a blood score and a known outcome; of them recurrences by the horizon, and deaths without one (y = 0).
    rate, follow_up : float
        Recurrences per year at risk after the landmark, and mean years at risk up to the horizon.
    by_arm : mapping of arm to (at risk, labelled, events)
    """

    randomised: float
    at_risk: float
    labelled: float
    events: float
    deaths: float
    rate: float
    follow_up: float
    by_arm: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def prevalence(self) -> float:
        """Event rate among the labelled; NaN when nobody is."""
        return self.events / self.labelled if self.labelled > 0 else float("nan")


def scans_due(protocol: Protocol, month: float) -> int:
    """Scheduled scans of a visit; a local visit counts as one."""
    calendars = ("calendar.mri_month", "calendar.petct_month", "calendar.local_month")
    return max(1, sum(month in [float(m) for m in protocol[name]] for name in calendars))


def available(
    endpoint: Endpoint, protocol: Protocol, scenario: Scenario, randomised: float, losses: Losses | None = None
) -> Available:
    """Expected patients at risk, labelled and with the event.

    Parameters
    ----------
    endpoint : Endpoint
    protocol : Protocol
        Visit grid and imaging calendar.
    scenario : Scenario
    randomised : float
        Patients in all arms, split equally.
    losses : Losses, optional
        None lost when omitted.

    Returns
    -------
    Available
    """
    losses, count = losses or Losses(), positive(randomised, "number of patients") / len(scenario.curves)
    visits = np.array(
        [m for m in protocol.visit_grid if endpoint.landmark < m <= endpoint.horizon] or [endpoint.horizon]
    )
    if visits[-1] < endpoint.horizon:
        visits = np.append(visits, endpoint.horizon)
    missed = np.array([losses.missed_scan ** scans_due(protocol, month) for month in visits])
    parts = {arm: _one_arm(curve, endpoint, visits, missed, losses) for arm, curve in scenario.curves.items()}
    total = count * np.sum(list(parts.values()), axis=0)
    return Available(
        randomised=float(randomised),
        at_risk=float(total[0]),
        labelled=float(total[1]),
        events=float(total[2]),
        deaths=float(total[3]),
        rate=float(total[4] / total[5]),
        follow_up=float(total[5] / total[0]),
        by_arm={arm: (count * part[0], count * part[1], count * part[2]) for arm, part in parts.items()},
    )


def _one_arm(curve: Curve, endpoint: Endpoint, visits: np.ndarray, missed: np.ndarray, losses: Losses) -> np.ndarray:
    """At risk, labelled, events, deaths, recurrences that happen, years at risk; each as a share of the arm."""
    months = np.concatenate([[endpoint.landmark], visits])
    free = np.asarray(curve(months), dtype=float)
    followed = np.exp(-losses.dropout * months / 12)
    ended = free[:-1] - free[1:]
    died = np.minimum(ended, (free[:-1] + free[1:]) / 2 * losses.death * np.diff(months) / 12)
    recurred = ended - died
    seen = 0.0
    waiting = 0.0
    for k in range(len(visits)):
        waiting += recurred[k]
        found = waiting * (1 - missed[k])
        seen += found * followed[k + 1]
        waiting -= found
    # Followed to the middle of the interval: a death is known without a visit.
    deaths = float(died @ np.sqrt(followed[:-1] * followed[1:]))
    clear = free[-1] * followed[-1] * (1 - missed[-1])
    years = float((free[:-1] + free[1:]) / 2 * np.sqrt(followed[:-1] * followed[1:]) @ np.diff(months) / 12)
    happened = float(recurred @ np.sqrt(followed[:-1] * followed[1:]))
    blood = 1 - losses.missing_blood
    return np.array([
        free[0] * followed[0], blood * (seen + deaths + clear), blood * seen, blood * deaths, happened, years,
    ])  # fmt: skip
