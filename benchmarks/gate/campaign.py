"""The promotion gate on simulated streams: how often it promotes wrongly, and how often it promotes rightly.

    python -m benchmarks.gate.campaign [--streams N] [--write]

Every number comes from this one run. Predictions, follow-up and labels are simulated; weights, looks and verdicts are
those of ``models.promotion`` with the limits of the protocol. ``--write`` puts the tables into docs/promotion.md and
draws docs/img/promotion.svg. Exits 1 when a bound of the statistical design does not hold.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from benchmarks import ROOT
from benchmarks.gate.rivals import first_promotion
from benchmarks.gate.streams import (
    NIGHTS,
    World,
    censoring_of,
    development,
    draw,
    matured,
)
from data.protocol import Protocol, load_protocol
from models.promotion.betting import capital
from models.promotion.gate import Checks, Ledger, night
from models.promotion.loss import studentised
from models.promotion.maturation import Matured
from models.promotion.requirements import differences
from models.promotion.rules import GateRules

COMMAND = "python -m benchmarks.gate.campaign --write"
STREAMS = 2000
SURELY_BELOW = 0.95
"""A stream whose z stays below this share of the planned critical values at every look is not run through the gate."""


@dataclass(frozen=True)
class Outcome:
    """One challenger in one stream: the day of promotion by each rule; inf for never.

    ``gate`` all conditions, ``test`` the boundary alone, ``anytime`` capital of 1/alpha alone, ``higher`` and
    ``delong`` the naive rules (NaN when not asked for); ``look`` is the look that promoted (0 for none).
    """

    gate: float
    test: float
    anytime: float
    higher: float = np.nan
    delong: float = np.nan
    look: int = 0


def look_rows(rows: Matured, rules: GateRules) -> Iterator[Matured]:
    """Who is mature on the nights on which the labels reach a planned look."""
    count = np.cumsum(rows.known)
    for wanted in rules.labels_at:
        if count[-1] >= wanted:
            yield rows.only(rows.day <= rows.day[np.searchsorted(count, wanted)])


def may_cross(rows: Matured, rules: GateRules) -> bool:
    """Whether z comes near a critical value at any look."""
    critical = [rules.critical(tuple(range(1, k + 1)), rules.labels_at[:k]) for k in range(1, len(rules.looks) + 1)]
    values = [studentised(differences(seen)).z for seen in look_rows(rows, rules)]
    return any(z >= SURELY_BELOW * limit for z, limit in zip(values, critical, strict=False))


def through_the_gate(rows: Matured, rules: GateRules) -> Ledger:
    """The gate on the nights that bring a look; no other night changes what it decides (a test shows it)."""
    ledger = Ledger()
    for seen in look_rows(rows, rules):
        ledger = night(ledger, seen, rules, Checks(f"night {seen.day[-1]}", leaks_passed=True))
        if ledger.promoted:
            break
    return ledger


def _first_day(ledger: Ledger, rows: Matured, which: str) -> tuple[float, int]:
    for look in ledger.looks:
        if getattr(look, which):
            return float(rows.day[look.patients - 1]), look.number
    return np.inf, 0


def follow(rows: Matured, rules: GateRules, least: int | None) -> Outcome:
    """One stream under every rule; the naive ones when ``least`` (events and non-events they wait for) is given."""
    ledger = through_the_gate(rows, rules) if may_cross(rows, rules) else Ledger()
    gate, number = _first_day(ledger, rows, "promotes")
    days, value = capital(differences(rows), rows.bound, rows.day, rules.largest_stake)
    rich = value >= 1 / rules.anytime_alpha
    naive = first_promotion(rows, least, float(ndtri(0.95))) if least else (np.nan, np.nan)
    return Outcome(
        gate, _first_day(ledger, rows, "crossed")[0], float(days[rich][0]) if rich.any() else np.inf, *naive, number
    )


def campaign(
    world: World,
    streams: int,
    protocol: Protocol,
    *,
    planned: int | None = None,
    anytime_promotes: bool = False,
    early: bool = False,
    naive: bool = False,
    seed: int = 1,
) -> list[list[Outcome]]:
    """Outcomes by stream and challenger."""
    rules = GateRules.from_protocol(protocol, world.challengers)
    if anytime_promotes:
        share = float(protocol["gate.anytime_alpha"]) / world.challengers
        rules = replace(rules, anytime_promotes=True, alpha=rules.alpha - share)
    rules = replace(rules, planned=planned or rules.planned)
    censoring = censoring_of(protocol)
    drawn = draw(world, streams, rules.planned, censoring, seed)
    least = int(protocol["validation.minimum_events"]) if naive else None
    out = []
    for stream in range(streams):
        before = development(censoring, seed=(seed, stream))
        challengers = range(1, world.challengers + 1)
        rows = [matured(drawn, stream, one, censoring, before, early=early) for one in challengers]
        out.append([follow(each, rules, least) for each in rows])
    return out


def share(outcomes: list[list[Outcome]], rule: str) -> float:
    """Share of streams in which any challenger was promoted by a rule."""
    return float(np.mean([min(getattr(one, rule) for one in stream) < np.inf for stream in outcomes]))


def unchanged_nights(protocol: Protocol) -> tuple[int, int]:
    """Distinct bytes of 200 nights with one fingerprint after a look, and looks taken in them."""
    rules = GateRules.from_protocol(protocol)
    censoring = censoring_of(protocol)
    rows = matured(draw(World(), 1, rules.planned, censoring, 5), 0, 1, censoring, development(censoring, 5))
    first = night(Ledger(), next(look_rows(rows, rules)), rules, Checks("the same", leaks_passed=True))
    seen, ledger = {first.as_bytes()}, first
    for _ in range(NIGHTS):
        ledger = night(ledger, rows, rules, Checks("the same", leaks_passed=True))
        seen.add(ledger.as_bytes())
    return len(seen), len(ledger.looks) - len(first.looks)


def main() -> int:
    from benchmarks.gate.page import bounds, picture, report, tables
    from benchmarks.page import write

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=STREAMS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found = report(options.streams, load_protocol())
    checks = bounds(found)
    for name, words, met in checks:
        print(f"{'met    ' if met else 'NOT MET'} {name}: {words}")
    if options.write:
        write("promotion.md", COMMAND, tables(found))
        picture(found, ROOT / "docs" / "img" / "promotion.png")
    return 0 if all(met for *_, met in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
