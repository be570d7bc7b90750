"""The simulated worlds as data: what each believes, and how a caller changes a single belief."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

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
    extrahepatic_only: float
    liver_and_extrahepatic: float
    death_without_recurrence: float
    death_after_recurrence: float
    death_lag_months: float
    dropout_control: float
    dropout_prrt: float
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
    score_failed: float
    score_absent: float
    scores_per_plate: int
    plates_per_lot: int
    plate_sd: float
    lot_sd: float
    plates_by: str
    cq_plate_sd: float
    cga_weight: float
    urine_weight: float
    creatinine_absent: float


@cache
def load_worlds() -> dict[str, World]:
    """Read the worlds that the package ships.

    Returns
    -------
    dict of str to World
        protocol, developer, independent, null.
    """
    records = tomllib.loads(WORLDS_FILE.read_text(encoding="utf-8"))
    base = records.pop("base")
    return {name: _world(name, {**base, **changes}) for name, changes in records.items()}


def _world(name: str, values: dict[str, Any]) -> World:
    return World(name=name, **{**values, "score_prrt": tuple(values["score_prrt"])})


def choose_world(name: str, **knobs: Any) -> World:
    """A shipped world, with single beliefs changed.

    Raises
    ------
    ValueError
        When the world or a knob is unknown, or plates are asked for in an unknown order.
    """
    worlds = load_worlds()
    if name not in worlds:
        raise ValueError(f"unknown world {name!r}; choose one of {', '.join(worlds)}")
    known = {field.name for field in fields(World)} - {"name", "note"}
    unknown = sorted(set(knobs) - known)
    if unknown:
        raise ValueError(f"unknown knob {unknown[0]!r}; choose among {', '.join(sorted(known))}")
    world = replace(worlds[name], **knobs)
    if world.plates_by not in ("received", "arm", "outcome"):
        raise ValueError(f"plates_by {world.plates_by!r} is not one of received, arm, outcome")
    return world
