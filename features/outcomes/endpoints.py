"""Endpoints as times: one table per endpoint and censoring family, from one time zero."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.outcomes.facts import CONTACT, Facts, endpoint_facts, exclusions
from features.outcomes.families import as_observed, by_contact, fda, interval
from features.outcomes.nominal import at_visits

FAMILIES: dict[str, Callable[[Facts, Protocol], pd.DataFrame]] = {
    "as_observed": as_observed,
    "fda": fda,
    "interval": interval,
}
TIME_COLUMNS = ["arm", "entry", "time", "event", "lower", "upper", "reason", "on"]


def _from_origin(month: pd.Series, origin: pd.Series, protocol: Protocol) -> pd.Series:
    """Whole days from time zero of the analysis, as months; inf stays."""
    days = (month * protocol.month_days).round() - (origin * protocol.month_days).round()
    return days / protocol.month_days


def _table(facts: Facts, decided: pd.DataFrame, protocol: Protocol, *, whole_days: bool = True) -> pd.DataFrame:
    rows, origin = facts.patients, facts.patients["origin"]
    months = {
        name: _from_origin(decided[name], origin, protocol) if whole_days else decided[name] - origin
        for name in ("at", "lower", "upper")
    }
    days = (months["at"] * protocol.month_days).round().fillna(0.0).astype("int64")
    table = pd.DataFrame(
        {
            "arm": rows["arm"],
            "entry": _from_origin(rows["entry"], origin, protocol),
            "time": months["at"],
            "event": decided["event"].astype("int64"),
            "lower": months["lower"],
            "upper": months["upper"],
            "reason": decided["reason"].astype(object),
            "on": facts.zero + pd.to_timedelta(days, unit="D"),
        },
        columns=TIME_COLUMNS,
    )
    return table[exclusions(facts) == ""].rename_axis("patient_id")


def _decide(facts: Facts, protocol: Protocol, endpoint: str, family: str) -> pd.DataFrame:
    if endpoint in CONTACT:
        return by_contact(facts, interval=family == "interval")
    return FAMILIES[family](facts, protocol)


def endpoint_times(
    trial: Trial,
    protocol: Protocol,
    endpoint: str,
    *,
    family: str,
    origin: str | None = None,
    equivocal: str | None = None,
    ascertainment: str | None = None,
    clock: str = "actual",
) -> pd.DataFrame:
    """Time to an endpoint under one censoring family.

    Parameters
    ----------
    trial : Trial
    protocol : Protocol
        Calendar, charter and censoring rules; docs/outcomes.md lists the records.
    endpoint : {"recurrence", "dfs", "liver_dfs", "os", "ttnt"}
        ``recurrence`` has death as competing event (event 2), the disease-free endpoints count it (event 1).
    family : {"as_observed", "fda", "interval"}
        See :mod:`features.outcomes.families`.
    origin : {"surgery", "randomisation", "first_treatment"}, optional
        Time zero of the analysis (``clock.origin`` when omitted). The calendar of visits always counts from
        ``clock.origin``: another time zero moves the clock of the analysis, not the scans that were due.
    equivocal, ascertainment : str, optional
        Sensitivity analyses, see :func:`features.outcomes.readings.read_scans`.
    clock : {"actual", "visit"}
        Actual days, or nominal visits for what scans show (:func:`features.outcomes.nominal.at_visits`), so that a
        curve may be read at a visit. *visit* is for *as_observed* and *fda* with the protocol's own time zero; *os*
        and *ttnt* rest on days and stay as they are.

    Returns
    -------
    DataFrame
        Indexed by ``patient_id``, in the order of the patients table: ``arm``; in months from time zero ``entry``
        (delayed entry at randomisation when time zero precedes it; 0 when not randomised), ``time``, ``lower``,
        ``upper``; ``event`` (0 censored, 1 event, 2 competing); ``reason``; ``on``, the calendar day of ``time``.
        *as_observed* and *fda*: lower = upper = time. *interval*: (lower, upper], upper = inf when right-censored,
        lower = upper when exact, ``time`` = upper if finite else lower; likelihoods that know no delayed entry
        use lower and upper as they are. ``time`` equals ``entry`` for a patient without any assessment after entry.
        Patients without a day of time zero, or with the event up to entry, are left out:
        :func:`endpoint_exclusions` names them.

    Raises
    ------
    ValueError
        When endpoint, family, origin or an option is unknown.
    """
    if family not in FAMILIES:
        raise ValueError(f"family {family!r}: use {', '.join(FAMILIES)}")
    choose_clock(clock, family, origin, protocol)
    facts = endpoint_facts(trial, protocol, endpoint, origin=origin, equivocal=equivocal, ascertainment=ascertainment)
    decided = _decide(facts, protocol, endpoint, family)
    if clock == "visit" and endpoint not in CONTACT:
        return _table(facts, at_visits(decided, facts, protocol), protocol, whole_days=False)
    return _table(facts, decided, protocol)


def choose_clock(clock: str, family: str, origin: str | None, protocol: Protocol) -> None:
    """Refuse a clock that does not exist or does not go with family or time zero."""
    if clock not in ("actual", "visit"):
        raise ValueError(f"clock {clock!r}: use actual or visit")
    if clock == "visit" and family == "interval":
        raise ValueError("clock 'visit' with family 'interval': intervals are bounded by days; use clock 'actual'")
    if clock == "visit" and origin not in (None, protocol["clock.origin"]):
        raise ValueError(f"clock 'visit' with origin {origin!r}: visits count from {protocol['clock.origin']}")


def endpoint_exclusions(trial: Trial, protocol: Protocol, endpoint: str, *, origin: str | None = None) -> pd.Series:
    """Who is left out of :func:`endpoint_times`, and why.

    Returns
    -------
    Series of str
        Indexed by ``patient_id``, the patients left out only: "no day of time zero" or "event before entry".
    """
    found = exclusions(endpoint_facts(trial, protocol, endpoint, origin=origin))
    return found[found != ""].rename_axis("patient_id")


def censoring_variants(trial: Trial, protocol: Protocol, endpoint: str, *, origin: str | None = None) -> pd.DataFrame:
    """What each family decided for each patient, side by side.

    Returns
    -------
    DataFrame
        Indexed by ``patient_id``: ``arm``, ``entry``, then for each family ``<family>_time``, ``_event`` and
        ``_reason`` (*interval* also ``interval_lower`` and ``interval_upper``), and ``differs``: whether the FDA-style
        family changes time or event of what was observed.
    """
    facts = endpoint_facts(trial, protocol, endpoint, origin=origin)
    tables = {name: _table(facts, _decide(facts, protocol, endpoint, name), protocol) for name in FAMILIES}
    parts = [tables["as_observed"][["arm", "entry"]]]
    parts += [table[["time", "event", "reason"]].add_prefix(f"{name}_") for name, table in tables.items()]
    parts.append(tables["interval"][["lower", "upper"]].add_prefix("interval_"))
    wide = pd.concat(parts, axis=1)
    differs = wide["fda_time"].ne(wide["as_observed_time"]) | wide["fda_event"].ne(wide["as_observed_event"])
    return wide.assign(differs=differs)
