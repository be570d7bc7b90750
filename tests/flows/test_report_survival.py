"""Times of the cohort report: the visit-closed clock, shares, contrasts, and words where nothing is estimable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from report_cases import gold, gold_outcome, protocol, with_rule

from flows.reports.cohort.intervals import interval_arms, interval_contrast, turnbull_reading, weibull_reading
from flows.reports.cohort.material import Cohort, p_value
from flows.reports.cohort.outcome import follow_sentence, free_of_any, hazard_sentence, rate_at, unseen_sentence
from flows.reports.cohort.readings import families_table, median_words, stacked, within
from flows.reports.cohort.times import AS_OBSERVED, ENDPOINTS, FAMILIES, INTERVAL, contrast, curve_of, mean_of, times_of
from models.estimates.comparison import log_rank
from models.estimates.values import Estimate

COLUMNS = ["arm", "entry", "time", "event", "lower", "upper"]


def times(*rows: tuple) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS[:4], index=[f"P{i}" for i in range(len(rows))])
    upper = np.where(frame["event"] == 1, frame["time"], np.inf)
    return frame.assign(lower=np.maximum(frame["time"] - 3.0, 0.5), upper=upper)


def cohort() -> Cohort:
    return Cohort(gold(), protocol(), gold_outcome())


def test_disease_free_at_36_months_equals_lifelines_on_the_gold_trial() -> None:
    table = times_of(cohort(), "recurrence", AS_OBSERVED)
    for _, own in table.groupby("arm"):
        fitter = KaplanMeierFitter().fit(own["time"], own["event"] > 0, entry=own["entry"])
        value, lower, upper = rate_at(own, 36)
        assert value == pytest.approx(float(fitter.predict(36)), abs=1e-12)
        assert lower < value < upper


def test_headline_and_family_table_are_the_same_reading() -> None:
    """As observed in the table is the curve of the headline: one number, not two."""
    given = {(name, family): times_of(cohort(), name, family) for name in ENDPOINTS for family in FAMILIES}
    table = families_table(cohort(), given)
    visits = times_of(cohort(), "recurrence", AS_OBSERVED)
    for row, arm in zip(table.rows[1:3], ("control", "prrt"), strict=True):
        own = visits[visits["arm"].eq(arm)]
        assert row[2] == stacked(*rate_at(own, cohort().headline_month))
        assert row[1] == f"{int(own['event'].gt(0).sum())} / {len(own)}"


def test_nobody_left_is_not_estimable_rather_than_the_last_value() -> None:
    own = times(("control", 0, 3, 1), ("control", 0, 6, 0))
    assert rate_at(own, 3)[0] == 0.5
    assert np.isnan(rate_at(own, 12)[0])


def test_death_counts_as_an_event_of_disease_free_survival_only() -> None:
    visits = times(("control", 0, 3, 2), ("control", 0, 6, 0))
    assert free_of_any(visits)["event"].tolist() == [1, 0]
    assert curve_of(free_of_any(visits)).at(3)["value"].iloc[0] == 0.5
    assert curve_of(visits, competing=True).at(6)["value"].iloc[0] == 0.0


def test_hazard_ratio_is_refused_with_few_events_and_says_why() -> None:
    few = times(("control", 0, 3, 1), ("prrt", 0, 6, 1))
    made = contrast(cohort(), few, 12)
    assert np.isnan(made.hazard.value) and made.why == "fewer than 10 events in an arm"
    assert "not estimable (fewer than 10 events in an arm)" in hazard_sentence(cohort(), few)
    whole = contrast(cohort(), free_of_any(times_of(cohort(), "recurrence", AS_OBSERVED)), 36)
    assert whole.hazard.lower < whole.hazard.value < whole.hazard.upper and whole.why == ""
    assert 0 < whole.proportional < 1 and 0 < whole.rank.p < 1


def test_strata_that_the_protocol_names_enter_test_and_model() -> None:
    visits = free_of_any(times_of(cohort(), "recurrence", AS_OBSERVED))
    layered = Cohort(gold(), with_rule("randomisation.strata", ["margin", "grade"]), gold_outcome())
    plain, made = contrast(cohort(), visits, 36), contrast(layered, visits, 36)
    facts = gold().patients.set_index("patient_id")[["margin", "grade"]].reindex(visits.index)
    expected = log_rank(visits["time"], visits["event"], visits["arm"], entry=visits["entry"], strata=facts)
    assert made.rank.p == pytest.approx(expected.p) and made.rank.p != plain.rank.p
    assert made.hazard.value != plain.hazard.value
    assert "stratified by margin and grade" in hazard_sentence(layered, visits)


def test_a_restricted_mean_beyond_the_follow_up_is_not_estimable() -> None:
    own = times(("control", 0, 3, 1), ("control", 0, 6, 0))
    assert mean_of(own, 6).value == pytest.approx(3 + 1.5)
    assert np.isnan(mean_of(own, 12).value)


def test_families_stand_side_by_side() -> None:
    given = {(name, family): times_of(cohort(), name, family) for name in ENDPOINTS for family in FAMILIES}
    table = families_table(cohort(), given)
    assert [name for name, _ in table.groups] == ["", "As observed", "FDA-style censoring", "Interval-censored"]
    assert sum(span for _, span in table.groups) == len(table.columns)
    heads = [row[0] for row in table.rows if not any(row[1:])]
    assert heads[:3] == ["Disease-free survival", "Liver disease-free survival", "Overall survival"]
    assert table.rows[1][0] == "Control" and table.rows[1][1] == "49 / 53"


def test_interval_censored_readings() -> None:
    given = times_of(cohort(), "dfs", INTERVAL)
    own = given[given["arm"].eq("control")]
    item = interval_arms(cohort(), given, 60)[0]
    rate, beyond = turnbull_reading(item, 37), turnbull_reading(item, 600)
    share, middle = weibull_reading(own, 36)
    assert rate.lower <= rate.value <= rate.upper and share.lower < share.value < share.upper
    assert abs(rate.value - share.value) < 0.2
    assert np.isnan(beyond.value) and 6 < middle.value < 60
    assert np.isnan(weibull_reading(own, 600)[0].value)
    made = interval_contrast(cohort(), given)
    assert made.hazard.lower < made.hazard.value < made.hazard.upper and 0 < made.rank.p < 1


def test_interval_censored_without_events_is_not_estimable() -> None:
    own = times(("control", 0, 12, 0), ("control", 0, 24, 0))
    assert np.isnan(weibull_reading(own, 12)[0].value)
    assert interval_contrast(cohort(), own).why == "fewer than two arms"


@pytest.mark.parametrize(
    ("p", "words"), [(0.00004, "< 0.001"), (0.0123, "0.012"), (0.456, "0.46"), (float("nan"), "not estimable")]
)
def test_p_value(p: float, words: str) -> None:
    assert p_value(p) == words


def test_cells_of_the_table() -> None:
    assert stacked(0.281, 0.16, 0.409) == "28%\n16 to 41"
    assert stacked(1.0, np.nan, np.nan) == "100%\nno interval"
    assert median_words(29.6, 23.7, np.nan) == "29.6\n23.7 to –"
    assert median_words(np.nan, 41.0, np.nan) == "not reached\n41.0 or later"
    assert median_words(np.nan, np.nan, np.nan) == "not reached"


def test_a_hazard_ratio_stands_with_its_p_values() -> None:
    visits = times_of(cohort(), "recurrence", AS_OBSERVED)
    made = contrast(cohort(), free_of_any(visits), cohort().headline_month)
    words = hazard_sentence(cohort(), visits)
    assert f"log-rank P = {p_value(made.rank.p)}" in words and f"hazards (P = {p_value(made.proportional)})" in words
    assert "with delayed entry, unadjusted" in words
    assert "delayed entry" not in hazard_sentence(cohort(), visits.assign(entry=0.0))


def test_limits_of_follow_up_that_are_not_reached_are_said() -> None:
    visits = times(*[("control", 0, month, 0) for month in (3, 6, 60)], *[("prrt", 0, month, 1) for month in (3, 6)])
    words = follow_sentence(cohort(), visits)
    assert "Control 6.0 (3.0 to not reached); PRRT not reached" in words and "–" not in words


def test_patients_in_no_curve_are_counted() -> None:
    visits = times_of(cohort(), "recurrence", AS_OBSERVED)
    assert len(visits) < 106 or unseen_sentence(cohort(), visits) == ""
    assert unseen_sentence(cohort(), visits[:100]) == "6 patients never assessed after entry left out of the curves. "


def test_exact_days_are_read_as_observed_in_the_interval_family() -> None:
    given = {(name, family): times_of(cohort(), name, family) for name in ENDPOINTS for family in FAMILIES}
    rows = families_table(cohort(), given).rows
    start = [row[0] for row in rows].index("Overall survival")
    assert all(row[1:4] == row[7:10] for row in rows[start + 1 : start + 3])
    assert "exact days:" not in [cell for row in rows for cell in row]


def test_a_restricted_mean_never_exceeds_its_horizon() -> None:
    assert within(Estimate(11.8, 11.5, 12.2), 12).upper == 12
    assert within(Estimate(11.0, 10.5, 11.5), 12).upper == 11.5
