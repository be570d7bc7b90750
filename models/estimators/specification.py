"""The registered models: what each is, its terms, and how it is built for an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data.protocol import Endpoint, Protocol
from data.protocol_values import BRIDGES
from features.learnt.clusters import CLUSTER
from features.registry import LEARNT
from models.estimators.base import RiskModel
from models.estimators.boosted import BoostedTrees
from models.estimators.boosted_aft import BoostedAFT
from models.estimators.encoding import SCORE, TERMS
from models.estimators.learnt import OF_MARKERS, LearntRisk
from models.estimators.logistic_risk import LogisticRisk
from models.estimators.net_risk import NetRisk
from models.estimators.rule import CutoffRule
from models.estimators.stacked_cox import StackedCox
from models.estimators.tuning import boosting_plan, elastic_net_plan

# Ridge penalties on standardised terms, six points each (statistics.md section 3), registered before any label. A term
# with information I keeps I / (I + penalty) of its coefficient; a logistic model has about a quarter of the information
# per patient, hence its lower grid. In simulated trials of 106 both keep the median calibration slope in 0.8 to 1.3.
COX_PENALTIES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
LOGISTIC_PENALTIES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
# Keeps a two-term logistic model finite when the classes separate; changes a coefficient by less than 1%.
GUARD = (0.05,)
CLINICAL = ("arm", "equivocal_scans", "ln_ki67")
BRIDGED = "netest_bridged"
CGA = "cga_above_limit"
FOUR = (BRIDGED, *CLINICAL)
# Every coded column, the score bridged, and whatever else is learnt inside the fold.
ALL = (
    *(BRIDGED if term == "netest_logit" else term for term in TERMS),
    *(name for name in LEARNT if name != BRIDGED),
)
FLAGGED = ("ln_ki67",)
INCREASING = (BRIDGED, "netest_mean", "netest_max", "equivocal_scans")
RULE, CLINICAL_COMPARATOR = "M0", "Mc"


@dataclass(frozen=True)
class Specification:
    """One registered model.

    Attributes
    ----------
    name, title : str
    terms : tuple of str
        Columns of the encoded landmark table, and columns learnt from the training rows (``features.registry.LEARNT``).
    needs_netest : bool
        Whether it uses the blood score.
    df : int or None
        Fitted parameters besides intercept and baseline; None for trees.
    prespecified : bool
        Named in the statistical design before any data.
    calibrated : bool
        Whether its output is a probability (a rule's is not).
    """

    name: str
    title: str
    terms: tuple[str, ...]
    needs_netest: bool
    df: int | None
    prespecified: bool = True
    calibrated: bool = True


REGISTRY = {
    spec.name: spec
    for spec in (
        Specification("M0", "score above the cut-off", (SCORE,), True, 0, calibrated=False),
        Specification("M0b", "score above the second cut-off", (SCORE,), True, 0, calibrated=False),
        Specification("M0c", "CgA above the limit of its kit", (CGA,), False, 0, calibrated=False),
        Specification("M1", "logistic, score and arm", (BRIDGED, "arm"), True, 2),
        Specification("M2", "ridge logistic, four terms", FOUR, True, 4),
        Specification("M3", "stacked cause-specific Cox, four terms", FOUR, True, 4),
        Specification("Mc", "clinical comparator: M3 without the score", CLINICAL, False, 3),
        Specification("M4", "elastic-net logistic, all terms", ALL, True, None),
        Specification("M5", "boosted trees, all terms", ALL, True, None),
        Specification("M6", "boosted failure time, all terms", ALL, True, None),
    )
}
DEFAULT_MODELS = tuple(REGISTRY)


def specification(name: str) -> Specification:
    """A registered model by name; the error names those that exist."""
    try:
        return REGISTRY[name]
    except KeyError:
        raise ValueError(f"no model {name!r}; registered are {', '.join(REGISTRY)}") from None


def stack(endpoint: Endpoint, protocol: Protocol) -> tuple[tuple[float, float], ...]:
    """Landmarks (with their horizons) whose rows the stacked model of an endpoint learns from.

    Landmarks 6 and 12 support each other; landmark 0 (pre-operative score) and 36 (local imaging) stand alone. An
    "mrd" endpoint follows every landmark to its horizon, an "early_recurrence" endpoint over its window.

    Returns
    -------
    tuple of (landmark, horizon)
        The endpoint's own pair first.
    """
    own = (endpoint.landmark, endpoint.horizon)
    joint = tuple(float(month) for month in protocol["models.stacked_landmarks"])
    if endpoint.landmark not in joint:
        return (own,)
    window = endpoint.horizon - endpoint.landmark
    others = [
        (landmark, endpoint.horizon if endpoint.family == "mrd" else landmark + window)
        for landmark in joint
        if landmark != endpoint.landmark
    ]
    return (own, *(pair for pair in others if pair[1] > pair[0]))


def build(
    name: str,
    endpoint: Endpoint,
    protocol: Protocol,
    *,
    version: str | None = None,
    seed: int = 0,
    labelled: int | None = None,
) -> RiskModel:
    """An unfitted estimator of a registered model for an endpoint.

    Parameters
    ----------
    name : str
    endpoint : Endpoint
    protocol : Protocol
    version : str, optional
        Assay version, whose cut-offs the rules take; the protocol's default otherwise.
    seed : int
    labelled : int, optional
        Labelled patients of the trial: how much its models may tune, in every fold alike. By the rows of each fit
        otherwise.

    Returns
    -------
    RiskModel
        With its score bridged between plates (``batch.bridge``), unless it does not look at the score or is a rule.

    Raises
    ------
    ValueError
        For a name that is not registered, or a bridge that the protocol does not know.
    """
    spec = specification(name)
    model = _plain(spec, endpoint, protocol, version, seed, labelled)
    if BRIDGED not in spec.terms:
        return model
    return learning(model, endpoint, protocol, seed, everything=spec.terms == ALL)


def learning(
    model: RiskModel, endpoint: Endpoint, protocol: Protocol, seed: int = 0, everything: bool = True
) -> LearntRisk:
    """A model on learnt columns together with the learners of those columns, see :func:`recipe`."""
    unchecked = {CLUSTER + ome for ome in protocol.panel.omes if ome not in checked_clusters(protocol)}
    model.terms = tuple(term for term in model.terms if term not in unchecked)
    return LearntRisk(model, recipe(protocol, seed, everything), endpoint.landmark)


def checked_clusters(protocol: Protocol) -> dict[str, tuple[str, ...]]:
    """Omic clusters whose genes somebody has checked against their source; no other drives a model (domain 1.2)."""
    panel = protocol.panel
    return {ome: genes for ome, genes in panel.omes.items() if panel.ome_status[ome] != "unverified"}


def recipe(protocol: Protocol, seed: int = 0, everything: bool = True) -> dict[str, dict[str, Any]]:
    """What is learnt inside the fold, with the settings of each learner.

    Parameters
    ----------
    protocol : Protocol
        ``batch.bridge``, ``mixed_model.minimum_patients``, ``stable.minimum_patients``, ``signature.minimum_patients``,
        ``clock.closing_months``, ``kinetics.rcv_z`` and the panel.
    seed : int
        Of the folds that the signature is cross-fitted in.
    everything : bool
        The bridge alone otherwise.

    Raises
    ------
    ValueError
        When ``batch.bridge`` is neither "controls" nor "none".
    """
    bridge = str(protocol["batch.bridge"])
    if bridge not in BRIDGES:
        raise ValueError(f"batch.bridge is {bridge!r}; expected one of {', '.join(BRIDGES)}")
    out: dict[str, dict[str, Any]] = {"bridge": {"use": bridge == "controls"}}
    if not everything:
        return out
    clusters = checked_clusters(protocol)
    of_marker = {
        "mixed_model": {
            "minimum": int(protocol["mixed_model.minimum_patients"]),
            "closing": float(protocol["clock.closing_months"]),
        },
        "stable": {"minimum": int(protocol["stable.minimum_patients"]), "z": float(protocol["kinetics.rcv_z"])},
    }
    return out | {
        "bridged_change": out["bridge"],
        **{own: {"marker": marker} | of_marker[name] for (name, marker), own in OF_MARKERS.items()},
        "censored": {},
        **({"clusters": {"membership": clusters}} if clusters else {}),
        "signature": {
            "genes": protocol.panel.genes,
            "minimum": int(protocol["signature.minimum_patients"]),
            "seed": seed,
        },
    }


def _plain(
    spec: Specification, endpoint: Endpoint, protocol: Protocol, version: str | None, seed: int, labelled: int | None
) -> RiskModel:
    """The model itself, on columns that are there."""
    name = spec.name
    landmark = endpoint.landmark
    stages = (
        int(protocol["models.slope_recalibration_events"]),
        int(protocol["models.beta_recalibration_events"]),
    )
    if not spec.calibrated:
        return CutoffRule(*cutoffs(protocol, version)[name], terms=spec.terms)
    if name == "M1":
        return LogisticRisk(spec.terms, landmark, GUARD, seed=seed)
    if name == "M2":
        return LogisticRisk(spec.terms, landmark, LOGISTIC_PENALTIES, FLAGGED, seed=seed)
    if name == "M4":
        least = int(protocol["models.least_varied"])
        plan = elastic_net_plan(protocol, labelled)
        return NetRisk(spec.terms, landmark, least_varied=least, stages=stages, seed=seed, **plan)
    if name == "M5":
        plan = boosting_plan(protocol, labelled=labelled)
        return BoostedTrees(spec.terms, landmark, increasing=INCREASING, stages=stages, seed=seed, **plan)
    visits = tuple(visit for visit in protocol.visit_grid if landmark < visit <= endpoint.horizon)
    if name == "M6":
        scales = [float(scale) for scale in protocol["models.aft_scales"]]
        plan = boosting_plan(protocol, {"scale": scales}, labelled)
        return BoostedAFT(
            spec.terms,
            landmark,
            increasing=INCREASING,
            stages=stages,
            seed=seed,
            visits=visits,
            error=str(protocol["models.aft_error"]),
            shortest=float(protocol["models.aft_shortest"]),
            **plan,
        )
    return StackedCox(spec.terms, landmark, visits, COX_PENALTIES, FLAGGED, stages=stages, seed=seed)


def cutoffs(protocol: Protocol, version: str | None = None) -> dict[str, tuple[float, bool]]:
    """Cut-offs of the rules: the assay's primary one and the next above it (the same when there is only one).

    CgA was held against the limit of its kit before (``cga_above_limit``); its rule takes the flag as it is.

    Returns
    -------
    dict of str to (cut-off in the unit of the rule's term, whether a value equal to it is positive)
    """
    assay = protocol.assays[version or str(protocol["assay_default.version"])]
    analyte = assay.analytes[0]
    primary = float(assay.primary_cutoff[analyte])
    above = [float(cut) for cut in assay.cutoffs[analyte] if cut > primary]
    return {
        "M0": (primary, assay.inclusive),
        "M0b": (min(above, default=primary), assay.inclusive),
        "M0c": (0.5, False),
    }
