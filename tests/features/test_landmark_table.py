"""Landmark tables: literal patients first, then the gold delivery."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from features.landmark import table_at
from features.outcomes import build_outcome, label
from features.registry import FEATURES, KINDS, LEARNT, SOURCES, dictionary, names

LANDMARKS = (0, 6, 12, 36)


def row_of(rows, protocol, landmark=6, **tables):
    table = table_at(rows.trial(**tables), protocol, landmark)
    return table.rows.loc["P1"], table.latest_used.loc["P1"]


def test_baseline_columns(rows, protocol):
    facts = {"ki67_pct": 5.0, "functional": "yes", "ppi": "no", "egfr": 59.0, "nodal_status": "N1"}
    row, _ = row_of(rows, protocol, patients=[rows.patient(**facts, n_liver_metastases=3)])
    assert row["age"] == 60 and row["ln_ki67"] == pytest.approx(np.log(5))
    assert (row["functional"], row["ppi"], row["egfr_low"], row["n_liver_metastases"]) == (1, 0, 1, 3)
    assert (row["arm"], row["sex"], row["site"], row["grade"], row["margin"]) == (
        "control",
        "F",
        "C1",
        "G2",
        "R0",
    )
    row, _ = row_of(rows, protocol, patients=[rows.patient(ki67_pct=0.0, egfr=60.0)])
    assert row["ln_ki67"] == pytest.approx(np.log(protocol["clinical.ki67_floor"])) and row["egfr_low"] == 0
    assert np.isnan(row["functional"]) and row_of(rows, protocol)[0][["ln_ki67", "egfr_low"]].isna().all()


def test_blood_columns(rows, protocol):
    row, latest = row_of(
        rows,
        protocol,
        patients=[rows.patient(arm="prrt")],
        samples=[rows.sample("PRE", -0.2), rows.sample("M6", 6, ssa="yes")],
        results=[
            rows.result("PRE", 60, plate="PL0"),
            rows.result("PRE", 200, "cga"),
            rows.result("M6", 30, plate="PL1"),
            rows.result("M6", 100, "cga"),
        ],
        treatments=[{"patient_id": "P1", "kind": "prrt", "started_on": rows.on(month)} for month in (2, 4, 6.5)],
        verdicts=[
            {
                "plate": "PL1",
                "sample_id": "M6",
                "verdict": "pass",
                "reference_cq": 25.0,
                "replicate_sd": 0.1,
                "undetermined_fraction": 0.02,
            }
        ],
    )
    assert (row["netest_last"], row["netest_preop"], row["netest_change_preop"]) == (30, 60, -30)
    assert row["cga_ln"] == pytest.approx(np.log(100)) and row["cga_lnratio_preop"] == pytest.approx(np.log(0.5))
    assert (row["ssa_at_sample"], row["reference_cq"], row["replicate_sd"]) == (1, 25.0, 0.1)
    assert row["undetermined_fraction"] == 0.02
    assert row["days_since_prrt"] == 183 - 122 and row["sample_month"] == pytest.approx(183 / 30.4375)
    assert row["has_landmark_blood"] and row["missing_netest"] == row["missing_cga"] == ""
    assert latest["netest"] == rows.on(6) and latest["prrt"] == rows.on(6) and pd.isna(latest["urine"])


def test_another_kit_gives_no_ratio(rows, protocol):
    row, _ = row_of(
        rows,
        protocol,
        samples=[rows.sample("PRE", -0.2), rows.sample("M6", 6)],
        results=[rows.result("PRE", 200, "cga"), rows.result("M6", 100, "cga", version="kit-b")],
    )
    assert np.isnan(row["cga_lnratio_preop"]) and row["cga_ln"] == pytest.approx(np.log(100))


# Day of the blood sample around month 6, facts of sample and result, and the reason that is reported.
BLOOD = {
    "in the window": (0, {"visit": "month_6"}, {}, ""),
    "first day of the window": (-30, {"visit": "month_6"}, {}, ""),
    "last day before the landmark closes": (30, {"visit": "month_6"}, {}, ""),
    "before the window": (-31, {"visit": "month_6"}, {}, "outside_window"),
    "after the landmark closed it is not visible": (31, {"visit": "month_6"}, {}, "not_collected"),
    "another visit": (-100, {"visit": "day_30"}, {}, "not_collected"),
    "withdrawn": (0, {"visit": "month_6"}, {"qc": "fail"}, "failed_qc"),
    "another analyte only": (0, {"visit": "month_6"}, {"analyte": "cga", "unit": "ng/mL"}, "not_measured"),
    "urine": (0, {"visit": "month_6", "specimen": "urine"}, {}, "not_collected"),
}


@pytest.mark.parametrize("case", BLOOD)
def test_landmark_blood_sample(rows, protocol, case):
    day, sample, result, reason = BLOOD[case]
    row, _ = row_of(
        rows,
        protocol,
        samples=[rows.sample("PRE", -0.2, visit="baseline"), rows.sample("B1", 6, day=day, **sample)],
        results=[rows.result("PRE", 60), rows.result("B1", 30, **result)],
    )
    assert row["missing_netest"] == reason
    assert row["has_landmark_blood"] == (reason == "")
    if reason:
        assert row["netest_preop"] == 60
        assert row.filter(like="netest_").drop(["netest_preop", "netest_kinetics_reason"]).isna().all()


def test_the_pre_operative_score_never_replaces_the_landmark_sample(rows, protocol):
    samples, results = [rows.sample("PRE", -0.2)], [rows.result("PRE", 60)]
    row, _ = row_of(rows, protocol, samples=samples, results=results)
    assert np.isnan(row["netest_last"]) and not row["has_landmark_blood"]
    row, _ = row_of(rows, protocol, 0, samples=samples, results=results)
    assert row["netest_last"] == 60 and row["has_landmark_blood"] and np.isnan(row["netest_change_preop"])


def test_landmark_zero_ignores_what_follows_the_operation(rows, protocol):
    row, _ = row_of(rows, protocol, 0, samples=[rows.sample("D20", 0, day=20)], results=[rows.result("D20", 60)])
    assert np.isnan(row["netest_last"]) and row["missing_netest"] == "not_collected"


def test_the_latest_valid_sample_of_the_window_counts(rows, protocol):
    samples = [rows.sample(name, 6, day=day) for name, day in (("A", -20), ("B", 0), ("C", 20))]
    results = [rows.result("A", 10), rows.result("B", 20), rows.result("C", 30, qc="fail")]
    row, _ = row_of(rows, protocol, samples=samples, results=results)
    assert row["netest_last"] == 20 and row["netest_mean"] == 15


def test_urine_columns(rows, protocol):
    def urine(*pairs):
        samples = [rows.sample(name, 6, day=day, specimen="urine", visit="month_6") for name, day, _ in pairs]
        results = [rows.result(name, 50, "5hiaa") for name, _, _ in pairs]
        results += [rows.result(name, value, "creatinine") for name, _, value in pairs if value]
        results += [rows.result(name, 40, "urine_score") for name, _, _ in pairs]
        return row_of(rows, protocol, samples=samples, results=results)

    row, latest = urine(("A", 0, 10))
    assert row["hiaa_creatinine_ln"] == pytest.approx(np.log(5)) and row["hiaa_valid"] == 1
    assert row["urine_score_last"] == 40 and row["missing_5hiaa"] == row["missing_urine_score"] == ""
    assert latest["urine"] == rows.on(6)
    row, _ = urine(("A", 0, None))
    assert np.isnan(row["hiaa_creatinine_ln"]) and (row["hiaa_valid"], row["missing_5hiaa"]) == (
        0,
        "no_creatinine",
    )
    row, _ = urine(("A", 0, 20), ("B", 10, 50))
    assert row["hiaa_creatinine_ln"] == pytest.approx(np.log(2.5)) and row["hiaa_valid"] == 1
    row, _ = row_of(rows, protocol)
    assert np.isnan(row["hiaa_valid"]) and row["missing_5hiaa"] == row["missing_urine_score"] == "not_collected"


def test_imaging_history(rows, protocol):
    scans = [
        rows.scan(3, "equivocal"),
        rows.scan(6, "clear", day=-5),
        rows.scan(6, "equivocal", day=-5, modality="ct"),
        rows.scan(6, None, day=10, adequate="no"),
        rows.scan(6, "equivocal", day=35),
        rows.scan(5, "equivocal", day=-5, scheduled_month=np.nan),
    ]
    row, latest = row_of(rows, protocol, imaging=scans)
    assert (row["equivocal_scans"], row["last_scan_equivocal"]) == (2, 1)
    assert row["months_since_adequate"] == pytest.approx(7 - 178 / 30.4375)
    assert latest["imaging"] == rows.on(6, -5)
    row, latest = row_of(rows, protocol)
    assert row["equivocal_scans"] == 0 and row[["last_scan_equivocal", "months_since_adequate"]].isna().all()


def test_an_unscheduled_scan_does_not_count_although_it_lies_near_a_visit(rows, protocol):
    # Two scans of month 6: the planned one, and one more for suspicion, which the treated arm has more often.
    extra = rows.scan(6, "equivocal", day=20, scheduled_month=np.nan)
    row, latest = row_of(rows, protocol, imaging=[rows.scan(3), rows.scan(6), extra])
    assert (row["equivocal_scans"], row["last_scan_equivocal"]) == (0, 0)
    assert latest["imaging"] == rows.on(6)


def test_imaging_history_without_a_scheduled_column(rows, protocol):
    scans = [rows.scan(3, "equivocal"), rows.scan(4.5, "equivocal")]
    for scan in scans:
        scan.pop("scheduled_month")
    assert row_of(rows, protocol, imaging=scans)[0]["equivocal_scans"] == 1


def test_version_two_uses_its_own_cutoff(rows, protocol):
    result = rows.result("M6", 50, "netest_diagnostic", version="2.0")
    table = table_at(rows.trial(samples=[rows.sample("M6", 6)], results=[result]), protocol, 6)
    row = table.rows.loc["P1"]
    assert table.version == "2.0" and row["netest_n_positive"] == 1 and np.isnan(row["netest_category"])


@pytest.mark.parametrize("landmark", LANDMARKS)
def test_columns_are_those_of_the_registry(gold_trial, protocol, landmark):
    rows = table_at(gold_trial, protocol, landmark).rows
    assert list(rows.columns) == list(FEATURES)
    for feature in FEATURES.values():
        values = rows[feature.name]
        if feature.kind in ("number", "flag") and feature.name != "has_landmark_blood":
            assert values.dtype == "float64", feature.name
        if feature.kind == "flag":
            assert set(values.dropna().astype(float)) <= {0.0, 1.0}, feature.name
        if feature.kind == "reason":
            assert values.notna().all(), feature.name


@pytest.mark.parametrize("landmark", LANDMARKS)
def test_rows_are_the_risk_set_of_the_labels(gold_trial, protocol, landmark):
    found = table_at(gold_trial, protocol, landmark).rows.index
    outcome = build_outcome(gold_trial, protocol)
    for endpoint in protocol.endpoints.values():
        if endpoint.landmark == landmark:
            labels = label(outcome, endpoint, protocol)
            assert found.equals(labels.index[labels["at_risk"]])


@pytest.mark.parametrize("landmark", LANDMARKS)
def test_nothing_used_is_dated_after_the_landmark(gold_trial, protocol, landmark):
    table = table_at(gold_trial, protocol, landmark)
    surgery = gold_trial.patients.set_index("patient_id")["surgery_on"].reindex(table.rows.index)
    limit = surgery + pd.Timedelta(days=protocol.closed(landmark) * protocol.month_days)
    assert table.latest_used.le(limit, axis=0).where(table.latest_used.notna(), True).all(axis=None)
    assert table.latest_used["netest"].notna().sum() >= table.rows["has_landmark_blood"].sum()
    assert table.latest("netest_slope").equals(table.latest_used["netest"].rename("netest_slope"))


def test_the_dictionary_describes_every_column():
    table = dictionary()
    assert table["name"].tolist() == [*FEATURES, *LEARNT] and table["name"].is_unique
    assert set(table["kind"]) <= set(KINDS) and set(table["source"]) <= set(SOURCES)
    assert table["monotone"].isin([0, 1]).all() and table["formula"].str.len().gt(0).all()
    said = table["name"].str.startswith(("missing_", "sample_")) | table["name"].str.endswith("_reason")
    assert set(names("reason")) == set(table["name"][said]) - {"sample_month"}
    assert names(source="urine")[0] == "hiaa_creatinine_ln"


def test_the_digest_follows_the_content(gold_trial, protocol):
    one, two = (table_at(gold_trial, protocol, 6) for _ in range(2))
    assert one.digest == two.digest != table_at(gold_trial, protocol, 12).digest
    results = gold_trial.results
    changed = results.assign(value=results["value"].where(results["sample_id"] != "P00001-M6-B", 1.0))
    assert table_at(gold_trial.replace(results=changed), protocol, 6).digest != one.digest


def repeated(trial, times):
    """The cohort many times over under new names."""
    frames = {}
    for name, table in trial.tables().items():
        ids = [column for column in ("patient_id", "sample_id") if column in table]
        copies = [table.assign(**{c: table[c].astype(object) + f"-{copy}" for c in ids}) for copy in range(times)]
        frames[name] = pd.concat(copies, ignore_index=True)
    return trial.replace(**frames)


def test_ten_thousand_patients_in_a_few_seconds(gold_trial, protocol):
    big = repeated(gold_trial, 95)
    start = time.perf_counter()
    table = table_at(big, protocol, 12)
    assert len(big.patients) > 10_000 and len(table.rows) == 95 * 81
    assert time.perf_counter() - start < 10
