"""What is judged beside the headline figures: groups of patients, decisions, recurrence or death, a flexible curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from data.protocol import Protocol
from models.metrics.calibration import flexible_calibration
from models.metrics.decision import decision_figures
from models.metrics.discrimination import group_aucs
from models.metrics.heterogeneity import Group, groups_of
from models.metrics.intervals import effective_size
from models.metrics.probability import Judged, brier_score
from models.validation.cohort import Cohort

COMPOSITE = "composite"
Figures = dict[str, float]


@dataclass(frozen=True)
class Aspects:
    """Further questions to the same predictions; the empty one asks none.

    Attributes
    ----------
    groups : mapping of str to ndarray of bool
        Groups of judged patients with enough events, by the suffix of their figures (``auc|site: C1``).
    composite : ndarray of float, optional
        Labels of recurrence or death by the horizon, whichever comes first.
    curve, calls : ndarray of float
        Thresholds of the decision curve; those among them at which the figures of a call are compared.
    knots : int
        Of the flexible calibration curve; 0 where there are too few events for one.
    table : tuple of Group
        All groups that are reported, those with too few events too.
    """

    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    composite: np.ndarray | None = None
    curve: np.ndarray = field(default_factory=lambda: np.array([]))
    calls: np.ndarray = field(default_factory=lambda: np.array([]))
    knots: int = 0
    table: tuple[Group, ...] = ()


NOTHING_ELSE = Aspects()


def aspects_of(cohort: Cohort, judged: Judged, protocol: Protocol) -> Aspects:
    """The further questions that the protocol asks of these patients."""
    minimum = int(protocol["validation.minimum_events"])
    table = groups_of(cohort.baseline, float(protocol["validation.subgroup_age"]))
    low, high = (float(value) for value in protocol["policy.net_benefit_thresholds"])
    calls = np.array([float(value) for value in protocol["calls.probability_thresholds"]])
    inside = calls[(calls >= low) & (calls <= high)]
    return Aspects(
        groups={group.key: group.rows for group in table if not judged.only(group.rows).refusal(minimum)},
        composite=cohort.judged[COMPOSITE].to_numpy(dtype=float),
        curve=np.union1d(np.round(np.linspace(low, high, 51), 6), inside),
        calls=inside,
        knots=_knots(judged, protocol),
        table=tuple(table),
    )


def _knots(judged: Judged, protocol: Protocol) -> int:
    if judged.events < int(protocol["validation.flexible_calibration_events"]):
        return 0
    few, many = (int(value) for value in protocol["validation.calibration_knots"])
    enough = effective_size(judged.weight[judged.known]) >= float(protocol["validation.calibration_knots_from"])
    return many if enough else few


def everybody_in_groups(judged: Judged, aspects: Aspects) -> dict[str, np.ndarray]:
    """Groups by suffix: the arms always, then those of the aspects."""
    arms = sorted(set(judged.arm[judged.known].tolist()))
    return {str(arm): judged.arm == arm for arm in arms} | dict(aspects.groups)


def composite_of(judged: Judged, aspects: Aspects) -> Judged | None:
    """The same patients with the labels of recurrence or death; None when not asked for.

    The weights are computed anew like those of the primary labels and equal them: a death resolves either question in
    the interval in which it happens.
    """
    return None if aspects.composite is None else replace(judged, label=aspects.composite)


def ranking_figures(judged: Judged, probability: np.ndarray, fold: np.ndarray, aspects: Aspects) -> Figures:
    """AUC over pairs within folds in every group and for the composite."""
    known = judged.known & ~np.isnan(probability)
    groups = everybody_in_groups(judged, aspects)
    found = _areas(judged, probability, fold, known, np.array([*groups.values()]))
    out = dict(zip((f"auc|{name}" for name in groups), found, strict=True))
    composite = composite_of(judged, aspects)
    if composite is not None:
        known &= composite.known
        out[f"auc|{COMPOSITE}"] = _areas(composite, probability, fold, known, known[None])[0]
    return out


def _areas(
    judged: Judged, probability: np.ndarray, fold: np.ndarray, rows: np.ndarray, groups: np.ndarray
) -> list[float]:
    columns = judged.label[rows], probability[rows], judged.weight[rows], fold[rows]
    return group_aucs(*columns, groups[:, rows]).tolist() if len(groups) else []


def level_figures(judged: Judged, probability: np.ndarray, aspects: Aspects) -> Figures:
    """Observed over expected in the groups and for the composite; distance from the flexible curve."""
    questions = {name: (judged, judged.known & rows) for name, rows in aspects.groups.items()}
    composite = composite_of(judged, aspects)
    if composite is not None:
        questions[COMPOSITE] = (composite, composite.known)
    out = {}
    for name, (one, rows) in questions.items():
        expected = float(one.weight[rows] @ probability[rows])
        out[f"oe|{name}"] = float(one.weight[rows] @ one.label[rows]) / expected if expected > 0 else np.nan
    if aspects.knots:
        found = flexible_calibration(judged, probability, aspects.knots)
        out |= {name: np.nan for name in ("ici", "e50", "e90")} if found is None else found.figures
    return out


def mean_figures(judged: Judged, probability: np.ndarray, aspects: Aspects, calibrated: bool = True) -> Figures:
    """Brier score, IPA and Brier score in groups and for the composite (probabilities only); decisions (rules too)."""
    known = judged.known
    if np.isnan(probability[known]).any():
        return {}
    out: Figures = {}
    if calibrated:
        brier = brier_score(judged.label[known], probability[known], judged.weight[known])
        null = judged.prevalence * (1 - judged.prevalence)
        out |= {"brier": brier, "ipa": 1 - brier / null if null > 0 else np.nan}
        questions = {name: (judged, known & rows) for name, rows in everybody_in_groups(judged, aspects).items()}
        composite = composite_of(judged, aspects)
        if composite is not None:
            questions[COMPOSITE] = (composite, composite.known)
        for name, (one, rows) in questions.items():
            here = one.weight[rows].sum() > 0
            value = brier_score(one.label[rows], probability[rows], one.weight[rows]) if here else np.nan
            out[f"brier|{name}"] = value
    return out | (decision_figures(judged, probability, aspects.curve, aspects.calls) if len(aspects.curve) else {})
