"""Rules on the order of days: nothing before birth, after death, out of sequence or in the future."""

from __future__ import annotations

import pandas as pd

from data.contracts import TABLES
from data.findings import Finding
from data.validate.context import Context, flag
from data.validate.table import CheckedTable

EVENT_DAY = {
    "samples": "collected_on",
    "imaging": "scan_on",
    "lesions": "scan_on",
    "treatments": "started_on",
    "quality_of_life": "assessed_on",
    "adverse_events": "started_on",
}
"""The day on which the event of a row happened to the patient."""

WITNESSED = ("samples", "imaging", "lesions")
"""Tables whose day shows that the patient was alive: after death it rejects; a planned treatment warns."""

MAY_LIE_AHEAD = ("ended_on",)
"""Days that may be planned."""


def check_not_in_future(table: CheckedTable, context: Context) -> list[Finding]:
    """No day lies after the day of ingestion (and the protocol's tolerance for time zones)."""
    latest = context.now.normalize() + pd.Timedelta(days=float(context.protocol["ingest.future_days"]))
    findings: list[Finding] = []
    for column in TABLES[table.name].of_kind("date"):
        if column not in MAY_LIE_AHEAD:
            message = f"{column} {{{column}}} lies in the future (today is {context.now:%Y-%m-%d})"
            findings += flag(table, table.frame[column] > latest, "D207", column, message, "correct the date")
    return findings


def check_lifetime(table: CheckedTable, context: Context) -> list[Finding]:
    """The event of a row lies between the patient's year of birth and day of death."""
    column = EVENT_DAY[table.name]
    day, patient = table.frame[column], table.frame["patient_id"]
    born = patient.map(context.lookup("patients", "patient_id", "birth_year"))
    died = patient.map(context.deaths())
    shown = {"born": born.map("{:.0f}".format), "died": died}
    remedy = "correct the date, or the patient's record"
    return [
        *flag(
            table,
            day.dt.year < born,
            "D205",
            column,
            f"{column} {{{column}}} of patient {{patient_id}} lies before birth in {{born}}",
            remedy,
            extra=shown,
        ),
        *flag(
            table,
            day > died,
            "D206",
            column,
            f"{column} {{{column}}} of patient {{patient_id}} lies after death on {{died}}",
            remedy,
            severity="reject" if table.name in WITNESSED else "warn",
            extra=shown,
        ),
    ]


def check_sample_days(table: CheckedTable, context: Context) -> list[Finding]:
    """Collected, then received and frozen."""
    frame = table.frame
    collected, received, frozen = frame["collected_on"], frame["received_on"], frame["frozen_on"]
    remedy = "correct the wrong one of the two dates"
    early = "collected on {collected_on}, after it was received on {received_on}"
    cold = "collected on {collected_on}, after it was frozen on {frozen_on}"
    late = "received on {received_on}, after it was frozen on {frozen_on}"
    return [
        *flag(table, collected > received, "D208", "collected_on", early, remedy),
        *flag(table, collected > frozen, "D208", "frozen_on", cold, remedy),
        *flag(table, received > frozen, "D209", "frozen_on", late, "check both dates", severity="warn"),
    ]


