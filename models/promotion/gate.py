"""The gate: what a night decides about a challenger. It keeps the champion unless everything speaks for a change."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from models.promotion.betting import capital
from models.promotion.loss import studentised
from models.promotion.maturation import Matured
from models.promotion.requirements import Requirement, differences, requirements
from models.promotion.rules import GateRules

KEEP, PROMOTE = "keep", "promote"
LOOKS, ANYTIME = "look", "e-process"


@dataclass(frozen=True)
class Checks:
    """What the night brings beside labels.

    Attributes
    ----------
    fingerprint : str
        Of the night's inputs; the same one again is not evaluated again.
    leaks_passed : bool
        Whether the suite of leakage checks passed.
    drift : str
        Why drift blocks promotion; empty when it does not.
    """

    fingerprint: str
    leaks_passed: bool
    drift: str = ""

    @property
    def blocked(self) -> str:
        """Why nothing is evaluated tonight; empty when something may be."""
        if not self.leaks_passed:
            return "the leak suite has not passed"
        return f"drift: {self.drift}" if self.drift else ""


@dataclass(frozen=True)
class Look:
    """One evaluation: every number it rests on.

    Attributes
    ----------
    route : str
        "look" or "e-process".
    number : int
        Which planned look, from 1; 0 for the e-process.
    patients, labels : int
        Mature patients and known labels among them.
    mean, error, z, critical : float
        Mean of d with its standard error, their ratio and the value it must reach (for the e-process: the largest
        capital so far and 1/alpha).
    conditions : tuple of Requirement
    """

    route: str
    number: int
    patients: int
    labels: int
    mean: float
    error: float
    z: float
    critical: float
    conditions: tuple[Requirement, ...]

    @property
    def crossed(self) -> bool:
        return bool(self.z >= self.critical)

    @property
    def promotes(self) -> bool:
        return self.crossed and all(condition.met for condition in self.conditions)


@dataclass(frozen=True)
class Verdict:
    """What a night decided and why.

    Attributes
    ----------
    decision : str
        "keep" or "promote".
    reason : str
        In words.
    labels, next_look : int
        Known labels, and the number at which the next look is due (0 when none is left).
    wealth, largest_wealth : float
        Capital of the e-process and its largest value so far (1 before the first label).
    look : Look or None
        The evaluation of this night; None outside a look.
    """

    decision: str
    reason: str
    labels: int
    next_look: int
    wealth: float
    largest_wealth: float
    look: Look | None = None


@dataclass(frozen=True)
class Ledger:
    """What a gate remembers from one night to the next; begins empty.

    ``fingerprint`` of the last night that was not skipped, all looks taken, and the last verdict.
    """

    fingerprint: str = ""
    looks: tuple[Look, ...] = ()
    verdict: Verdict | None = None

    @property
    def promoted(self) -> bool:
        return any(look.promotes for look in self.looks)

    def as_bytes(self) -> bytes:
        """Canonical JSON: equal ledgers give equal bytes. Holds no patient."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=True).encode()


def night(ledger: Ledger, matured: Matured, rules: GateRules, checks: Checks) -> Ledger:
    """One night of the gate.

    Parameters
    ----------
    ledger : Ledger
        Of the night before; ``Ledger()`` at the start. A promotion ends it: the next challenger begins a new one.
    matured : Matured
        Who is mature tonight (:func:`models.promotion.maturation.mature`).
    rules : GateRules
        Fixed before the first label matured.
    checks : Checks

    Returns
    -------
    Ledger
        The same object when the fingerprint is not new. A look is taken when the known labels reach the next planned
        one, once; labels that passed several at one go are looked at once, at the last of them. Outside a look only the
        e-process is followed.
    """
    if checks.fingerprint == ledger.fingerprint:
        return ledger
    if checks.blocked:
        # Not remembered: the same data may be evaluated when the obstacle is gone.
        last = (ledger.verdict.wealth, ledger.verdict.largest_wealth) if ledger.verdict else (1.0, 1.0)
        verdict = Verdict(KEEP, f"nothing was evaluated: {checks.blocked}", *_place(ledger, matured, rules), *last)
        return Ledger("", ledger.looks, verdict)
    wealth = _wealth(matured, rules)
    look = None if ledger.promoted else _look(ledger, matured, rules, wealth[1])
    after = Ledger(checks.fingerprint, (*ledger.looks, look) if look else ledger.looks)
    decision = PROMOTE if look and look.promotes else KEEP
    reason = _why(look) if look else _why_no_look(after, matured, rules)
    verdict = Verdict(decision, reason, *_place(after, matured, rules), *wealth, look)
    return Ledger(after.fingerprint, after.looks, verdict)


def _taken(ledger: Ledger) -> list[Look]:
    return [look for look in ledger.looks if look.route == LOOKS]


def _place(ledger: Ledger, matured: Matured, rules: GateRules) -> tuple[int, int]:
    """Known labels and the labels of the next look."""
    done = max((look.number for look in _taken(ledger)), default=0)
    return matured.labels, 0 if done == len(rules.looks) or ledger.promoted else rules.labels_at[done]


def _wealth(matured: Matured, rules: GateRules) -> tuple[float, float]:
    _, value = capital(differences(matured), matured.bound, matured.day, rules.largest_stake)
    return (float(value[-1]), float(max(1.0, value.max()))) if len(value) else (1.0, 1.0)


def _look(ledger: Ledger, matured: Matured, rules: GateRules, largest: float) -> Look | None:
    taken = _taken(ledger)
    due = rules.reached(matured.labels)
    if due > max((look.number for look in taken), default=0):
        numbers = (*(look.number for look in taken), due)
        critical = rules.critical(numbers, (*(look.labels for look in taken), matured.labels))
        return _evaluated(LOOKS, due, matured, rules, critical)
    if rules.anytime_promotes and largest >= 1 / rules.anytime_alpha:
        look = _evaluated(ANYTIME, 0, matured, rules, 1 / rules.anytime_alpha, largest)
        return look if look.promotes else None
    return None


def _evaluated(
    route: str, number: int, matured: Matured, rules: GateRules, critical: float, statistic: float | None = None
) -> Look:
    value = studentised(differences(matured))
    return Look(
        route=route,
        number=number,
        patients=value.size,
        labels=matured.labels,
        mean=value.mean,
        error=value.error,
        z=value.z if statistic is None else statistic,
        critical=critical,
        conditions=requirements(matured, rules),
    )


def _why(look: Look) -> str:
    what = f"look {look.number} at {look.labels} labels: z" if look.route == LOOKS else "e-process:"
    test = f"{what} {look.z:.3f} {'reaches' if look.crossed else 'is below'} {look.critical:.3f}"
    failed = "; ".join(condition.words for condition in look.conditions if not condition.met)
    if look.promotes:
        return f"{test}, and every other condition holds"
    if look.crossed:
        return f"{test}, but {failed}"
    return f"{test}; not promoting is no evidence that the two are equal" + (f"; also {failed}" if failed else "")


def _why_no_look(ledger: Ledger, matured: Matured, rules: GateRules) -> str:
    if ledger.promoted:
        return "the challenger was promoted on an earlier night; this gate is closed"
    labels, due = _place(ledger, matured, rules)
    if not due:
        return "every planned look has been taken; a new challenger needs a new gate and new labels"
    return f"no look tonight: {labels} labels, the next look is due at {due}"
