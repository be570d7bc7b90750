"""What nobody sees: residual disease, its growth, what PRRT does to it, and when people die or leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.simulate.streams import Floats, Streams, logistic
from data.simulate.worlds import World

EVIDENT_MM = 8.0
NEVER_MONTHS = 120.0
SIGNAL_PIVOT_MONTHS = 24.0
SIGNAL_FLOOR_MONTHS = 3.0
MONTHS_PER_YEAR = 12.0
# Log hazard ratios of recurrence (L31): pancreas 2.1, nodes 2.6, Ki-67 through grade 1.9 over 1.5 log units;
# margin 2.0 (ours, between L30 and L32), metastases 1.2 (ours); then their averages in the simulated cohort.
LOG_HAZARD = {"pancreas": 0.74, "ln_ki67": 0.43, "nodes": 0.96, "margin": 0.69, "ln_metastases": 0.18}
AVERAGE_GROWTH_RISK = 0.74
AVERAGE_RESIDUAL_RISK = 0.90


@dataclass(frozen=True)
class Disease:
    """Latent disease of n patients; times in months from surgery.

    Parameters
    ----------
    cured : ndarray of bool
        No residual cell.
    doubling_months : ndarray
        Doubling time of the residual volume.
    untreated_evident : ndarray
        Month at which the largest residual would have 8 mm without PRRT; infinite when cured.
    delay_months, cycle_months : ndarray, n x 2
        What each PRRT cycle adds to that month, and when the cycle is given (infinite = not given).
    spread : ndarray of str
        liver, extrahepatic or both.
    clinical_risk : ndarray
        Centred log hazard of what is known at surgery.
    """

    cured: np.ndarray
    doubling_months: Floats
    untreated_evident: Floats
    delay_months: Floats
    cycle_months: Floats
    spread: np.ndarray
    clinical_risk: Floats

    def evident(self, month: Floats | float = np.inf) -> Floats:
        """Month of evident disease, counting the PRRT given up to ``month`` (shape n or n x k)."""
        month = np.asarray(month, dtype=float)
        given: Floats | float = 0.0
        for cycle, delay in zip(self.cycle_months.T, self.delay_months.T, strict=True):
            counts = np.where(np.isfinite(cycle), delay, 0.0)
            given = given + np.where(_along(cycle, month) <= month, _along(counts, month), 0.0)
        return _along(self.untreated_evident, month) + given

    def remaining(self, month: Floats) -> Floats:
        """Months until evident disease as seen at ``month``; at least 0, at most ``NEVER_MONTHS``."""
        return np.clip(self.evident(month) - month, 0.0, NEVER_MONTHS)

    def signal(self, month: Floats) -> Floats:
        """Activity of residual disease (burden and growth in one): higher the nearer it is to evident."""
        return -np.log((self.remaining(month) + SIGNAL_FLOOR_MONTHS) / SIGNAL_PIVOT_MONTHS)

    def log_diameter(self, month: Floats) -> Floats:
        """Logarithm of the largest diameter in mm, a third of the log volume; minus infinity when cured."""
        grown = np.log(2.0) / 3.0 / _along(self.doubling_months, month) * (month - self.evident(month))
        return np.where(_along(self.cured, month), -np.inf, np.log(EVIDENT_MM) + grown)


def _along(values: np.ndarray, month: Floats) -> np.ndarray:
    return values[:, None] if np.ndim(month) == 2 else values


def draw_disease(streams: Streams, world: World, patients: pd.DataFrame, cycles: Floats, month_days: float) -> Disease:
    """Residual disease from what is known at surgery and from chance.

    Parameters
    ----------
    patients : DataFrame
        As from :func:`data.simulate.cohort.draw_patients`.
    cycles : ndarray, n x 2
        PRRT days from surgery.
    """
    n = len(patients)
    growth, residual = _clinical_risk(patients)
    pace = np.where(streams.chance("fast", world.fast_share, n), np.log(world.fast_factor), 0.0)
    pace = pace - world.clinical_weight * growth + streams.normal("doubling", n, world.doubling_sd)
    doubling = (world.doubling_months * np.exp(pace)).clip(0.5, 200.0)
    left = np.exp(
        np.log(world.doublings_median)
        - world.clinical_weight * residual
        + streams.normal("doublings", n, world.doublings_sd)
    ).clip(1.25, 12.0)
    with np.errstate(divide="ignore"):  # nobody cured, or everybody
        free = np.log(np.divide(world.cured, 1 - world.cured))
    cured = streams.chance("cured", logistic(free - world.cured_by_risk * (growth + residual)), n)
    uptake = patients["krenning"].map({"2": 0.75, "3": 1.0, "4": 1.1}).to_numpy(float)
    halvings = world.prrt_halvings * uptake * np.exp(streams.normal("halvings", n, world.prrt_halvings_sd))
    shares = {"liver": 1 - world.extrahepatic_only - world.liver_and_extrahepatic}
    shares |= {"extrahepatic": world.extrahepatic_only, "both": world.liver_and_extrahepatic}
    return Disease(
        cured=cured,
        doubling_months=doubling,
        untreated_evident=np.where(cured, np.inf, left * doubling),
        delay_months=np.repeat((halvings * doubling / 2)[:, None], 2, axis=1),
        cycle_months=cycles / month_days,
        spread=streams.pick("spread", shares, n),
        clinical_risk=growth + residual,
    )


def _clinical_risk(patients: pd.DataFrame) -> tuple[Floats, Floats]:
    """Centred log hazards: what speeds growth, and what leaves more behind."""
    growth = LOG_HAZARD["pancreas"] * patients["primary_site"].eq("pancreas").to_numpy(float) + LOG_HAZARD[
        "ln_ki67"
    ] * np.log(patients["ki67_pct"].to_numpy(float))
    residual = (
        LOG_HAZARD["nodes"] * patients["nodal_status"].eq("N1").to_numpy(float)
        + LOG_HAZARD["margin"] * patients["margin"].eq("R1").to_numpy(float)
        + LOG_HAZARD["ln_metastases"] * np.log(patients["n_liver_metastases"].to_numpy(float))
    )
    return growth - AVERAGE_GROWTH_RISK, residual - AVERAGE_RESIDUAL_RISK


@dataclass(frozen=True)
class Fate:
    """When people die, leave, or reach the end of the study; days from surgery, infinite for never.

    ``lock`` is the data lock, infinite without one; ``end`` is the last day on which anything about the patient can
    be delivered.
    """

    death: Floats
    by_tumour: np.ndarray
    dropout: Floats
    close: Floats
    lock: Floats

    @property
    def end(self) -> Floats:
        """Last day of observation: death, loss, the end of the study, or the data lock."""
        return np.minimum.reduce([self.death, self.dropout, self.close, self.lock])

    @property
    def dead(self) -> np.ndarray:
        """Whether the death is known to the study."""
        return self.death <= self.end


def draw_fate(
    streams: Streams,
    world: World,
    patients: pd.DataFrame,
    disease: Disease,
    month_days: float,
    last_month: float,
) -> Fate:
    """Death without and after recurrence, loss to follow-up, and the end of the study.

    Parameters
    ----------
    last_month : float
        Last visit of the calendar; everybody who stays is followed one to six months longer.
    """
    n = len(patients)
    year = MONTHS_PER_YEAR * month_days
    entry = patients["randomised_day"].to_numpy(float)
    other = entry + 1 + streams.exponential("death.other", n) * year / max(world.death_without_recurrence, 1e-9)
    tumour = tumour_deaths_from(world, disease, entry, month_days) + streams.exponential(
        "death.tumour", n
    ) * year / max(world.death_after_recurrence, 1e-9)
    rate = np.where(patients["arm"].eq("prrt"), world.dropout_prrt, world.dropout_control)
    dropout = np.ceil(entry + streams.exponential("dropout", n) * year / np.maximum(rate, 1e-9))
    close = np.rint((last_month + 1 + 5 * streams.uniform("close", n)) * month_days)
    death = np.ceil(np.minimum(other, tumour))
    return Fate(
        death=death,
        by_tumour=tumour < other,
        dropout=dropout,
        close=close,
        lock=lock_days(world, patients, month_days),
    )


def lock_days(world: World, patients: pd.DataFrame, month_days: float) -> Floats:
    """Day from each surgery on which the data are locked, some months after the first surgery of the trial."""
    if np.isinf(world.lock_months):
        return np.full(len(patients), np.inf)
    surgery = patients["surgery_on"].to_numpy().astype("datetime64[D]")
    return np.rint(world.lock_months * month_days) - (surgery - surgery.min()).astype(float)


def tumour_deaths_from(world: World, disease: Disease, entry: Floats, month_days: float) -> Floats:
    """Day from surgery on which deaths by the tumour begin: some months after it is evident, in the study."""
    return np.maximum((disease.evident() + world.death_lag_months) * month_days, entry + 1)
