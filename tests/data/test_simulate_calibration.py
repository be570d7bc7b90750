"""The simulated worlds meet the published aggregates they were calibrated to (large samples, no qPCR)."""

import numpy as np
import pandas as pd
import pytest

from data.protocol import load_protocol
from data.simulate import generate

PROTOCOL = load_protocol()
N = 20_000
SEED = 101


def closing_visit(month):
    """First visit of the calendar that is closed at these months; infinite after the last."""
    closed = np.array([PROTOCOL.closed(visit) for visit in PROTOCOL.visit_grid])
    place = np.searchsorted(closed, month, side="left")
    return np.append(PROTOCOL.visit_grid, np.inf)[place]


def observed_survival(made):
    """Kaplan-Meier disease-free survival at each visit by arm, from the delivered tables alone."""
    frames = made.frames
    patients = frames["patients"].set_index("patient_id")
    months = lambda days, who: (days - who.map(patients["surgery_on"])).dt.days / PROTOCOL.month_days  # noqa: E731
    scans = frames["imaging"].assign(month=lambda t: months(t["scan_on"], t["patient_id"]))
    scans["visit"] = scans["scheduled_month"].fillna(pd.Series(closing_visit(scans["month"]), index=scans.index))
    first = scans[scans["finding"] == "recurrence"].groupby("patient_id")["visit"].min()
    last = scans[(scans["adequate"] == "yes") & scans["scheduled_month"].notna()].groupby("patient_id")["visit"].max()
    followed = frames["followup"].set_index("patient_id")
    died = (followed["died_on"] - patients["surgery_on"]).dt.days / PROTOCOL.month_days
    died = pd.Series(closing_visit(died.fillna(np.inf)), index=died.index)
    event = pd.concat([first.reindex(patients.index), died], axis=1).min(axis=1).fillna(np.inf)
    seen = last.reindex(patients.index).fillna(0)
    survival = {}
    for arm in ("control", "prrt"):
        own = patients["arm"] == arm
        free, curve = 1.0, {}
        for visit in PROTOCOL.visit_grid[1:]:
            happened = ((event == visit) & own).sum()
            risk = happened + (own & (event > visit) & (seen >= visit)).sum()
            free *= 1 - happened / risk
            curve[visit] = free
        survival[arm] = curve
    return survival


def auc(event, score):
    """Probability that an event scores higher than a non-event."""
    rank = pd.Series(score).rank().to_numpy()
    events = int(event.sum())
    return (rank[event].sum() - events * (events + 1) / 2) / (events * (len(event) - events))


def measured(made):
    """Every result with its sample and the truth of its patient."""
    samples = made.frames["samples"].merge(made.frames["results"], on="sample_id")
    return samples.merge(made.truth, on="patient_id")


def landmark_auc(table, landmark, horizon, analyte="netest_activity", arm=None):
    """AUC of an analyte at a landmark against complete observation up to the horizon."""
    visit = {float(month): name for name, month in PROTOCOL["calendar.sample_month"].items()}[landmark]
    table = table[(table["analyte"] == analyte) & (table["visit"] == visit)]
    positive = table["complete_first_positive_visit"].fillna(np.inf)
    alive = table["complete_death_month"].fillna(np.inf) > PROTOCOL.closed(landmark)
    rows = (positive > landmark) & alive & (table["arm"].eq(arm) if arm else True)
    return auc((positive[rows] <= horizon).to_numpy(), table.loc[rows, "value"].to_numpy())


@pytest.fixture(scope="module")
def protocol_world():
    return generate(N, SEED, "protocol")


def test_disease_free_survival_at_36_months_is_that_of_the_design(protocol_world):
    survival = observed_survival(protocol_world)
    design = PROTOCOL["trial.dfs36"]
    assert survival["control"][36] == pytest.approx(design["control"], abs=0.03)
    assert survival["prrt"][36] == pytest.approx(design["prrt"], abs=0.03)


def test_nearly_all_controls_recur_within_five_years(protocol_world):
    truth = protocol_world.truth
    control = truth[truth["arm"] == "control"]
    alive = control["complete_death_month"].isna() | control["complete_first_positive_visit"].notna()
    recurred = (control.loc[alive, "complete_first_positive_visit"] <= 60).mean()
    assert recurred == pytest.approx(0.94, abs=0.03)


