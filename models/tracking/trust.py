"""Reviewed list of the types that a stored model may hold."""

from __future__ import annotations

from collections.abc import Iterable

from data.findings import Finding, Refused
from models.estimators.base import RiskModel

# Reviewed: plain containers of arrays and settings; none runs anything when it is loaded.
TRUSTED_TYPES = (
    "models.estimators.boosted.BoostedTrees",
    "models.estimators.boosted_aft.BoostedAFT",
    "models.estimators.learnt.LearntRisk",
    "models.estimators.logistic_risk.LogisticRisk",
    "models.estimators.net_risk.NetRisk",
    "models.estimators.rule.CutoffRule",
    "models.estimators.stacked_cox.StackedCox",
)
UNTRUSTED = "M103"


def check_listed(types: Iterable[str]) -> None:
    """Refuse types that nobody reviewed.

    Raises
    ------
    Refused
        M103, naming them.
    """
    strange = sorted(set(types) - set(TRUSTED_TYPES))
    if strange:
        raise Refused(
            Finding(
                UNTRUSTED,
                "reject",
                f"the stored model holds types that nobody reviewed: {', '.join(strange)}",
                remedy="do not load it; train again",
            )
        )


def check_trusted(estimator: RiskModel) -> tuple[str, ...]:
    """Types of an estimator that its file must name as trusted, all of them on the reviewed list.

    Raises
    ------
    Refused
        M103 for any other type.
    """
    import skops.io

    types = tuple(skops.io.get_untrusted_types(data=skops.io.dumps(estimator)))
    check_listed(types)
    return types
