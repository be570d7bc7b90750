"""Days and dates around surgery, and which day is time zero."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from outcome_cases import with_rules

from data.trial import Trial
from features.clock import date_of_day, origin_dates, study_treatment, surgery_dates


def test_dates_of_days_with_gaps():
    surgery = pd.Series(pd.to_datetime(["2020-01-01", "2020-03-01", None]), index=["A", "B", "C"])
    day = pd.Series([31.0, np.nan, 5.0, 212.99999999], index=["A", "B", "C", "A"])
    found = date_of_day(day, surgery)
    assert found.tolist()[:1] == [pd.Timestamp("2020-02-01")] and found.iloc[[1, 2]].isna().all()
    assert found.iloc[3] == pd.Timestamp("2020-08-01")


def test_many_gaps_never_warn():
    # Float days beside NaN went through uninitialised memory: about one call in fifty warned of an overflow.
    surgery = pd.Series(pd.Timestamp("2020-01-01"), index=range(80))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(300):
            rng = np.random.default_rng(seed)
            rng.normal(size=200) * 1e300
            day = pd.Series(np.where(rng.random(80) < 0.4, np.nan, 183.0), index=range(80))
            assert date_of_day(day, surgery).notna().sum() == day.notna().sum()


PATIENTS = pd.DataFrame(
    [
        ("TREATED", "2020-01-01", "2020-02-10", "prrt"),
        ("WAITING", "2020-01-01", "2020-02-12", "prrt"),
        ("CONTROL", "2020-01-01", "2020-02-14", "control"),
        ("OUTSIDE", "2020-01-01", None, None),
    ],
    columns=["patient_id", "surgery_on", "randomised_on", "arm"],
)
TREATMENTS = pd.DataFrame(
    [
        ("TREATED", "prrt", "2020-04-20"),
        ("TREATED", "prrt", "2020-02-24"),
        ("TREATED", "ssa", "2020-02-11"),
        ("WAITING", "prrt", "2019-05-01"),
        ("CONTROL", "prrt", "2020-09-01"),
        ("OUTSIDE", "prrt", "2020-03-01"),
    ],
    columns=["patient_id", "kind", "started_on"],
)

# Time zero by origin: PRRT before randomisation, in the control arm or outside the trial is not study treatment.
ZERO = {
    "surgery": ["2020-01-01", "2020-01-01", "2020-01-01", "2020-01-01"],
    "randomisation": ["2020-02-10", "2020-02-12", "2020-02-14", None],
    "first_treatment": ["2020-02-24", None, "2020-02-14", None],
}


@pytest.mark.parametrize("origin", ZERO)
def test_time_zero(protocol, origin):
    trial = Trial.from_frames(patients=PATIENTS, treatments=TREATMENTS)
    expected = pd.Series(
        pd.to_datetime(ZERO[origin]), index=pd.Index(PATIENTS["patient_id"], name="patient_id"), dtype="datetime64[ns]"
    )
    pd.testing.assert_series_equal(origin_dates(trial, protocol, origin), expected, check_names=False)
    rules = with_rules(protocol, clock__origin=origin)
    pd.testing.assert_series_equal(origin_dates(trial, rules), expected, check_names=False)


def test_controls_may_be_left_out_when_time_zero_is_the_first_treatment(protocol):
    trial = Trial.from_frames(patients=PATIENTS, treatments=TREATMENTS)
    rules = with_rules(protocol, clock__first_treatment_of_controls="none")
    found = origin_dates(trial, rules, "first_treatment")
    assert found.notna().tolist() == [True, False, False, False]


def test_time_zero_from_the_patients_table(protocol):
    patients = Trial.from_frames(patients=PATIENTS).patients
    assert origin_dates(patients, protocol).equals(surgery_dates(patients))
    with pytest.raises(ValueError, match="needs the trial"):
        origin_dates(patients, protocol, "first_treatment")
    with pytest.raises(ValueError, match="surgery, randomisation, first_treatment"):
        origin_dates(patients, protocol, "diagnosis")


def test_study_treatment_is_the_first_courses_of_the_arm_after_randomisation(protocol):
    courses = pd.DataFrame(
        [("TREATED", "prrt", f"2020-{month:02d}-20") for month in (9, 4, 2)], columns=TREATMENTS.columns
    )
    trial = Trial.from_frames(patients=PATIENTS, treatments=courses)
    assert study_treatment(trial, protocol).tolist() == [False, True, True]
