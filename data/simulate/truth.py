"""The truth aside: latent disease, fates, what complete observation shows, exact endpoint probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.simulate.disease import MONTHS_PER_YEAR, Disease, Fate
from data.simulate.scans import LOCAL_PETCT, Readings, detection, scan_slots
from data.simulate.streams import Floats, only
from data.simulate.worlds import World

GROWN_MM = 5.0


def truth_table(
    world: World,
    protocol: Protocol,
    patients: pd.DataFrame,
    disease: Disease,
    fate: Fate,
    readings: Readings,
    recurrence: Floats,
) -> pd.DataFrame:
    """One row per patient; times in months from surgery, empty for never.

    Returns
    -------
    DataFrame
        ``cured``; ``doubling_months``; ``residual_mm`` at surgery and ``log10_residual_cells`` (a sphere at
        1e6 cells per mm3); ``onset_month`` (largest residual has 5 mm), ``detectable_month`` (8 mm, MRI
        sees half), ``untreated_detectable_month``; ``spread``; ``clinical_risk``; ``first_positive_month``
        as observed; ``complete_first_positive_visit`` and ``complete_death_month``, had nobody missed a
        scan or left; ``dropout_month``; and for each endpoint ``p_<id>``: the probability, given the latent
        state, of a first positive scheduled scan after the landmark and by the horizon for somebody alive
        and recurrence-free at the landmark (scans on their nominal days).
    """
    month_days = protocol.month_days
    radius = np.exp(disease.log_diameter(np.zeros(len(patients)))) / 2
    grown = 3 * np.log(8.0 / GROWN_MM) / np.log(2.0) * disease.doubling_months
    evident = disease.evident()
    columns: dict[str, object] = {
        "patient_id": patients["patient_id"],
        "arm": patients["arm"],
        "cured": np.where(disease.cured, "yes", "no"),
        "doubling_months": disease.doubling_months,
        "residual_mm": 2 * radius,
        "log10_residual_cells": np.where(
            disease.cured, np.nan, np.log10(np.maximum(4 / 3 * np.pi * radius**3, 1e-12)) + 6.0
        ),
        "onset_month": _finite(np.maximum(evident - grown, 0.0)),
        "detectable_month": _finite(evident),
        "untreated_detectable_month": _finite(disease.untreated_evident),
        "spread": only(~disease.cured, disease.spread),
        "clinical_risk": disease.clinical_risk,
        "first_positive_month": _finite(recurrence / month_days),
        "complete_first_positive_visit": _finite(complete_visit(readings, protocol, fate.death)),
        "complete_death_month": np.where(fate.death <= fate.close, fate.death / month_days, np.nan),
        "dropout_month": np.where(
            fate.dropout <= np.minimum(fate.death, fate.close), fate.dropout / month_days, np.nan
        ),
    }
    return pd.DataFrame(columns | _posteriors(world, protocol, disease))


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def complete_visit(readings: Readings, protocol: Protocol, death: Floats) -> Floats:
    """Visit of the first positive scheduled scan if all of them took place until death; infinite for none."""
    scheduled = ~np.isnan(readings.month)
    positive = scheduled & (readings.code == 2) & (readings.day <= death[:, None])
    return np.where(positive, readings.month, np.inf).min(axis=1)


def _posteriors(world: World, protocol: Protocol, disease: Disease) -> dict[str, Floats]:
    """Probability of each endpoint given the latent state; death without recurrence competes."""
    slots = scan_slots(protocol)
    months = np.array([slot[0] for slot in slots])
    petct = np.array([slot[1] == "petct" for slot in slots])
    local = np.isin(months, [float(m) for m in protocol["calendar.local_month"]])
    log_mm = disease.log_diameter(np.broadcast_to(months, (len(disease.cured), len(slots))))
    by_mri, _ = detection(world, disease, log_mm, np.zeros(log_mm.shape, dtype=bool))
    by_petct, _ = detection(world, disease, log_mm, np.ones(log_mm.shape, dtype=bool))
    share = np.where(local, LOCAL_PETCT, petct)
    seen = share * by_petct + (1 - share) * by_mri
    taken = np.where(local, 1 - world.missed_local_scan, 1 - world.missed_scan) * (1 - world.inadequate_scan)
    hazard = world.death_without_recurrence / MONTHS_PER_YEAR
    return {
        f"p_{endpoint.id}": _by_horizon(months, seen, taken, hazard, endpoint.landmark, endpoint.horizon)
        for endpoint in protocol.endpoints.values()
    }


def _by_horizon(months: Floats, seen: Floats, taken: Floats, hazard: float, landmark: float, horizon: float) -> Floats:
    """Cumulative incidence of a first positive scan in (landmark, horizon].

    Scans before the horizon may be missed; at the horizon at least one is adequate, because without it there
    is no label; NaN in a world that never takes one.
    """
    free = np.ones(len(seen))
    incidence = np.zeros(len(seen))
    for month in np.unique(months[(months > landmark) & (months <= horizon)]):
        now = months == month
        clear = (1 - seen[:, now] * taken[now]).prod(axis=1)
        if month == horizon:
            none = float((1 - taken[now]).prod())
            if none == 1:  # never an adequate scan at the horizon: never a label
                return np.full(len(seen), np.nan)
            clear = (clear - none) / (1 - none)
        incidence += free * (1 - clear) * np.exp(-hazard * (month - landmark))
        free = free * clear
    return incidence
