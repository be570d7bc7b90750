"""What an endpoint needs to know of every patient, before any censoring rule is applied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import choice, days_from, origin_dates
from features.outcomes.assessments import Outcome, build_outcome
from features.outcomes.therapy import first_new_therapy

IMAGING = ("recurrence", "dfs", "liver_dfs")
CONTACT = ("os", "ttnt")
ENDPOINTS = IMAGING + CONTACT
CENSORED, EVENT, COMPETING = 0, 1, 2


@dataclass(frozen=True)
class Facts:
    """One endpoint of a trial, on the clock of the visits.

    Parameters
    ----------
    patients : DataFrame
        Indexed by ``patient_id``, in months from ``clock.origin``: ``arm``; ``origin`` (time zero of the analysis,
        0 unless another origin was asked for), ``entry`` (randomisation, or time zero when later or not randomised);
        ``event_at`` with ``code`` (1 event, 2 competing, 0 none) and ``cause`` ("recurrence", "death", "next
        therapy", ""); ``therapy`` (first new anticancer therapy after time zero); ``last_clear``, ``last_adequate``,
        ``last_seen``. NaN for none.
    zero : Series of datetime64[ns]
        Day of time zero of the analysis.
    outcome : Outcome
        Scans and follow-up, read for the endpoint.
    """

    patients: pd.DataFrame
    zero: pd.Series
    outcome: Outcome


def _own_months(on: pd.Series, calendar_zero: pd.Series, protocol: Protocol) -> pd.Series:
    """Months from the clock of the visits to a day of each patient."""
    return pd.Series(
        days_from(on.index.to_series(), on, calendar_zero).to_numpy() / protocol.month_days, index=on.index
    )


def _events(rows: pd.DataFrame, endpoint: str, protocol: Protocol) -> pd.DataFrame:
    """First event of the endpoint: its month, code and cause."""
    death = rows["death"]
    if endpoint == "os":
        at, cause = death, np.where(death.notna(), "death", "")
    else:
        other, name = (rows["therapy"], "next therapy") if endpoint == "ttnt" else (rows["positive"], "recurrence")
        first = other.notna() & ~(death < other)
        at = other.where(first, death)
        cause = np.where(first, name, np.where(death.notna(), "death", ""))
    competing = endpoint == "recurrence" or (
        endpoint == "ttnt" and choice(protocol, "survival.ttnt_death", ("competing", "event")) == "competing"
    )
    code = np.where(cause == "", CENSORED, np.where((cause == "death") & competing, COMPETING, EVENT))
    return pd.DataFrame({"event_at": at, "code": code.astype("int64"), "cause": cause}, index=rows.index)


def endpoint_facts(
    trial: Trial,
    protocol: Protocol,
    endpoint: str,
    *,
    origin: str | None = None,
    equivocal: str | None = None,
    ascertainment: str | None = None,
) -> Facts:
    """Collect what one endpoint rests on.

    *recurrence*, *dfs*: first positive scan (imaging-confirmed only: no clinical recurrence, no histology without a
    scan), death. *liver_dfs*: the same with positive scans read for the liver. *os*: death. *ttnt*: first new
    anticancer therapy after time zero that is not study treatment, death by ``survival.ttnt_death``.

    Raises
    ------
    ValueError
        When the endpoint, the origin or an option is unknown.
    """
    if endpoint not in ENDPOINTS:
        raise ValueError(f"endpoint {endpoint!r}: use {', '.join(ENDPOINTS)}")
    calendar_zero, zero = origin_dates(trial, protocol), origin_dates(trial, protocol, origin)
    organ = "liver" if endpoint == "liver_dfs" else "any"
    outcome = build_outcome(trial, protocol, equivocal=equivocal, ascertainment=ascertainment, organ=organ)
    rows = outcome.patients
    start = _own_months(zero, calendar_zero, protocol)
    therapy = _own_months(first_new_therapy(trial, protocol, zero), calendar_zero, protocol)
    known = pd.DataFrame({"death": rows["death"], "positive": rows["first_positive"], "therapy": therapy})
    patients = pd.DataFrame(
        {
            "arm": rows["arm"],
            "origin": start,
            "entry": pd.concat([start, rows["entry"]], axis=1).max(axis=1).where(start.notna()),
            "therapy": therapy,
            "last_clear": rows["last_clear"].where(rows["last_clear"] > start),
            "last_adequate": rows["last_adequate"].where(rows["last_adequate"] > start),
            "last_seen": rows["last_seen"],
        },
        index=rows.index,
    )
    return Facts(patients.join(_events(known, endpoint, protocol)), zero, outcome)


def exclusions(facts: Facts) -> pd.Series:
    """Why patients have no row in a table of times: "" when they have one.

    *no day of time zero* (never randomised, never treated); *event before entry*: recurrence, death or next therapy
    up to the day of entry, so that the patient was never at risk (left truncation, domain 4.4).
    """
    rows = facts.patients
    return pd.Series(
        np.select(
            [rows["origin"].isna(), (rows["code"] != CENSORED) & (rows["event_at"] <= rows["entry"])],
            ["no day of time zero", "event before entry"],
            "",
        ).astype(object),
        index=rows.index,
        name="excluded",
    )