def test_score_has_the_honest_landmark_auc(protocol_world):
    table = measured(protocol_world)
    assert 0.74 < landmark_auc(table, 6.0, 36.0) < 0.80
    assert 0.75 < landmark_auc(table, 12.0, 24.0) < 0.81


def test_pre_operative_score_says_little(protocol_world):
    assert 0.50 < landmark_auc(measured(protocol_world), 0.0, 36.0) < 0.62


def test_marker_never_beats_the_latent_truth(protocol_world):
    truth = protocol_world.truth
    positive = truth["complete_first_positive_visit"].fillna(np.inf)
    rows = (positive > 6) & (truth["complete_death_month"].fillna(np.inf) > 7)
    event = (positive[rows] <= 36).to_numpy()
    assert auc(event, truth.loc[rows, "p_MRD36@6"].to_numpy()) > 0.90


def test_stated_probabilities_are_calibrated(protocol_world):
    truth = protocol_world.truth
    positive = truth["complete_first_positive_visit"].fillna(np.inf)
    rows = (positive > 12) & (truth["complete_death_month"].fillna(np.inf) > 13)
    event, stated = positive[rows] <= 24, truth.loc[rows, "p_ER12@12"]
    assert stated.mean() == pytest.approx(event.mean(), abs=0.01)
    tenths = pd.cut(stated, [-0.001, 0.1, 0.3, 0.7, 0.9, 1.0])
    for _, share in event.groupby(tenths, observed=True):
        own = stated[share.index]
        # Nominal days blur the steep part: visits lie about 10 days off.
        assert share.mean() == pytest.approx(own.mean(), abs=0.08)


def test_deaths_and_losses_have_the_stated_rates(protocol_world):
    truth = protocol_world.truth
    survival = (truth["complete_death_month"].fillna(np.inf) > 60).mean()
    assert survival == pytest.approx(0.75, abs=0.06)
    lost = truth["dropout_month"].notna().groupby(truth["arm"]).mean()
    assert 0.05 < lost["prrt"] < lost["control"] < 0.15


@pytest.fixture(scope="module")
def null_world():
    return measured(generate(N, SEED, "null"))


def test_null_world_knows_nothing_within_an_arm(null_world):
    table = null_world
    for landmark, horizon in ((6.0, 36.0), (12.0, 24.0)):
        for arm in ("control", "prrt"):
            for analyte in ("netest_activity", "cga", "urine_score", "5hiaa"):
                assert landmark_auc(table, landmark, horizon, analyte, arm) == pytest.approx(0.5, abs=0.02), (
                    landmark,
                    arm,
                    analyte,
                )


def test_null_world_confounds_the_score_with_the_arm(null_world):
    table = null_world
    at_six = table[(table["analyte"] == "netest_activity") & (table["visit"] == "month_6")]
    mean = at_six.groupby("arm")["value"].mean()
    assert mean["prrt"] / mean["control"] == pytest.approx(0.6, abs=0.1)


@pytest.mark.parametrize(("world", "expected"), [("developer", 0.945), ("independent", 0.79)])
def test_other_worlds_have_their_landmark_auc_for_recurrence_in_24_months(world, expected):
    assert landmark_auc(measured(generate(N, SEED, world)), 6.0, 30.0) == pytest.approx(expected, abs=0.025)


def test_contemporary_natural_history_has_a_plateau():
    survival = observed_survival(generate(N, SEED, "independent"))["control"]
    assert survival[36] == pytest.approx(0.513, abs=0.04)
    assert survival[60] == pytest.approx(0.404, abs=0.04)


def test_plates_follow_the_outcome_only_when_the_world_says_so():
    def spread_of_outcome_by_plate(plates_by):
        made = generate(1000, SEED, plates_by=plates_by)
        table = measured(made)
        late = table["detectable_month"].fillna(np.inf) > table["detectable_month"].median()
        return late.groupby(table["plate"]).mean().std()

    assert spread_of_outcome_by_plate("outcome") > 2 * spread_of_outcome_by_plate("received")
