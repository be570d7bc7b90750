"""Honesty on simulated trials: no time travel in any prediction, injected leaks refused by name, clean ones not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from data.simulate.generate import generate
from features.clock import surgery_dates
from features.landmark import LandmarkTable, LeakageError, frame_digest, landmark_table, table_at
from features.outcomes import build_outcome
from features.truncate import truncate
from models.estimators.encoding import encode
from models.estimators.specification import DEFAULT_MODELS, build, stack
from models.validation.cohort import build_cohort
from models.validation.folds import fit_models


@pytest.fixture(scope="module")
def trial():
    return generate(n=160, seed=41).trial()


@pytest.fixture(scope="module")
def tables(trial, protocol):
    return {landmark: table_at(trial, protocol, landmark) for landmark in (0.0, 6.0, 12.0)}


@pytest.fixture(scope="module")
def outcome(trial, protocol):
    return build_outcome(trial, protocol)


def cohort_of(tables, outcome, trial, protocol, endpoint="MRD36@6"):
    return build_cohort(tables, outcome, protocol.endpoint(endpoint), protocol, surgery_dates(trial.patients))


@pytest.mark.parametrize("endpoint", ["MRD36@0", "MRD36@6", "ER12@12"])
def test_predictions_from_the_full_trial_are_those_of_the_truncated_one(trial, tables, outcome, protocol, endpoint):
    cohort = cohort_of(tables, outcome, trial, protocol, endpoint)
    models = {name: build(name, cohort.endpoint, protocol) for name in DEFAULT_MODELS}
    fitted = fit_models(cohort, models, np.arange(len(cohort.patients)))
    landmark = cohort.endpoint.landmark
    past = landmark_table(truncate(trial, protocol, landmark), protocol, landmark)
    full = encode(tables[landmark].rows, landmark)
    for name, model in fitted.items():
        one, two = (model.predict_proba(rows)[:, 1] for rows in (full, encode(past.rows, landmark)))
        assert len(one) > 90 and np.abs(one - two).max() <= 1e-9, name


def stamped(table: LandmarkTable, rows: pd.DataFrame) -> LandmarkTable:
    """Somebody who knows how to renew the digest."""
    return dataclasses.replace(table, rows=rows, digest=frame_digest(rows, table.landmark))


def samples_ever(table, trial):
    """L1: how many samples a patient ever gave."""
    count = trial.samples.groupby("patient_id").size().reindex(table.rows.index)
    return stamped(table, table.rows.assign(n_samples=count.astype("float64")))


def scans_ever(table, trial):
    """L8: how many unscheduled scans a patient had."""
    extra = trial.imaging[trial.imaging["scheduled_month"].isna()].groupby("patient_id").size()
    return stamped(table, table.rows.assign(n_unscheduled=extra.reindex(table.rows.index).fillna(0.0)))


def site_of_recurrence(table, trial):
    """L10: where the recurrence was."""
    site = trial.imaging.dropna(subset=["site"]).drop_duplicates("patient_id").set_index("patient_id")["site"]
    return stamped(table, table.rows.assign(recurrence_site=site.reindex(table.rows.index)))


def last_score_at_any_date(table, trial):
    """L1: the last score ever measured in place of the landmark score."""
    scores = trial.results[trial.results["analyte"] == "netest_activity"].merge(trial.samples, on="sample_id")
    last = scores.sort_values("collected_on").drop_duplicates("patient_id", keep="last").set_index("patient_id")
    return dataclasses.replace(table, rows=table.rows.assign(netest_last=last["value"].reindex(table.rows.index)))


def corrected_with_the_outcome(table, trial):
    """L4: scores shifted by group of outcome."""
    recurred = table.rows.index.isin(trial.imaging.loc[trial.imaging["finding"] == "recurrence", "patient_id"])
    return dataclasses.replace(table, rows=table.rows.assign(netest_logit=table.rows["netest_logit"] + 0.5 * recurred))


def later_record(table, trial):
    """L1: a record dated the day after L(s)."""
    late = table.latest_used.assign(
        blood=surgery_dates(trial.patients).reindex(table.rows.index) + pd.Timedelta("214D")
    )
    return dataclasses.replace(table, latest_used=late)


def unstamped(table, trial):
    """A table that does not say what it rests on."""
    return dataclasses.replace(table, latest_used=None)


def two_rows_of_one_patient(table, trial):
    """L2: the same patient twice."""
    twice = [*range(len(table.rows)), 0]
    return dataclasses.replace(stamped(table, table.rows.iloc[twice]), latest_used=table.latest_used.iloc[twice])


def removed_after_the_fact(table, trial):
    """L6: a patient at risk at s who is left out for what was found later, in the table."""
    return dataclasses.replace(stamped(table, table.rows.iloc[1:]), latest_used=table.latest_used.iloc[1:])


INJECTIONS = {
    samples_ever: "L106.*'n_samples'",
    scans_ever: "L106.*'n_unscheduled'",
    site_of_recurrence: "L106.*'recurrence_site'",
    last_score_at_any_date: "L107",
    corrected_with_the_outcome: "L107",
    later_record: "L101.*blood record",
    unstamped: "L102",
    two_rows_of_one_patient: "L104",
    removed_after_the_fact: "L108.*missing from the landmark table",
}


@pytest.mark.parametrize("spoil", INJECTIONS, ids=lambda spoil: spoil.__name__)
def test_an_injected_leak_is_refused_by_name(trial, tables, outcome, protocol, spoil):
    for landmark in (6.0, 12.0):
        spoiled = tables | {landmark: spoil(tables[landmark], trial)}
        if spoil is later_record and landmark == 12.0:
            continue
        with pytest.raises(LeakageError, match=INJECTIONS[spoil]):
            cohort_of(spoiled, outcome, trial, protocol)


def test_a_backdated_recurrence_cannot_empty_the_risk_set(trial, tables, outcome, protocol):
    """L6: a later reading makes an old scan positive; the patient was at risk when the landmark closed."""
    known = tables[6.0].rows.index[3]
    patients = outcome.patients.copy()
    patients.loc[known, ["first_positive", "first_positive_visit"]] = 6.0
    with pytest.raises(LeakageError, match=f"L108.*{known} is missing from the labels"):
        cohort_of(tables, dataclasses.replace(outcome, patients=patients), trial, protocol)


def test_versions_cannot_meet_in_a_stack(trial, tables, outcome, protocol):
    """L11: landmark 6 of version 1.0 and landmark 12 of version 2.0."""
    mixed = tables | {12.0: dataclasses.replace(tables[12.0], version="2.0")}
    with pytest.raises(LeakageError, match="L111.*1.0, 2.0"):
        cohort_of(mixed, outcome, trial, protocol)


@pytest.mark.parametrize("seed", range(3))
def test_clean_cohorts_are_not_refused(protocol, seed):
    clean = generate(n=106, seed=500 + seed).trial()
    found = build_outcome(clean, protocol)
    built = {float(landmark): table_at(clean, protocol, landmark) for landmark in protocol["samples.landmark"]}
    for name, endpoint in protocol.endpoints.items():
        cohort = cohort_of(built, found, clean, protocol, name)
        assert set(cohort.rows["landmark"]) <= {landmark for landmark, _ in stack(endpoint, protocol)}
