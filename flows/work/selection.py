"""What a training is asked for, in the words of the command line and of the forms, and the endpoints it means."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from data.protocol import Endpoint, Protocol
from flows.errors import PublicError

FamilyChoice = Literal["all", "mrd", "early-recurrence"]
LandmarkChoice = Literal["all", "0", "6", "12", "36"]
BlockChoice = Literal["patient", "site"]


ModelChoice = Literal["M0", "M0b", "M0c", "M1", "M2", "M3", "Mc", "M4", "M5", "M6"]


@dataclass(frozen=True)
class TrainRequest:
    """What is to be trained.

    Parameters
    ----------
    family, landmark : str
        As in :func:`select_endpoints`.
    models : tuple of str
        Registered model names; all when empty.
    data_cut : date or None
        What the store knew at the end of that day (UTC); everything when None.
    trigger : str
        Who asked: ``by hand``, ``on demand``, ``schedule`` or ``demo``.
    flow_run : str
        Id of the Prefect flow run, empty outside one.
    blocks : str
        ``patient``, or ``site`` to leave whole sites out.
    learning_curve : bool
        Whether models are fitted on shares of the training folds, too.
    permutations : int
        Permutations of the outcomes; 0 for none.
    jobs : int
        Cores; all of them when 0.
    """

    family: str = "all"
    landmark: str = "all"
    models: tuple[str, ...] = ()
    data_cut: dt.date | None = None
    trigger: str = "by hand"
    flow_run: str = ""
    blocks: str = "patient"
    learning_curve: bool = False
    permutations: int = 0
    jobs: int = 0

    def __post_init__(self) -> None:
        if min(self.permutations, self.jobs) < 0:
            raise PublicError("permutations and jobs are numbers from 0 on")

    @property
    def settings(self) -> dict[str, Any]:
        """What of the request changes the plan of validation."""
        return {"blocks": self.blocks, "learning_curve": self.learning_curve, "permutations": self.permutations}

    @property
    def complete(self) -> bool:
        """Whether everything is trained on everything, so that a night need not do it again."""
        return (self.family, self.landmark, self.models, self.data_cut) == ("all", "all", (), None)


def check_models(models: Sequence[str]) -> None:
    """Refuse names that are no prespecified model, before any work is done.

    Raises
    ------
    PublicError
    """
    known = get_args(ModelChoice)
    if unknown := [name for name in models if name not in known]:
        raise PublicError(f"no model {', '.join(unknown)}; registered are {', '.join(known)}")


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
    PublicError
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
        raise PublicError(f"no {family} endpoint at landmark {landmark}; the protocol has {known}")
    return found
