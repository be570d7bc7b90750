"""Who becomes champion: decided by the protocol and the number of patients, never by the best-looking number."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from data.protocol import Endpoint, Protocol
from models.estimators.specification import CLINICAL_COMPARATOR, specification


@dataclass(frozen=True)
class Verdict:
    """Champion and challenger of an endpoint (empty when there is none) and the reason in words.

    ``shown`` is the model whose details stand for the endpoint where only one is shown: the champion, or the one that
    the policy would name if the endpoint could be promoted. Like the champion it is never chosen by its performance.
    """

    champion: str
    challenger: str
    reason: str
    shown: str = ""


def registered_models(endpoint: Endpoint, labelled: int, protocol: Protocol) -> list[str]:
    """Models that are trained unless a run asks for others.

    Below ``policy.small_n`` labelled patients learners are comparators of the primary endpoints only: at the others
    they would add looks at the same few events, and most of the time that a training takes.
    """
    few = not endpoint.primary and labelled < int(protocol["policy.small_n"])
    return list(protocol["models.registered_few" if few else "models.registered"])


def check_model_names(protocol: Protocol) -> None:
    """Every model that the protocol names is one of the registry, and there is one to train.

    Raises
    ------
    ValueError
        Naming the file, the record and the models there are.
    """
    ends = [f"policy.{role}_{size}_n" for role in ("champion", "challenger") for size in ("small", "large")]
    for key in ("models.registered", "models.registered_few", "validation.confirmatory_model", *ends):
        value = protocol[key]
        try:
            for name in (value or [""]) if isinstance(value, list) else [value]:
                specification(name)
        except ValueError as error:
            raise ValueError(f"{protocol.path.name}: [{key}]: {error}") from None


def appoint(endpoint: Endpoint, labelled: int, fitted: Collection[str], protocol: Protocol) -> Verdict:
    """The champion that the policy prespecifies for this endpoint and number of labelled patients.

    Parameters
    ----------
    endpoint : Endpoint
    labelled : int
        Patients with a known label and the landmark blood score.
    fitted : collection of str
        Names of the models that were fitted; empty when the endpoint is not estimable.
    protocol : Protocol
        Keys ``policy.small_n``, ``policy.champion_*``, ``policy.challenger_*``.

    Returns
    -------
    Verdict
        Performance has no part in it. Exploratory and other endpoints that are not to be promoted have no champion.
    """
    if not fitted:
        return Verdict("", "", "no champion: no model could be fitted")
    limit = int(protocol["policy.small_n"])
    size = "small" if labelled < limit else "large"
    champion = str(protocol[f"policy.champion_{size}_n"])
    challenger = str(protocol[f"policy.challenger_{size}_n"])
    shown = next((name for name in (champion, challenger, CLINICAL_COMPARATOR) if name in fitted), "")
    if not endpoint.promote:
        return Verdict("", "", f"no champion: {endpoint.id} is {endpoint.role} and never promoted", shown)
    if champion not in fitted:
        return Verdict("", "", f"no champion: the policy names {champion}, which was not fitted in this run", shown)
    side = "below" if labelled < limit else "at or above"
    reason = (
        f"{champion} is prespecified for {labelled} labelled patients ({side} the limit of {limit}); "
        "performance had no part in the choice"
    )
    return Verdict(champion, challenger if challenger in fitted and challenger != champion else "", reason, champion)
