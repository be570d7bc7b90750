"""What a training leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from data.protocol import Endpoint
from models.estimators.base import RiskModel

FITTED, NOT_ESTIMABLE = "fitted", "not estimable"
Interval = tuple[float, float]


@dataclass(frozen=True)
class SecondOpinion:
    """What the bootstrap says of a model, beside cross-validation (:mod:`models.validation.optimism`).

    Attributes
    ----------
    method : str
        "Harrell" or ".632+".
    resamples : int
        Refits that it rests on.
    apparent, corrected : dict of str to float
        ``auc`` (all pairs), ``brier`` and ``slope`` on the patients fitted on, and corrected for that.
    """

    method: str
    resamples: int
    apparent: dict[str, float]
    corrected: dict[str, float]


@dataclass(frozen=True)
class PermutationNull:
    """Figures of the whole pipeline with outcomes that belong to nobody (:mod:`models.validation.permutation`).

    Attributes
    ----------
    summary : DataFrame
        Per model and statistic (``auc``, ``auc_minus_mc``): observed, null_mean, null_sd, null_95 (95th percentile), p,
        permutations.
    draws : DataFrame
        The null values, one row per permutation, columns ``model statistic``.
    """

    summary: pd.DataFrame
    draws: pd.DataFrame


@dataclass(frozen=True)
class ModelResult:
    """One model of one endpoint.

    Attributes
    ----------
    name, title : str
    metrics : dict of str to float
        Means over the repeats of ``auc`` (pairs within folds, all pairs for a rule; the headline), ``auc_pooled``,
        ``brier``, ``ipa``, ``ap``, ``citl``, ``slope``, ``oe``; with enough events ``ici``, ``e50``, ``e90`` of the
        mean prediction. NaN when not estimable.
    intervals : dict of str to (lower, upper)
        95%, same names.
    oof : DataFrame
        Indexed by ``patient_id``: arm, status, y, weight, probability (mean over repeats) and one column per repeat.
    by_arm : DataFrame
        One row per arm: n, events, prevalence, AUC and Brier score with intervals, or the reason why not.
    cutoffs : DataFrame
        Sensitivity, specificity and predictive values at the prespecified cut-offs.
    curves : dict of str to DataFrame
        ``roc``, ``calibration``, ``flexible`` (from ``validation.flexible_calibration_events``), ``net_benefit`` (with
        the band of the model, ``lower`` and ``upper``, and its gain over treating all and over the clinical
        comparator, ``gain`` and ``minus_mc``, with ``_lower`` and ``_upper``), ``delta``; empty for what does not
        apply.
    estimator : RiskModel
        Refitted on all labelled patients.
    facts : dict
        Fitted figures (penalty, coefficients).
    composite : DataFrame
        The same predictions against recurrence (the primary estimand, death competes) and against recurrence or death:
        one row each with labelled, events, event rate, AUC, Brier score and observed over expected.
    subgroups : DataFrame
        Performance in groups of patients (``models.metrics.heterogeneity.subgroup_table``).
    sites : dict of str to float
        AUC across sites by random effects; empty with too few sites.
    decisions : dict of str to float
        Net benefit along the decision curve (``nb@0.3``), its gain over acting on everybody (``gain@0.3``) and sens,
        spec, ppv, npv at the thresholds of the calls, from the mean predictions.
    second_opinion : SecondOpinion or None
        None for a rule, and without refits.
    """

    name: str
    title: str
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    oof: pd.DataFrame
    by_arm: pd.DataFrame
    cutoffs: pd.DataFrame
    curves: dict[str, pd.DataFrame]
    estimator: RiskModel
    facts: dict[str, object] = field(default_factory=dict)
    composite: pd.DataFrame = field(default_factory=pd.DataFrame)
    subgroups: pd.DataFrame = field(default_factory=pd.DataFrame)
    sites: dict[str, float] = field(default_factory=dict)
    decisions: dict[str, float] = field(default_factory=dict)
    second_opinion: SecondOpinion | None = None

    def cell(self, metric: str, digits: int = 3) -> str:
        """A figure with its interval as text: ``0.786 (0.69 to 0.86)``; a missing interval is said."""
        value = self.metrics.get(metric, float("nan"))
        if pd.isna(value):
            return "not estimable"
        lower, upper = self.intervals.get(metric, (float("nan"), float("nan")))
        if pd.isna(lower) or pd.isna(upper):
            return f"{value:.{digits}f} (no interval)"
        return f"{value:.{digits}f} ({lower:.{digits}f} to {upper:.{digits}f})"


@dataclass(frozen=True)
class TrainingResult:
    """Everything learned about one endpoint.

    Attributes
    ----------
    endpoint : Endpoint
    status : {"fitted", "not estimable"}
    reason : str
        Why not estimable; empty otherwise.
    models : dict of str to ModelResult
    champion, challenger : str
        Empty when the policy appoints none.
    policy_reason : str
    shown : str
        The model whose details stand for the endpoint: the champion, or the one that the policy would name if the
        endpoint could be promoted; never the best-looking one. Empty when nothing was fitted.
    comparisons : DataFrame
        Paired differences: model, against, metric, difference, lower, upper, p, p_holm. Positive favours the model
        (of the Brier score: reference minus model), except for ``citl`` and ``slope``, which have no direction: model
        minus reference. ``p``: two-sided, bootstrap normal; ``p_holm``: over the models and thresholds that were
        compared with the same reference on the same kind of figure.
    counts : dict of str to int
        At risk, no call, judged, labelled, events, non-events, deaths, censored, straddlers.
    by_arm : DataFrame
        The same counts and the event rate by arm.
    prevalence : float
        Weighted event rate by the horizon.
    folds : DataFrame
        Fold of each judged patient in each repeat, indexed by ``patient_id``.
    warnings : tuple of str
        Alarms such as an AUC above the leakage alarm.
    facts : dict
        Seed, folds, repeats, blocks, resamples, table digests, assay version.
    learning_curve : DataFrame or None
        Of :func:`models.validation.learning_curve.learning_curve`; None when it was not asked for.
    permutation : PermutationNull or None
        None when it was not asked for.
    """

    endpoint: Endpoint
    status: str
    reason: str
    models: dict[str, ModelResult]
    champion: str
    challenger: str
    policy_reason: str
    comparisons: pd.DataFrame
    counts: dict[str, int]
    by_arm: pd.DataFrame
    prevalence: float
    folds: pd.DataFrame
    warnings: tuple[str, ...] = ()
    facts: dict[str, object] = field(default_factory=dict)
    shown: str = ""
    learning_curve: pd.DataFrame | None = None
    permutation: PermutationNull | None = None

    def headline(self) -> str:
        """The verdict in one line."""
        size = f"{self.counts['events']} events among {self.counts['labelled']} labelled patients, {self.event_rate()}"
        if self.status != FITTED:
            return f"{self.endpoint.id}: {self.reason}"
        verdict = "" if self.champion else f"{self.policy_reason}; prespecified "
        if self.shown not in self.models:
            return f"{self.endpoint.id}: {self.policy_reason} ({size})"
        return f"{self.endpoint.id}: {verdict}{self.shown}, AUC {self.models[self.shown].cell('auc', 2)}, {size}"

    def event_rate(self) -> str:
        """Weighted event rate by the horizon, overall and by arm, in words."""
        arms = ", ".join(f"{row.arm} {row.prevalence:.0%}" for row in self.by_arm.itertuples())
        return f"event rate {self.prevalence:.0%} ({arms})"
