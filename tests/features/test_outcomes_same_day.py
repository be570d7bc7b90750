"""Two scans of one day, and scans after the event: what bounds an interval and what ends follow-up."""

from __future__ import annotations

import numpy as np
import pytest
from outcome_cases import one_trial, random_trial

from features.outcomes import at_risk, build_outcome, endpoint_times


@pytest.mark.parametrize(
    "second", ["petct 6 clear unscheduled", "petct 6 clear", "petct 6 equivocal", "petct 6 recurrence inadequate"]
)
def test_a_clear_scan_on_the_day_of_the_positive_one_bounds_nothing(second: str, protocol) -> None:
    """MRI clear at month 3, MRI positive and another scan on the day of month 6: recurrence in (3, 6], never exact."""
    trial = one_trial(("mri 3 clear", "mri 6 recurrence", second))
    row = endpoint_times(trial, protocol, "recurrence", family="interval").iloc[0]
    before, after = (trial.imaging["scan_on"].iloc[place] for place in (0, 1))
    days = [(on - trial.patients["surgery_on"].iloc[0]).days for on in (before, after)]
    assert [row["lower"], row["upper"]] == [day / 30.4375 for day in days]


@pytest.mark.parametrize("seed", range(3))
def test_follow_up_for_recurrence_ends_at_the_first_positive_scan(seed: int, protocol) -> None:
    rows = build_outcome(random_trial(seed), protocol).patients
    recurred = rows["first_positive"].notna()
    assert recurred.sum() > 20
    assert (rows["last_adequate"] == rows["first_positive"])[recurred].all()
    assert not (rows["last_clear"] >= rows["first_positive"]).any()
    np.testing.assert_array_equal(rows["last_adequate"][~recurred], rows["last_clear"][~recurred])


@pytest.mark.parametrize(("shift", "expected"), [(-1, False), (0, False), (1, True)])
def test_positive_on_the_day_of_randomisation_is_never_at_risk(shift: int, expected: bool, protocol) -> None:
    """Randomised on day 45; an unscheduled MRI is positive the day before, that day, the day after."""
    trial = one_trial((f"mri 0 recurrence unscheduled +{45 + shift}",))
    assert at_risk(build_outcome(trial, protocol), 0, protocol).tolist() == [expected]
    assert len(endpoint_times(trial, protocol, "dfs", family="as_observed")) == expected


@pytest.mark.parametrize(("shift", "expected"), [(0, False), (1, True)])
def test_dead_on_the_day_of_randomisation_is_never_at_risk(shift: int, expected: bool, protocol) -> None:
    trial = one_trial(died=(45 + shift) / 30.4375)
    assert at_risk(build_outcome(trial, protocol), 0, protocol).tolist() == [expected]
    assert len(endpoint_times(trial, protocol, "os", family="as_observed")) == expected
