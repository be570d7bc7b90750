"""Times to an event as the report needs them: by endpoint and censoring family, curves by arm, and contrasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.outcomes import endpoint_times
from flows.reports.cohort.material import Cohort, rule
from models.estimates.comparison import log_rank
from models.estimates.competing import cumulative_incidence
from models.estimates.cox import cox
from models.estimates.kaplan_meier import kaplan_meier
from models.estimates.restricted_mean import restricted_mean, restricted_mean_difference
from models.estimates.risk_table import under_observation
from models.estimates.values import Curve, Difference, Estimate, Test
from models.estimators.newton import CannotFit

ENDPOINTS = ("dfs", "liver_dfs", "os", "ttnt")
# What a scan shows counts at its visit, a death or a treatment on its day: curves are read at the visit itself.
SEEN_ON_SCANS = ("recurrence", "dfs", "liver_dfs")
AS_OBSERVED, FDA, INTERVAL = "as_observed", "fda", "interval"
FAMILIES = {AS_OBSERVED: "As observed", FDA: "FDA-style censoring", INTERVAL: "Interval-censored"}
NONE = Estimate(float("nan"))
NO_MEAN = Difference(float("nan"))
NO_TEST = Test(float("nan"), float("nan"), float("nan"))


def times_of(cohort: Cohort, endpoint: str, family: str) -> pd.DataFrame:
    """Times of an endpoint for those who were under observation after entry (``features.outcomes``).

    On nominal visits, so that every curve is read at a visit; intervals lie between actual days.
    """
    clock = "actual" if family == INTERVAL else "visit"
    return under(endpoint_times(cohort.trial, cohort.protocol, endpoint, family=family, clock=clock), family)


def under(frame: pd.DataFrame, family: str = AS_OBSERVED) -> pd.DataFrame:
    """Rows of patients with any time under observation."""
    return frame[under_observation(frame["upper"] if family == INTERVAL else frame["time"], frame["entry"])]


def death_competes(cohort: Cohort, endpoint: str) -> bool:
    """Whether death before the event competes with it, so that a share is a cumulative incidence, never 1 - KM."""
    return endpoint == "ttnt" and rule(cohort.protocol, "survival.ttnt_death", "competing") == "competing"


def curve_of(own: pd.DataFrame, *, reverse: bool = False, competing: bool = False) -> Curve:
    """Kaplan-Meier curve of one group, or its cumulative incidence with death competing (event 2)."""
    if competing:
        return cumulative_incidence(own["time"], own["event"], 1, own["entry"])
    ended = own["event"].gt(0) if reverse else own["event"].eq(1)
    return kaplan_meier(own["time"], ended, own["entry"], reverse=reverse)


@dataclass(frozen=True)
class Contrast:
    """PRRT against control; NaN where not estimable.

    Parameters
    ----------
    hazard : Estimate
        Cox hazard ratio.
    proportional : float
        P of the score test of proportional hazards.
    rank : Test
        Log-rank test.
    mean : Difference
        Difference of restricted means, months.
    why : str
        Why the hazard ratio is not estimable; "" when it is.
    """

    hazard: Estimate
    proportional: float
    rank: Test
    mean: Difference
    why: str = ""


def strata_of(cohort: Cohort) -> list[str]:
    """Columns of ``patients`` by which the protocol stratifies; empty when it names none."""
    named = rule(cohort.protocol, "randomisation.strata", [])
    return [name for name in named if name in cohort.trial.patients] if isinstance(named, list) else []


def contrast(cohort: Cohort, times: pd.DataFrame, tau: float) -> Contrast:
    """Hazard ratio with its check, log-rank test and difference of restricted means of two arms."""
    both = times[times["arm"].isin(cohort.groups)] if cohort.two_arms else times[:0]
    both = both.assign(dead=both["event"].eq(1), prrt=both["arm"].eq("prrt").astype(float))
    strata = strata_of(cohort)
    if strata:
        facts = cohort.trial.patients.set_index("patient_id")[strata].fillna("not known")
        both = both.join(facts.reindex(both.index))
    rank = _rank(both, strata)
    hazard, proportional, why = _hazard(both, strata, int(cohort.protocol["validation.minimum_events"]))
    return Contrast(hazard, proportional, rank, _mean_difference(both, tau), why)


def _rank(both: pd.DataFrame, strata: list[str]) -> Test:
    if both["arm"].nunique() < 2:
        return NO_TEST
    layers = both[strata] if strata else None
    return log_rank(both["time"], both["dead"], both["arm"], entry=both["entry"], strata=layers)


def _hazard(both: pd.DataFrame, strata: list[str], least: int) -> tuple[Estimate, float, str]:
    events = both.groupby("arm")["dead"].sum()
    if len(events) < 2:
        return NONE, float("nan"), "fewer than two arms"
    if events.min() < least:
        return NONE, float("nan"), f"fewer than {least} events in an arm"
    try:
        fit = cox(both, time="time", event="dead", covariates=["prrt"], entry="entry", strata=strata or None)
        check = fit.proportional_hazards()["p"].iloc[-1]
    except CannotFit as problem:
        return NONE, float("nan"), str(problem)
    row = fit.table.iloc[0]
    return Estimate(row["hr"], row["lower"], row["upper"]), float(check), ""


def _mean_difference(both: pd.DataFrame, tau: float) -> Difference:
    if both["arm"].nunique() < 2:
        return NO_MEAN
    try:
        return restricted_mean_difference(
            both["time"], both["dead"], both["arm"], tau, both["entry"], reference="control"
        )
    except ValueError:  # the horizon lies beyond the follow-up of an arm
        return NO_MEAN


def mean_of(own: pd.DataFrame, tau: float) -> Estimate:
    """Restricted mean of one group; NaN where its follow-up ends before the horizon."""
    try:
        return restricted_mean(own["time"], own["event"].eq(1), tau, own["entry"])
    except ValueError:
        return NONE


def risk_months(times: pd.DataFrame, last: float) -> np.ndarray:
    """Months under a figure at which numbers at risk are printed."""
    step = 12 if last > 24 else 6
    return np.arange(0, last + 1, step)
