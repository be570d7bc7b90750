"""Labels from complete observation, and the posterior given what was observed: calibrated, below the latent truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from data.protocol import load_protocol
from data.simulate import generate, observed_posterior, truth_label
from data.simulate.likelihood import _normal
from data.simulate.observed import ABSENT, MISSING, UNREAD, observe

PROTOCOL = load_protocol()


def auc(y, p):
    rank = pd.Series(p).rank().to_numpy()
    events = int((y == 1).sum())
    return (rank[y == 1].sum() - events * (events + 1) / 2) / (events * (len(y) - events))


def calibration(y, p):
    """Intercept and slope of the outcome on the log odds of the prediction, with their standard errors."""
    x = np.column_stack([np.ones(len(y)), logit(np.clip(p, 1e-6, 1 - 1e-6))])
    b = np.array([0.0, 1.0])
    for _ in range(25):
        m = expit(x @ b)
        information = x.T @ (x * (m * (1 - m))[:, None])
        b = b + np.linalg.solve(information, x.T @ (y - m))
    return b, np.sqrt(np.diag(np.linalg.inv(information)))


def test_labels_of_complete_observation():
    inf, nan = np.inf, np.nan
    rows = pd.DataFrame(
        [
            # first positive visit, death month, at risk at 6, y of MRD36@6
            (nan, nan, True, 0.0),
            (9.0, nan, True, 1.0),
            (36.0, 40.0, True, 1.0),
            (48.0, nan, True, 0.0),
            (6.0, nan, False, nan),
            (nan, 20.0, True, 0.0),
            (nan, 6.9, False, nan),
            (nan, 7.0, False, nan),
        ],
        columns=["complete_first_positive_visit", "complete_death_month", "at_risk", "y"],
    )
    rows["patient_id"] = list("ABCDEFGH")
    made = truth_label(rows, "MRD36@6", PROTOCOL)
    assert made["at_risk"].tolist() == rows["at_risk"].tolist()
    assert made["y"].fillna(inf).tolist() == rows["y"].fillna(inf).tolist()
    assert made.index.tolist() == list("ABCDEFGH")


def test_shared_person_effect_is_integrated_as_a_multivariate_normal():
    off = np.array([[0.3, -0.2, np.nan], [1.0, np.nan, np.nan], [np.nan, np.nan, np.nan]])
    told, mean, left = _normal(off, 0.25, 0.5)
    for row, known in zip(off, told, strict=True):
        there = row[~np.isnan(row)]
        covariance = 0.25 * np.eye(len(there)) + 0.5
        assert known == pytest.approx(-0.5 * there @ np.linalg.solve(covariance, there), abs=1e-12)
    assert mean[1] == pytest.approx(0.5 / 0.75) and left[1] == pytest.approx(0.25 * 0.5 / 0.75)
    assert mean[2] == 0 and left[2] == 0.5


def test_the_record_ends_with_the_landmark():
    made = generate(300, 8)
    record = observe(made, PROTOCOL, 6.0)
    closed = PROTOCOL.closed(6.0) * PROTOCOL.month_days
    for days in (record.scan_day, record.sample_day, record.cycle_day, record.seen_until):
        assert np.nanmax(days) <= closed
    assert record.score.shape == (300, 2) and record.scan_code.shape[1] >= 2
    assert (record.scan_code[:, :2] == UNREAD).any() and (record.scan_code[:, 2:] == ABSENT).any()
    assert np.isnan(record.sample_day[record.sample_state == MISSING]).all()


def test_nothing_after_the_landmark_moves_the_posterior():
    """The posterior of a trial is that of the same trial with its later records cut away."""
    made = generate(80, 9)
    before = observed_posterior(made, "MRD36@6", PROTOCOL, particles=50)
    surgery = made.frames["imaging"]["patient_id"].map(made.frames["patients"].set_index("patient_id")["surgery_on"])
    late = (made.frames["imaging"]["scan_on"] - surgery).dt.days > PROTOCOL.closed(6) * PROTOCOL.month_days
    made.frames["imaging"] = made.frames["imaging"][~late]
    made.frames["samples"] = made.frames["samples"][made.frames["samples"]["visit"].isin(["baseline", "month_6"])]
    pd.testing.assert_frame_equal(observed_posterior(made, "MRD36@6", PROTOCOL, particles=50), before)


def test_latent_states_of_the_truth_are_not_read():
    made = generate(80, 9)
    before = observed_posterior(made, "ER12@12", PROTOCOL, particles=50)
    kept = ["patient_id", "complete_first_positive_visit", "complete_death_month"]
    blind = replace(made, truth=made.truth[kept])
    pd.testing.assert_frame_equal(observed_posterior(blind, "ER12@12", PROTOCOL, particles=50), before)


def test_unusable_numbers_of_particles_are_refused():
    with pytest.raises(ValueError, match="particles must be at least 1"):
        observed_posterior(generate(5, 1), "ER12@12", PROTOCOL, particles=0)


SLOW = pytest.param("independent", "ER12@12", marks=pytest.mark.slow)


@pytest.mark.parametrize(("world", "endpoint"), [("protocol", "MRD36@6"), SLOW])
def test_the_posterior_is_calibrated_and_lies_between_the_score_and_the_latent_truth(world, endpoint):
    made = generate(3000, 6, world, PROTOCOL)
    found = observed_posterior(made, endpoint, PROTOCOL, particles=250, seed=1)
    label = truth_label(made.truth, endpoint, PROTOCOL).loc[found.index, "y"].to_numpy()
    p = found["probability"].to_numpy()
    error = np.sqrt((p * (1 - p)).mean() / len(p))
    assert abs(p.mean() - label.mean()) < 3 * error
    (_, slope), (_, spread) = calibration(label, p)
    assert abs(slope - 1) < 3 * spread + 0.05 and spread < 0.08
    latent = made.truth.set_index("patient_id").loc[found.index, f"p_{endpoint}"].to_numpy()
    assert auc(label, p) + 0.05 < auc(label, latent)
    scores = made.frames["samples"].merge(made.frames["results"], on="sample_id")
    visit = {6.0: "month_6", 12.0: "month_12"}[PROTOCOL.endpoint(endpoint).landmark]
    own = scores[(scores["analyte"] == "netest_activity") & (scores["visit"] == visit)].set_index("patient_id")["value"]
    own = own[own.index.isin(found.index)]
    there = found.index.get_indexer(own.index)
    assert auc(label[there], p[there]) > auc(label[there], own.to_numpy()) + 0.01
