"""What eligibility rules compare: columns of the patients table, and quantities derived from dates and treatments.

A quantity is a frame indexed by ``patient_id`` with ``lower`` and ``upper`` (equal when the value is known exactly,
NaN when it is not known), ``code`` (text, for columns of codes) and ``reason`` (why it is not known, or what lies
behind an infinite value).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import choice, days_from, surgery_dates

WEEK = 7.0
ABSENT_TREATMENT = ("none given", "not assessable")


def quantity(trial: Trial, protocol: Protocol, name: str) -> pd.DataFrame:
    """A quantity by name: derived, or a column of the patients table.

    Returns
    -------
    DataFrame
        Indexed by ``patient_id``, every patient: ``lower, upper, code, reason``. A column that the trial lacks is
        unknown for everybody, with that reason.
    """
    if name in DERIVED:
        return DERIVED[name](trial, protocol)
    patients = _patients(trial)
    if name not in patients:
        return _numbers(pd.Series(np.nan, index=patients.index), f"the trial has no column {name}")
    column = patients[name]
    if pd.api.types.is_numeric_dtype(column):
        return _numbers(column, "not recorded")
    return _numbers(pd.Series(np.nan, index=column.index), "not recorded").assign(code=column)


def _patients(trial: Trial) -> pd.DataFrame:
    return trial.patients.set_index(pd.Index(trial.patients["patient_id"], name="patient_id"))


def _date(patients: pd.DataFrame, column: str) -> pd.Series:
    """A date column, NaT where the trial lacks it."""
    if column not in patients:
        return pd.Series(pd.NaT, index=patients.index, dtype="datetime64[ns]")
    return pd.to_datetime(patients[column])


def _numbers(lower: pd.Series, unknown: str | pd.Series, upper: pd.Series | None = None) -> pd.DataFrame:
    """A numeric quantity; ``unknown`` says why, where a bound is missing."""
    upper = lower if upper is None else upper
    reason = pd.Series(unknown, index=lower.index, dtype=object)
    known = lower.notna() & upper.notna()
    return pd.DataFrame(
        {
            "lower": lower.where(known).astype("float64"),
            "upper": upper.where(known).astype("float64"),
            "code": pd.Series(None, index=lower.index, dtype=object),
            "reason": reason.mask(known, ""),
        }
    )


def _first_unknown(**dates: pd.Series) -> pd.Series:
    """The first of several dates that is missing, as a reason; the keyword names the day."""
    frame = pd.DataFrame({f"no day of {name.replace('_', ' ')}": day.isna() for name, day in dates.items()})
    return frame.idxmax(axis=1).where(frame.any(axis=1), "").astype(object)


def _span(start: pd.Series, end: pd.Series, days: float) -> pd.Series:
    return (end - start).dt.days / days


def age_at_consent(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Completed years at consent, from the year of birth: two values are possible, difference of years - 1 and it."""
    patients = _patients(trial)
    consent, born = _date(patients, "consent_on"), patients["birth_year"]
    years = consent.dt.year - born
    reason = _first_unknown(consent=consent, birth=born)
    return _numbers(years - 1, reason, years)


def _imaging_age(trial: Trial, column: str, modalities: tuple[str, ...]) -> pd.DataFrame:
    """Weeks from the last scan before surgery to surgery: the patients column, else the latest adequate scan."""
    patients = _patients(trial)
    surgery = surgery_dates(trial.patients)
    scans = trial.imaging[trial.imaging["modality"].isin(modalities) & trial.imaging["adequate"].eq("yes")]
    before = scans[days_from(scans["patient_id"], scans["scan_on"], surgery) <= 0]
    latest = before.groupby("patient_id")["scan_on"].max().reindex(patients.index)
    scan = _date(patients, column)
    scan = scan.where(scan.notna(), pd.to_datetime(latest))
    weeks = _span(scan, surgery, WEEK)
    reason = _first_unknown(surgery=surgery, scan_before_surgery=scan)
    return _numbers(weeks.where(weeks >= 0), reason.mask(weeks < 0, "the scan is dated after surgery"))


