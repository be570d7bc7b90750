"""What a plan is asked for, checked; the protocol's records stand in for what is not given."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from data.protocol import Protocol
from models.planning import validation
from models.planning.availability import Losses
from models.planning.checks import c_statistic, positive, share


@dataclass(frozen=True)
class Inputs:
    """What a plan is asked for; anything not given comes from the protocol.

    Attributes
    ----------
    patients : int
        Randomised, in all arms.
    parameters : int
        Candidate parameters of the model.
    auc : float
        C statistic to expect.
    r2 : float or None
        Cox-Snell R2 to expect; from the C statistic when None.
    prevalence : float or None
        Event rate among the labelled; from the protocol's survivals when None.
    losses : Losses
    targets : validation.Targets
    shrinkage, optimism, margin : float
        Riley's targets.
    """

    patients: int
    parameters: int
    auc: float
    r2: float | None
    prevalence: float | None
    losses: Losses
    targets: validation.Targets
    shrinkage: float
    optimism: float
    margin: float

    @classmethod
    def from_protocol(cls, protocol: Protocol, **given: Any) -> Inputs:
        """Take what is given (None = not given), the rest from the protocol's records, and check all of it.

        Parameters
        ----------
        given
            ``patients``, ``parameters``, ``auc``, ``r2``, ``prevalence``, ``dropout``, ``missing_blood``,
            ``missed_scan``, ``sensitivity``, ``specificity``, ``shrinkage``, and ``width_<measure>``.

        Raises
        ------
        ValueError
            On an impossible number, in one line.
        """
        said = {name: value for name, value in given.items() if value is not None}
        widths = protocol["planning.interval_widths"]
        losses = Losses(
            dropout=float(said.get("dropout", protocol["planning.dropout_per_year"])),
            missing_blood=float(said.get("missing_blood", protocol["planning.missing_blood"])),
            missed_scan=float(said.get("missed_scan", protocol["planning.missed_scan"])),
            death=float(protocol["planning.death_per_year"]),
        )
        targets = validation.Targets(
            **{name: float(said.get(f"width_{name}", widths[name])) for name in validation.MEASURES},
            expected_sensitivity=float(said.get("sensitivity", protocol["planning.sensitivity"])),
            expected_specificity=float(said.get("specificity", protocol["planning.specificity"])),
        )
        made = cls(
            patients=int(said.get("patients", protocol["trial.n_planned"])),
            parameters=int(said.get("parameters", protocol["planning.parameters"])),
            auc=float(said.get("auc", protocol["planning.auc"])),
            r2=said.get("r2"),
            prevalence=said.get("prevalence"),
            losses=losses,
            targets=targets,
            shrinkage=float(said.get("shrinkage", protocol["planning.shrinkage"])),
            optimism=float(protocol["planning.optimism"]),
            margin=float(protocol["planning.risk_margin"]),
        )
        made.check()
        return made

    def check(self) -> None:
        """Refuse what no study can have, in one line each (ValueError)."""
        positive(self.patients, "number of patients")
        positive(self.parameters, "number of parameters")
        c_statistic(self.auc)
        for value, name in ((self.r2, "Cox-Snell R2"), (self.prevalence, "prevalence"), (self.shrinkage, "shrinkage")):
            if value is not None:
                share(value, name)
        for one in fields(self.targets):
            name = one.name.removeprefix("expected_")
            plain = {"auc": "AUC", "oe": "O/E"}.get(name, name)
            words = f"{name} to expect" if one.name != name else f"width of the {plain} interval"
            value = getattr(self.targets, one.name)
            (positive if name in ("slope", "oe") else share)(value, words)