def check_patient_days(table: CheckedTable, context: Context) -> list[Finding]:
    """Born, operated, randomised; an arm goes with a day of randomisation.

    Under a protocol that does not count from surgery an operation may come at any time.
    """
    frame = table.frame
    operated, randomised, arm = frame["surgery_on"], frame["randomised_on"], frame["arm"]
    consented = "patient {patient_id} consented on {consent_on}, after randomisation on {randomised_on}"
    imaged = "the pre-operative scan of patient {patient_id} on {%s} lies after surgery on {surgery_on}"
    early = "patient {patient_id} was randomised on {randomised_on}, before surgery on {surgery_on}"
    unborn = "patient {patient_id} was operated on {surgery_on}, before birth in {born}"
    born = frame["birth_year"].map("{:.0f}".format)
    before = "{} {{{}}} of patient {{patient_id}} lies before birth in {{born}}"
    others = [name for name in TABLES["patients"].of_kind("date") if name != "surgery_on"]
    findings = [
        *(
            finding
            for name in others
            for finding in flag(
                table,
                (frame[name].dt.year < frame["birth_year"]) & ~(operated.dt.year < frame["birth_year"]),
                "D205",
                name,
                before.format(name, name),
                "correct the date",
                extra={"born": born},
            )
        ),
        *flag(table, operated.dt.year < frame["birth_year"], "D205", "surgery_on", unborn, extra={"born": born}),
        *flag(
            table,
            (randomised < operated) & (context.protocol["clock.origin"] == "surgery"),
            "D210",
            "randomised_on",
            early,
            "correct the wrong one of the two dates",
        ),
        *flag(table, frame["consent_on"] > randomised, "D217", "consent_on", consented, "check both", severity="warn"),
        *(
            finding
            for column in ("mri_on", "petct_on")
            for finding in flag(
                table, frame[column] > operated, "D217", column, imaged % column, "check both", severity="warn"
            )
        ),
    ]
    if "randomised_on" not in table.delivered:
        return findings
    undated = "patient {patient_id} has arm {arm} but no day of randomisation"
    unnamed = "patient {patient_id} was randomised on {randomised_on} but has no arm"
    remedy = "give both, or neither when not randomised"
    return [
        *findings,
        *flag(table, arm.notna() & randomised.isna(), "D211", "randomised_on", undated, remedy),
        *flag(table, arm.isna() & randomised.notna(), "D211", "arm", unnamed, remedy, severity="warn"),
    ]


def check_treatment_days(table: CheckedTable, context: Context) -> list[Finding]:
    """A treatment ends on or after the day it starts."""
    message = "{kind} of patient {patient_id} ended on {ended_on}, before it started on {started_on}"
    remedy = "correct the wrong one of the two dates"
    return flag(table, table.frame["ended_on"] < table.frame["started_on"], "D212", "ended_on", message, remedy)


def check_vital_status(table: CheckedTable, context: Context) -> list[Finding]:
    """Status, day of death, day last seen and the other records of a patient agree."""
    frame = table.frame
    died, seen, dead = frame["died_on"], frame["last_seen_on"], frame["status"] == "dead"
    origin = frame["patient_id"].map(context.origins())
    shown = {"origin": origin}
    start = str(context.protocol["clock.origin"]).replace("_", " ")
    remedy = "correct the wrong one of the two"
    undated = "patient {patient_id} is dead without a day of death"
    revived = "patient {patient_id} is alive with a day of death, {died_on}"
    early = f"patient {{patient_id}} died on {{died_on}}, before {start} on {{origin}}"
    beyond = "patient {patient_id} was last seen on {last_seen_on}, after death on {died_on}"
    unseen = f"patient {{patient_id}} was last seen on {{last_seen_on}}, before {start} on {{origin}}"
    return [
        *flag(table, dead & died.isna(), "D213", "died_on", undated, "give died_on, or status alive"),
        *flag(table, ~dead & died.notna(), "D213", "status", revived, remedy),
        *flag(table, died < origin, "D214", "died_on", early, remedy, extra=shown),
        *flag(table, seen > died, "D206", "last_seen_on", beyond, remedy),
        *flag(
            table,
            seen < origin,
            "D215",
            "last_seen_on",
            unseen,
            "check both dates",
            severity="warn",
            extra=shown,
        ),
        *_outlived(table, context),
    ]


def _outlived(table: CheckedTable, context: Context) -> list[Finding]:
    """A death that lies before a known sample, scan or treatment of the patient."""
    findings: list[Finding] = []
    for name in WITNESSED:
        latest = context.table(name).groupby("patient_id")[EVENT_DAY[name]].max()
        last = table.frame["patient_id"].map(latest)
        message = f"patient {{patient_id}} died on {{died_on}}, before a record of {name} on {{last}}"
        late = table.frame["died_on"] < last
        findings += flag(
            table, late, "D206", "died_on", message, "correct the wrong one of the two", extra={"last": last}
        )
    return findings
