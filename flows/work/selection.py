"""Which endpoints and models a request means, in the words of the command line and of the forms."""

from __future__ import annotations

from typing import Literal

from data.protocol import Endpoint, Protocol

FamilyChoice = Literal["all", "mrd", "early-recurrence"]
LandmarkChoice = Literal["all", "0", "6", "12", "36"]


def select_endpoints(protocol: Protocol, family: str = "all", landmark: str = "all") -> list[Endpoint]:
    """Endpoints of a family at a landmark, in report order.

    Parameters
    ----------
    protocol : Protocol
    family : str
        ``mrd``, ``early-recurrence`` or ``all``.
    landmark : str
        Months from surgery as text, or ``all``.

    Returns
    -------
    list of Endpoint

    Raises
    ------
    ValueError
        When the protocol has no such endpoint; the message lists what it has.
    """
    wanted = family.replace("-", "_")
    found = [
        endpoint
        for endpoint in protocol.endpoints.values()
        if wanted in ("all", endpoint.family) and landmark in ("all", f"{endpoint.landmark:g}")
    ]
    if not found:
        known = ", ".join(
            f"{endpoint.id} ({endpoint.family.replace('_', '-')})" for endpoint in protocol.endpoints.values()
        )
        raise ValueError(f"no {family} endpoint at landmark {landmark}; the protocol has {known}")
    return found
