"""The simulated worlds as data: what each believes, and how a caller changes a single belief."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from data.simulate.knobs import Knob, Value, unknown_knob

WORLDS_FILE = Path(__file__).with_name("worlds.toml")


@dataclass(frozen=True)
class World:
    """Every belief of one simulated world; ``worlds.toml`` explains each value and where it comes from."""

    name: str
    note: str
    cured: float
    cured_by_risk: float
    doublings_median: float
    doublings_sd: float
    doubling_months: float
    doubling_sd: float
    fast_share: float
    fast_factor: float
    clinical_weight: float
    prrt_halvings: float
    prrt_halvings_sd: float
    second_cycle_given: float
    enrolment_months: float
    extrahepatic_only: float
    liver_and_extrahepatic: float
    death_without_recurrence: float
    death_after_recurrence: float
    death_lag_months: float
    dropout_control: float
    dropout_prrt: float
    lock_months: float
    visit_sd_days: float
    scan_sd_days: float
    missed_scan: float
    missed_local_scan: float
    inadequate_scan: float
    mri_half_mm: float
    petct_half_mm: float
    detection_slope: float
    false_positive: float
    equivocal_false: float
    equivocal_lesion: float
    equivocal_half_mm: float
    unscheduled_base: float
    unscheduled_equivocal_control: float
    unscheduled_equivocal_prrt: float
    missing_blood: float
    missing_urine: float
    missing_unwell: float
    score_level: float
    score_weight: float
    score_person_sd: float
    score_within_sd: float
    score_analytic_sd: float
    score_prrt: tuple[float, ...]
    preoperative_level: float
    preoperative_sd: float
    preoperative_weight: float
    preoperative_person: float
    preoperative_floor: float
    score_site_sd: float
    score_failed: float
    score_absent: float
    scores_per_plate: int
    plates_per_lot: int
    plate_sd: float
    lot_sd: float
    plates_by: str
    batch_follows: str
    cq_plate_sd: float
    cga_weight: float
    urine_weight: float
    creatinine_absent: float


def _records() -> dict[str, Any]:
    return tomllib.loads(WORLDS_FILE.read_text(encoding="utf-8"))


@cache
def load_worlds() -> dict[str, World]:
    """Read the worlds that the package ships.

    Returns
    -------
    dict of str to World
        protocol, contemporary, developer, independent, null.
    """
    notes = {name: _inherited(name)["note"] for name in _records() if name != "base"}
    return {name: _world(name, note, load_knobs(name)) for name, note in notes.items()}


@cache
def load_knobs(world: str = "protocol") -> dict[str, Knob]:
    """Every knob with value, unit, allowed values and source in one world.

    Raises
    ------
    ValueError
        When the world is unknown.
    """
    base, own = _records()["base"], _inherited(world)
    return {name: _knob(name, record, own.get(name)) for name, record in base.items()}


def _inherited(world: str) -> dict[str, Any]:
    """What a world changes, with what the world it is ``like`` changes."""
    records = _records()
    if world not in records or world == "base":
        raise ValueError(
            f"unknown world {world!r}; choose one of {', '.join(name for name in records if name != 'base')}"
        )
    own = records[world]
    return {**(_inherited(own["like"]) if "like" in own else {}), **own}


def _knob(name: str, base: dict[str, Any], own: Any) -> Knob:
    changed = own if isinstance(own, dict) else {} if own is None else {"value": own}
    record = {**base, **({"source": "ours, for this world"} if changed else {}), **changed}
    low, high = record.get("range", (-math.inf, math.inf))
    value = tuple(record["value"]) if isinstance(record["value"], list) else record["value"]
    choices = tuple(record.get("choices", ()))
    return Knob(name, value, record.get("unit", ""), float(low), float(high), choices, record["source"])


def _world(name: str, note: str, knobs: dict[str, Knob]) -> World:
    values: dict[str, Any] = {knob.name: knob.checked(knob.value) for knob in knobs.values()}
    return World(name=name, note=note, **values)


def choose_world(name: str, **knobs: Any) -> World:
    """A shipped world, with single beliefs changed.

    Raises
    ------
    ValueError
        When the world or a knob is unknown, or a value is not allowed; the message says what is.
    """
    known = load_knobs(name)
    for knob in knobs:
        if knob not in known:
            raise unknown_knob(knob, sorted(known))
    values: dict[str, Any] = {knob: known[knob].checked(value) for knob, value in knobs.items()}
    world = replace(load_worlds()[name], **values)
    if world.extrahepatic_only + world.liver_and_extrahepatic > 1:
        raise ValueError("extrahepatic_only and liver_and_extrahepatic together exceed 1; lower one of them")
    return world


def read_knobs(world: str, settings: Sequence[str]) -> dict[str, Value]:
    """Knobs from texts ``KNOB=VALUE``; a later one overrides an earlier one.

    Raises
    ------
    ValueError
        When the world or a knob is unknown, or a text or its value is not allowed; the message says what is.
    """
    known, chosen = load_knobs(world), {}
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign:
            raise ValueError(f"{setting!r} is not KNOB=VALUE")
        if name.strip() not in known:
            raise unknown_knob(name.strip(), sorted(known))
        chosen[name.strip()] = known[name.strip()].read(text)
    return chosen


class KnobRow(NamedTuple):
    """One line of the table of knobs, as text."""

    knob: str
    value: str
    unit: str
    allowed: str
    source: str


def knob_rows(world: str, settings: Sequence[str] = ()) -> list[KnobRow]:
    """Every knob of a world for people to read, with the changes asked for.

    Raises
    ------
    ValueError
        As :func:`read_knobs`.
    """
    changed = read_knobs(world, settings)
    return [
        KnobRow(
            knob.name,
            _text(changed.get(knob.name, knob.value)),
            knob.unit,
            knob.allowed,
            "as set" if knob.name in changed else knob.source,
        )
        for knob in load_knobs(world).values()
    ]


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return ",".join(_text(part) for part in value)
    return value if isinstance(value, str) else f"{value:g}"
