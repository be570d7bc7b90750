"""Times on the visit-closed clock: what a scan shows counts at its visit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from outcome_cases import SURGERY, both, months, one_trial, random_trial

from features.outcomes import build_outcome, endpoint_times

ENTRY = months(45)

# scans and course; event and month of disease-free survival on the visit clock
CASES = {
    "a recurrence some days before its visit counts at the visit": (
        {"scans": (*both("3", "6", "9"), "mri 12 recurrence -14")},
        (1, 12),
    ),
    "and some days after it, too": ({"scans": (*both("3", "6", "9"), "mri 12 recurrence +14")}, (1, 12)),
    "an unscheduled recurrence counts at the closing visit of its interval": (
        {"scans": (*both("3", "6"), "mri 8 recurrence unscheduled")},
        (1, 9),
    ),
    "a clear scan before its visit vouches for the visit": ({"scans": (*both("3", "6"), "mri 9 clear -20")}, (0, 9)),
    "a clear unscheduled scan vouches for the visit before it only": (
        {"scans": (*both("3", "6"), "mri 8 clear unscheduled")},
        (0, 6),
    ),
    "a death keeps its day": ({"scans": both("3", "6", "9"), "died": 10.5}, (1, months(320))),
    "a death just before the visit whose scan was clear follows that visit": (
        {"scans": (*both("3", "6"), "mri 9 clear -20"), "died": 8.8},
        (1, 9),
    ),
    "without any scan the patient leaves at entry": ({"scans": ()}, (0, ENTRY)),
    "a recurrence keeps its day when entry lies behind the nominal day of its visit": (
        {"scans": ("mri 3 recurrence +30",), "randomised_on": SURGERY + pd.Timedelta(days=120)},
        (1, months(121)),
    ),
    "and in the first month, where the visit is that of month 0": (
        {"scans": ("mri 0 recurrence unscheduled +20",), "randomised_on": SURGERY + pd.Timedelta(days=10)},
        (1, months(20)),
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_disease_free_survival_at_visits(name: str, protocol) -> None:
    course, (event, month) = CASES[name]
    row = endpoint_times(one_trial(**course), protocol, "dfs", family="as_observed", clock="visit").iloc[0]
    assert row["event"] == event
    assert row["time"] == row["lower"] == row["upper"] == pytest.approx(month, abs=1e-9)


@pytest.mark.parametrize("family", ["as_observed", "fda"])
def test_no_event_is_lost_however_late_patients_are_randomised(family: str, protocol) -> None:
    trial = random_trial(3)
    waits = pd.to_timedelta(np.arange(len(trial.patients)) % 140, unit="D")
    late = (trial.patients["surgery_on"] + waits).where(trial.patients["arm"].notna())
    trial = trial.replace(patients=trial.patients.assign(randomised_on=late))
    days = endpoint_times(trial, protocol, "dfs", family=family)
    visits = endpoint_times(trial, protocol, "dfs", family=family, clock="visit")
    pd.testing.assert_series_equal(visits["event"], days["event"])
    happened = visits["event"] != 0
    assert (visits["time"] > visits["entry"])[happened].all()


def test_a_visit_is_a_whole_month_so_that_a_curve_can_be_read_there(protocol) -> None:
    trial = one_trial((*both("3", "6", "9", "12"), "mri 18 recurrence +5"))
    assert endpoint_times(trial, protocol, "dfs", family="as_observed", clock="visit")["time"].tolist() == [18.0]
    assert endpoint_times(trial, protocol, "dfs", family="as_observed")["time"].iloc[0] > 18.0


def test_days_stay_days_for_survival(protocol) -> None:
    trial = one_trial(both("3", "6"), died=10.5)
    pd.testing.assert_frame_equal(
        endpoint_times(trial, protocol, "os", family="as_observed", clock="visit"),
        endpoint_times(trial, protocol, "os", family="as_observed"),
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"clock": "nominal"}, "use actual or visit"),
        ({"clock": "visit", "family": "interval"}, "intervals are bounded by days"),
        ({"clock": "visit", "origin": "randomisation"}, "visits count from surgery"),
    ],
)
def test_a_clock_that_does_not_fit_is_refused(words: dict, message: str, protocol) -> None:
    with pytest.raises(ValueError, match=message):
        endpoint_times(one_trial(both("3")), protocol, "dfs", **{"family": "as_observed", **words})


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("family", ["as_observed", "fda"])
def test_both_clocks_agree_on_events_and_lie_within_a_visit(seed: int, family: str, protocol) -> None:
    from data.simulate import generate

    trial = generate(n=80, seed=seed).trial()
    for endpoint in ("recurrence", "dfs", "liver_dfs"):
        days = endpoint_times(trial, protocol, endpoint, family=family)
        visits = endpoint_times(trial, protocol, endpoint, family=family, clock="visit")
        assert days.drop(columns=["time", "lower", "upper", "on"]).equals(
            visits.drop(columns=["time", "lower", "upper", "on"])
        )
        assert (visits["time"] >= visits["entry"]).all()
        gap = np.diff([0.0, *protocol.visit_grid]).max()
        assert ((visits["time"] - days["time"]).abs() <= gap).all()


def test_recurrences_stand_where_the_labels_put_them(protocol) -> None:
    from data.simulate import generate

    trial = generate(n=106, seed=3).trial()
    found = endpoint_times(trial, protocol, "recurrence", family="as_observed", clock="visit")
    seen = found[found["event"] == 1]
    visit = build_outcome(trial, protocol).patients["first_positive_visit"]
    assert (seen["time"] == np.maximum(visit.reindex(seen.index), seen["entry"])).all()
