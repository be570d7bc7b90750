"""What the gate campaign found: its tables, its bounds, its picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.gate.campaign import Outcome, campaign, share, unchanged_nights
from benchmarks.gate.streams import NIGHTS, World, equal_brier_shift
from data.protocol import Protocol

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NULL = World()
MODERATE, LARGE = World(challenger=0.779, shared=1.0), World(challenger=0.804, shared=1.0)
WORSE = World(shared=1.0, shift=0.8)
SMALL_PLAN = 90
PLANS = (50, 90, 150, 200, 300, 400, 600, 800)
CURVE_STREAMS = 500
RULES = {
    "higher": '"the AUC is higher tonight"',
    "delong": "DeLong at .05, every night",
    "gate": "the gate",
    "anytime": "e-process at .01",
}
NAMED_AT = 300
LETTERS: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8.5}
LIMITS = (-0.07, 1.03)
FALSE_MOST, WORSE_MOST, POWER_LEAST = 0.06, 0.05, 0.75

Streams = list[list[Outcome]]


@dataclass(frozen=True)
class Found:
    """Outcomes of every part of the campaign."""

    nulls: dict[str, Streams]
    worse: dict[str, Streams]
    power: dict[tuple[str, int], Streams]
    curves: dict[str, dict[int, float]]
    looks: int
    bytes: int
    extra_looks: int


def report(streams: int, protocol: Protocol) -> Found:
    """Run every part; a line of progress for each."""
    run = partial(_told, protocol)
    unequal = replace(MODERATE, shift=equal_brier_shift(MODERATE))
    nulls = {
        "exchangeable models": run("null", NULL, streams, naive=True),
        "unequal models of equal Brier score": run("null, unequal", unequal, streams),
        "2 exchangeable challengers": run("null, 2", replace(NULL, challengers=2), streams),
        "3 exchangeable challengers": run("null, 3", replace(NULL, challengers=3), streams),
        "exchangeable models, looks at .04 beside the e-process at .01": run(
            "null, shared alpha", NULL, streams, anytime_promotes=True
        ),
        f"exchangeable models, {SMALL_PLAN} planned labels": run("null, 90", NULL, streams, planned=SMALL_PLAN),
    }
    worse = {
        "labels count by calendar": run("worse", WORSE, streams),
        "labels count as they become known": run("worse, events first", WORSE, streams, early=True),
    }
    gains = {".748 to .779": MODERATE, ".748 to .804": LARGE}
    planned = int(protocol["gate.planned_labels"])
    power = {
        (name, plan): run(f"{name}, {plan}", world, streams, planned=plan)
        for name, world in gains.items()
        for plan in (SMALL_PLAN, planned)
    }
    few = min(streams, CURVE_STREAMS)
    curves = {
        name: {
            plan: share(power.get((name, plan)) or run(f"{name}, {plan}", world, few, planned=plan), "gate")
            for plan in PLANS
        }
        for name, world in {**gains, "no gain": NULL}.items()
    }
    distinct, extra = unchanged_nights(protocol)
    return Found(nulls, worse, power, curves, len(protocol["gate.looks"]), distinct, extra)


def _told(protocol: Protocol, what: str, world: World, streams: int, **options: bool | int) -> Streams:
    out = campaign(world, streams, protocol, **options)  # type: ignore[arg-type]
    print(f"{what}: {len(out)} streams, promoted {share(out, 'gate'):.2%}", flush=True)
    return out


def error(value: float, streams: int) -> float:
    """Monte Carlo standard error of a share."""
    return float(np.sqrt(value * (1 - value) / streams))


def cell(outcomes: Streams, rule: str) -> str:
    """A share with its Monte Carlo standard error, or a dash when the rule was not tried."""
    if np.isnan(getattr(outcomes[0][0], rule)):
        return "–"
    value = share(outcomes, rule)
    return f"{value:.2%} ± {error(value, len(outcomes)):.2%}"


def bounds(found: Found) -> list[tuple[str, str, bool]]:
    """The acceptance bounds of the statistical design (section 6, 11 and 12): name, what was found, met or not."""
    out = []
    for name, outcomes in found.nulls.items():
        value = share(outcomes, "gate")
        out.append((f"false promotion at most {FALSE_MOST:.0%}: {name}", cell(outcomes, "gate"), value <= FALSE_MOST))
    calendar = found.worse["labels count by calendar"]
    met = share(calendar, "gate") <= WORSE_MOST
    out.append((f"a worse challenger, by calendar: at most {WORSE_MOST:.0%}", cell(calendar, "gate"), met))
    words = f"{found.bytes} distinct ledger, {found.extra_looks} looks"
    same = (found.bytes, found.extra_looks) == (1, 0)
    out.append((f"{NIGHTS} nights with one fingerprint: identical bytes, no look", words, same))
    gain = found.power[".748 to .779", max(plan for _, plan in found.power)]
    met = share(gain, "gate") >= POWER_LEAST
    out.append((f"power for .748 to .779 at least {POWER_LEAST}", cell(gain, "gate"), met))
    return out


def _table(head: list[str], rows: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *rows])


def either(outcomes: Streams) -> float:
    """Share promoted by the looks or by the capital of the e-process, whatever the other conditions say of it."""
    return float(np.mean([min(min(o.gate, o.anytime) for o in stream) < np.inf for stream in outcomes]))


def tables(found: Found) -> str:
    """Four Markdown tables: bounds, nulls, events first, power."""
    head = ["no challenger is better", *RULES.values()]
    nulls = [[name, *(cell(outcomes, rule) for rule in RULES)] for name, outcomes in found.nulls.items()]
    shared = found.nulls["exchangeable models, looks at .04 beside the e-process at .01"]
    worse = [[name, *(cell(rows, rule) for rule in ("gate", "test", "anytime"))] for name, rows in found.worse.items()]
    power = [
        [name, str(plan), cell(rows, "gate"), *_by_look(rows, found.looks), cell(rows, "anytime")]
        for (name, plan), rows in found.power.items()
    ]
    checks = [[name, words, "met" if met else "**not met**"] for name, words, met in bounds(found)]
    size = len(next(iter(found.nulls.values())))
    parts = [
        _table(["bound", "found", ""], checks),
        _table(head, nulls),
        f"By the looks at .04 or the e-process at .01, whichever comes first: {either(shared):.2%}.",
        _table(["the challenger is worse", "the gate", "its test alone", "e-process at .01"], worse),
        _table(
            [
                "AUC",
                "planned labels",
                "promoted",
                *(f"by look {k + 1}" for k in range(found.looks)),
                "e-process at .01",
            ],
            power,
        ),
        f"{size:,} streams of {NIGHTS} nights in every row, ± the Monte Carlo standard error.",
    ]
    return "\n\n".join(parts)


def _by_look(outcomes: Streams, looks: int) -> list[str]:
    at = np.array([stream[0].look for stream in outcomes])
    return [f"{np.mean((at > 0) & (at <= look)):.2f}" for look in range(1, looks + 1)]


def picture(found: Found, path: Path) -> None:
    """False promotions by night, and the probability of a promotion by the number of planned labels."""
    import matplotlib
    from matplotlib.figure import Figure

    from flows.reports.style import STYLE

    with matplotlib.rc_context(STYLE | {"figure.facecolor": "white", "savefig.facecolor": "white"}):
        figure = Figure(figsize=(9.6, 3.9))
        left, right = figure.subplots(1, 2)
        _by_night(left, found.nulls["exchangeable models"])
        _by_plan(right, found.curves)
        figure.savefig(path, dpi=130, metadata={"Software": None})


def _by_night(axes: Axes, null: Streams) -> None:
    from flows.reports.style import SERIES, percent_axis

    nights = np.arange(NIGHTS + 1)
    for (rule, name), colour in zip(RULES.items(), (SERIES[4], SERIES[2], SERIES[0], SERIES[1]), strict=True):
        day = np.array([getattr(stream[0], rule) for stream in null])
        curve = (day[:, None] <= nights).mean(axis=0)
        axes.plot(nights, curve, color=colour, drawstyle="steps-post")
        below = rule == "anytime"
        place = {"xytext": (0, -4 if below else 4), "va": "top" if below else "bottom", "ha": "right"}
        axes.annotate(f"{name}  {curve[-1]:.1%}", (NIGHTS, curve[-1]), color=colour, **LETTERS, **place)
    percent_axis(axes, "Promoted so far")
    axes.set(xlabel="Night", xlim=(0, NIGHTS + 2), ylim=LIMITS, title="Equally good models: promoted wrongly")


def _by_plan(axes: Axes, curves: dict[str, dict[int, float]]) -> None:
    from flows.reports.style import SERIES, percent_axis

    sides = ({"xytext": (8, -6), "va": "top", "ha": "left"}, {"xytext": (-6, 5), "va": "bottom", "ha": "right"})
    places = (*sides, {"xytext": (0, 5), "va": "bottom", "ha": "center"})
    colours = (SERIES[0], SERIES[3], SERIES[5])
    for (name, curve), colour, place in zip(curves.items(), colours, places, strict=True):
        axes.plot(list(curve), list(curve.values()), "o-", markersize=3.5, color=colour)
        words = name if name == "no gain" else f"AUC {name}"
        axes.annotate(words, (NAMED_AT, curve[NAMED_AT]), color=colour, **LETTERS, **place)
    percent_axis(axes, "Promoted by the last look")
    axes.set(
        xlabel="Planned labels", xlim=(0, PLANS[-1] * 1.03), ylim=LIMITS, title="Better challengers: promoted rightly"
    )