def weeks_from_mri(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Age of the pre-operative liver MRI at surgery (weeks)."""
    return _imaging_age(trial, "mri_on", ("mri",))


def weeks_from_petct(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Age of the pre-operative receptor PET/CT at surgery (weeks)."""
    return _imaging_age(trial, "petct_on", ("petct",))


def weeks_to_randomisation(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Weeks from surgery to randomisation."""
    patients = _patients(trial)
    surgery, randomised = surgery_dates(trial.patients), _date(patients, "randomised_on")
    reason = _first_unknown(surgery=surgery, randomisation=randomised)
    return _numbers(_span(surgery, randomised, WEEK), reason)


def days_from_consent_to_randomisation(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Days from consent to randomisation, negative when consent came later."""
    patients = _patients(trial)
    consent, randomised = _date(patients, "consent_on"), _date(patients, "randomised_on")
    return _numbers(_span(consent, randomised, 1), _first_unknown(consent=consent, randomisation=randomised))


def weeks_to_treatment(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Weeks from surgery to the first course, from surgery on, of a kind that is study treatment in some arm.

    Whatever the patient's arm and whether randomised before or after it: a course given too early breaks the rule all
    the more when it came before randomisation. Infinite without a course in an arm without study treatment.
    """
    patients, surgery = _patients(trial), surgery_dates(trial.patients)
    kinds = protocol["therapy.study_treatment"]
    rows = trial.treatments[trial.treatments["kind"].isin({kind for names in kinds.values() for kind in names})]
    rows = rows[days_from(rows["patient_id"], rows["started_on"], surgery) >= 0]
    first = pd.to_datetime(rows.groupby("patient_id")["started_on"].min().reindex(patients.index))
    weeks = _span(surgery, first, WEEK)
    none_due = patients["arm"].isin([arm for arm, names in kinds.items() if not names]) & first.isna()
    table = _numbers(weeks.mask(none_due, np.inf), _first_unknown(surgery=surgery, study_treatment=first))
    return table.assign(reason=table["reason"].mask(none_due, "no study treatment in this arm"))


def earlier_therapies(trial: Trial, kinds: list[str]) -> pd.DataFrame:
    """Treatments of some kinds that started before the day of surgery, with ``days`` from their end to surgery."""
    rows = trial.treatments[trial.treatments["kind"].isin(kinds)]
    surgery = surgery_dates(trial.patients)
    rows = rows[days_from(rows["patient_id"], rows["started_on"], surgery) < 0]
    ended = rows["ended_on"].where(rows["ended_on"].notna(), rows["started_on"])
    # A course that still ran at surgery ended no earlier than that day.
    return rows.assign(days=-days_from(rows["patient_id"], ended, surgery).clip(upper=0))


def _count(trial: Trial, protocol: Protocol, kinds: list[str], doubtful: list[str]) -> pd.DataFrame:
    """Number of earlier treatments, between those of ``kinds`` and those together with doubtful ones."""
    index = surgery_dates(trial.patients).index
    sure, maybe = (earlier_therapies(trial, part).groupby("patient_id").size() for part in (kinds, doubtful))
    lower = sure.reindex(index).fillna(0.0).astype("float64")
    return _recorded(trial, protocol, lower, lower + maybe.reindex(index).fillna(0.0))


def _recorded(trial: Trial, protocol: Protocol, lower: pd.Series, upper: pd.Series) -> pd.DataFrame:
    """A quantity of earlier treatments; unknown without surgery, or where no record says nothing."""
    surgery = surgery_dates(trial.patients)
    reason = pd.Series("no earlier treatment is recorded", index=lower.index, dtype=object)
    reason = reason.mask(surgery.isna(), "no day of surgery")
    nothing = (lower.eq(0) & upper.eq(0)) | np.isinf(lower)
    silent = choice(protocol, "cohort.absent_treatment", ABSENT_TREATMENT) == "not assessable"
    unknown = surgery.isna() | (nothing & (silent or trial.treatments.empty))
    if trial.treatments.empty:
        reason = reason.mask(surgery.notna(), "no treatment has been delivered")
    table = _numbers(lower.mask(unknown), reason, upper.mask(unknown))
    return table.assign(reason=table["reason"].mask(nothing & ~unknown, reason))


def prior_therapies(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Systemic or liver-directed treatments before surgery (number); those of unknown nature widen it upwards."""
    kinds = [*protocol["cohort.systemic_kinds"], *protocol["cohort.liver_directed_kinds"]]
    return _count(trial, protocol, kinds, protocol["cohort.unclassified_kinds"])


def prior_prrt_courses(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """PRRT courses before surgery (number)."""
    return _count(trial, protocol, ["prrt"], [])


def weeks_since_liver_directed(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Weeks from the last liver-directed therapy before surgery to surgery; infinite when there was none."""
    index = surgery_dates(trial.patients).index
    known, doubtful = protocol["cohort.liver_directed_kinds"], protocol["cohort.unclassified_kinds"]
    sure, maybe = (
        (earlier_therapies(trial, kinds).groupby("patient_id")["days"].min() / WEEK).reindex(index).fillna(np.inf)
        for kinds in (known, doubtful)
    )
    return _recorded(trial, protocol, sure.where(sure <= maybe, maybe), sure)


DERIVED: dict[str, Callable[[Trial, Protocol], pd.DataFrame]] = {
    function.__name__: function
    for function in (
        age_at_consent,
        weeks_from_mri,
        weeks_from_petct,
        weeks_to_randomisation,
        days_from_consent_to_randomisation,
        weeks_to_treatment,
        prior_therapies,
        prior_prrt_courses,
        weeks_since_liver_directed,
    )
}
"""Derived quantities by the name that a rule of the protocol uses."""
