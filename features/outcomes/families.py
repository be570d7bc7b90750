"""Three censoring families: as observed, FDA-style, interval-censored (domain 4.3, 4.5; statistical design, 1).

Each takes :class:`features.outcomes.facts.Facts` and decides, per patient and on the clock of the visits:
``event`` (0 censored, 1 event, 2 competing), ``at`` (month), ``lower``, ``upper`` and ``reason``.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.clock import choice
from features.outcomes.calendar import ANY, EVERY, missed_between, visit_assessments
from features.outcomes.facts import CENSORED, EVENT, Facts

LAST_ADEQUATE, NO_ASSESSMENT, LAST_CONTACT = "last adequate assessment", "no assessment", "last contact"
TWO_MISSED, NEW_THERAPY = "two missed assessments", "new therapy"


def _decision(rows: pd.DataFrame, event: np.ndarray, at: pd.Series, reason: np.ndarray) -> pd.DataFrame:
    """An exact time: nobody is censored before entry."""
    at = pd.concat([at, rows["entry"]], axis=1).max(axis=1)
    return pd.DataFrame(
        {"event": np.asarray(event, dtype="int64"), "at": at, "lower": at, "upper": at, "reason": reason},
        index=rows.index,
    )


def by_contact(facts: Facts, *, interval: bool) -> pd.DataFrame:
    """Overall survival and time to next therapy: known to the day, censored at last contact, in every family.

    As intervals, an event is exact (lower = upper) and a censored time is open above.
    """
    rows = facts.patients
    happened = rows["code"] != CENSORED
    reason = np.where(happened, rows["cause"], LAST_CONTACT)
    found = _decision(rows, rows["code"].to_numpy(), rows["event_at"].where(happened, rows["last_seen"]), reason)
    return found.assign(upper=found["upper"].where(happened, np.inf)) if interval else found


def _scans_end(rows: pd.DataFrame, last: pd.Series) -> np.ndarray:
    """Why follow-up by imaging ended without event: the last scan after entry, or none was done."""
    return np.where(last > rows["entry"], LAST_ADEQUATE, NO_ASSESSMENT)


def as_observed(facts: Facts, protocol: Protocol) -> pd.DataFrame:
    """Every event on the day it was seen; without event, censored at the last adequate scan.

    Last contact is not follow-up for recurrence: "alive and no recurrence reported" says nothing about a scan that
    was not done (statistical design, section 1). Without any adequate scan after entry: censored at entry.
    """
    rows = facts.patients
    happened = rows["code"] != CENSORED
    reason = np.where(happened, rows["cause"], _scans_end(rows, rows["last_adequate"]))
    return _decision(rows, rows["code"].to_numpy(), rows["event_at"].where(happened, rows["last_adequate"]), reason)


def adequate_assessments(facts: Facts, protocol: Protocol) -> pd.DataFrame:
    """Days that count as adequate assessment: ``patient_id, month, visit``.

    Under "every scheduled modality" the complete visits of the calendar; under "any scheduled modality" every adequate
    scan, an unscheduled one in its own right (``visit`` is then its actual month).
    """
    if choice(protocol, "imaging.adequate_assessment", (EVERY, ANY)) == EVERY:
        done = visit_assessments(facts.outcome, protocol, after_event=False)
        done = done[done["adequate"]]
        return pd.DataFrame({"patient_id": done["patient_id"], "month": done["on_month"], "visit": done["month"]})
    scans = facts.outcome.scans
    visit = scans["visit"].where(scans["scheduled"], scans["month"])
    return scans[["patient_id", "month"]].assign(visit=visit)


def _last_before(facts: Facts, assessments: pd.DataFrame, limit: pd.Series, itself: pd.Series) -> pd.DataFrame:
    """Last adequate assessment after entry and before a month (or on it, where ``itself``): ``month, visit``."""
    who = assessments["patient_id"]
    until = who.map(limit).astype("float64")
    month = assessments["month"]
    inside = (month < until) | (who.map(itself).astype(bool) & (month == until))
    inside &= month > who.map(facts.patients["entry"])
    rows = assessments[inside].sort_values(["patient_id", "month", "visit"], kind="stable")
    return rows.drop_duplicates("patient_id", keep="last").set_index("patient_id").reindex(facts.patients.index)


def fda(facts: Facts, protocol: Protocol) -> pd.DataFrame:
    """The censoring of FDA's published tables, applied to disease-free survival by analogy [L55], domain 4.3.

    - New anticancer therapy before the event: censored at the last adequate assessment on or before its start.
    - Recurrence or death after ``survival.missed_visits`` or more missed assessments in a row: censored at the last
      adequate assessment before them.
    - No event: censored at the last adequate assessment.
    - No adequate assessment after entry: censored at entry (day 1).

    Where both of the first two hold, the earlier day is that of the therapy rule, and it is named. Therapy on the day
    of the event or later changes nothing. ``survival.new_therapy`` and ``survival.after_missed`` switch the
    sensitivity analyses on. The lines of the table that have no counterpart here are records, too:
    ``survival.no_baseline``, ``survival.stopped_treatment``, ``survival.clinical_recurrence``.
    """
    choice(protocol, "survival.no_baseline", ("not applied",))
    choice(protocol, "survival.stopped_treatment", ("follow on",))
    on_therapy = choice(protocol, "survival.new_therapy", ("censor", "ignore", "event"))
    on_missed = choice(protocol, "survival.after_missed", ("censor", "event"))
    rows, assessments = facts.patients, adequate_assessments(facts, protocol)
    happened = rows["code"] != CENSORED
    event_at = rows["event_at"].where(happened, np.inf)
    treated = (rows["therapy"] < event_at) & (on_therapy != "ignore")
    last = _last_before(facts, assessments, rows["therapy"].where(treated, event_at), treated)
    reference = last["visit"].fillna(rows["entry"])
    missed = missed_between(reference, rows["event_at"], protocol) >= int(protocol["survival.missed_visits"])
    gap = happened & ~treated & missed & (on_missed == "censor")
    kept = happened & ~treated & ~gap
    switched = treated & (on_therapy == "event")
    empty = last["month"].isna()
    reason = np.select(
        [kept, treated, gap, empty], [rows["cause"], NEW_THERAPY, TWO_MISSED, NO_ASSESSMENT], LAST_ADEQUATE
    )
    at = last["month"].mask(kept, rows["event_at"]).mask(switched, rows["therapy"])
    return _decision(rows, np.select([kept, switched], [rows["code"], EVENT], CENSORED), at, reason)


def _petct_lower(facts: Facts, lower: pd.Series) -> pd.Series:
    """Last PET/CT without recurrence, for a recurrence that PET/CT alone shows, outside the liver only."""
    rows, scans = facts.outcome.patients, facts.outcome.scans
    who, petct = scans["patient_id"], scans["modality"] == "petct"
    positive = scans["state"] == "recurrence"
    first = scans["visit"].eq(who.map(rows["first_positive_visit"])) & positive
    elsewhere = petct & (scans["site"] == "extrahepatic")
    alone = elsewhere[first].groupby(who[first]).all().reindex(rows.index, fill_value=False).astype(bool)
    before = scans["month"] < who.map(rows["first_positive"]).astype("float64")
    before &= scans["month"] > who.map(facts.patients["origin"])
    last = scans["month"].where(petct & before & ~positive).groupby(who).max().reindex(rows.index).astype("float64")
    return lower.where(~alone, last)


def interval(facts: Facts, protocol: Protocol) -> pd.DataFrame:
    """Recurrence in (last clear scan, first positive scan] (statistical design, section 1; domain 4.5).

    Without a clear scan the interval opens at time zero: the resection was complete, and no scan before randomisation
    says more. Disease-free survival with a death and no recurrence lies in (last adequate scan, death], because a
    recurrence may lie between; it is exact only when a scan was clear on that very day, since every earlier scan
    leaves some days unseen. *recurrence* with a competing death: event 2, open above from the last adequate scan.
    Without event: open above from the last adequate scan, from time zero when there is none. New therapy does not
    censor here. Entry moves no bound (docs/outcomes.md, time zero and delayed entry).

    Disease outside the liver only shows on the yearly PET/CT (domain 4.5): ``survival.extrahepatic_lower`` may open the
    interval of such a recurrence at the last clear PET/CT.
    """
    lower_rule = choice(protocol, "survival.extrahepatic_lower", ("any modality", "last clear PET/CT"))
    rows = facts.patients
    happened = rows["code"] != CENSORED
    bounded = happened & (rows["code"] == EVENT)
    seen = rows["last_clear"].where(rows["cause"] == "recurrence", rows["last_adequate"])
    if lower_rule == "last clear PET/CT":
        seen = _petct_lower(facts, seen)
    lower = seen.fillna(rows["origin"])
    upper = rows["event_at"].where(bounded, np.inf)
    reason = np.where(happened, rows["cause"], np.where(seen.isna(), NO_ASSESSMENT, LAST_ADEQUATE))
    return pd.DataFrame(
        {"event": rows["code"], "at": upper.where(bounded, lower), "lower": lower, "upper": upper, "reason": reason}
    )
