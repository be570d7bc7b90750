"""Cox regression: a table small enough to work by hand, refusals, and what must hold for any data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from lifelines.utils import concordance_index

from models.estimates.cox import cox
from models.estimates.cox import likelihood as cox_likelihood
from models.estimates.kaplan_meier import kaplan_meier
from models.estimators.newton import CannotFit
from models.metrics.concordance import concordance

SEEDS = range(4)


def trial(seed: int, n: int = 120) -> pd.DataFrame:
    """Months in tenths (so with ties), delayed entry, two arms, a marker, three sites and repeated rows."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"patient_id": [f"P{i // 2:03d}" for i in range(n)], "marker": rng.normal(size=n)})
    frame["arm"] = rng.choice(["control", "prrt"], n)
    frame["site"] = rng.choice(["north", "south", "west"], n)
    months = rng.exponential(20 * np.exp(-0.5 * frame["marker"] + 0.4 * (frame["arm"] == "prrt")))
    frame["entry"] = np.minimum(rng.uniform(0, 2, n).round(1), months.round(0))
    frame["time"] = np.minimum(months, 36).round(0) + 1
    frame["event"] = (months <= 36).astype(int)
    return frame


# One covariate, five patients, no ties: U and I can be written down.
BY_HAND = pd.DataFrame({"time": [1.0, 2, 3, 4, 5], "event": [1, 1, 0, 1, 0], "arm": [1, 0, 1, 1, 0]})


def test_five_patients_by_hand() -> None:
    """Risk sets hold (2 of 5), (2 of 4 after the first), (1 of 2) with r = exp(beta): the score is solved for r."""
    fit = cox(BY_HAND, time="time", event="event", covariates=["arm"])
    r = fit.table.loc["arm", "hr"]
    # Events: arm 1 of {3 r, 2}, arm 0 of {2 r, 2}, arm 1 of {1 r, 1}.
    expected = 3 * r / (3 * r + 2) + 2 * r / (2 * r + 2) + r / (r + 1)
    assert expected == pytest.approx(2, abs=1e-9)
    assert fit.loglik == pytest.approx(np.log(r / (3 * r + 2)) + np.log(1 / (2 * r + 2)) + np.log(r / (r + 1)))
    assert fit.loglik_null == pytest.approx(-np.log(5 * 4 * 2))
    information = 6 * r / (3 * r + 2) ** 2 + 4 * r / (2 * r + 2) ** 2 + r / (r + 1) ** 2
    assert fit.table.loc["arm", "se"] == pytest.approx(1 / np.sqrt(information))
    # At beta = 0: U = 2 - (3/5 + 1/2 + 1/2), I = 6/25 + 1/4 + 1/4.
    assert fit.score.statistic == pytest.approx((2 - 1.6) ** 2 / 0.74)
    assert (fit.n, fit.events, fit.omitted) == (5, 3, 0)


def test_ties_by_efron_and_breslow() -> None:
    """Two events on one day among three patients: Efron's second one leaves half of the tied events."""
    frame = pd.DataFrame({"time": [1, 1, 2, 2, 3, 3], "event": [1, 1, 0, 1, 0, 0], "x": [1, 0, 0, 1, 1, 0]})
    fits = {ties: cox(frame, time="time", event="event", covariates=["x"], ties=ties) for ties in ("efron", "breslow")}
    assert fits["breslow"].loglik_null == pytest.approx(-np.log(6 * 6 * 4))
    assert fits["efron"].loglik_null == pytest.approx(-np.log(6 * 5 * 4))
    with pytest.raises(ValueError, match="ties must be efron or breslow"):
        cox(frame, time="time", event="event", covariates=["x"], ties="exact")


def test_concordance_by_hand() -> None:
    """Pairs: 1-2, 1-3, 1-4, 2-3 (3 censored on the day of 2's event counts), 2-4; of scores 4 right, 1 tied."""
    time, event = np.array([1.0, 2, 2, 3]), np.array([True, True, False, False])
    found = concordance(time, event, np.array([3.0, 2, 2, 1]))
    assert found.value == pytest.approx(4.5 / 5)
    # Influence: (wins - C pairs) / 5 with wins 3, 2.5, 1.5, 2 and pairs 3, 3, 2, 2.
    parts = (np.array([3, 2.5, 1.5, 2]) - 0.9 * np.array([3, 3, 2, 2])) / 5
    assert found.error == pytest.approx(np.sqrt((parts**2).sum()))
    assert np.isnan(concordance(time, np.zeros(4, bool), time).value)


@pytest.mark.parametrize(
    ("change", "covariates", "choices", "message"),
    [
        ({}, ["event_free"], {}, "no finite hazard ratio for event_free"),
        ({}, ["marker", "one_patient"], {}, "no finite hazard ratio for one_patient"),
        ({}, ["marker", "half", "other_half"], {}, "no finite hazard ratio for half, other_half"),
        ({}, ["minus_time"], {}, "no finite hazard ratio for minus_time"),
        ({}, ["marker", "twice"], {}, "marker, twice are linearly dependent"),
        ({}, ["ones"], {}, "ones does not vary"),
        ({}, ["prrt"], {"strata": "arm"}, "prrt does not vary among the patients at risk"),
        ({}, ["word"], {}, "single level 'same'"),
        ({}, ["tiny"], {}, "use a smaller unit"),
        ({}, ["nothing"], {}, "column 'nothing' is not in the frame"),
        ({}, [], {}, "at least one covariate"),
        ({}, ["marker", "prrt"], {"robust": "arm"}, "need more than 2 clusters; found 2"),
        ({"event": 0}, ["marker"], {}, "no event among 120 rows"),
        ({"event": 2}, ["marker"], {}, r"row 0, event: found 2; expected 0 or 1 \(recode competing events first\)"),
        ({"time": -1.0}, ["marker"], {}, "row 0, time: found -1.0; expected a number of months"),
        ({"time": np.nan}, ["marker"], {}, "row 0, time: found nan"),
        ({"entry": 50.0}, ["marker"], {"entry": "entry"}, "row 0, entry: found 50.0; expected a month before time"),
        ({"patient_id": None}, ["marker"], {"robust": "patient_id"}, "row 0, patient_id: found None"),
    ],
)
def test_what_cannot_be_fitted_is_refused_by_name(change, covariates, choices, message) -> None:
    frame = trial(0)
    rng, hit = np.random.default_rng(0), frame["event"] == 1
    frame["event_free"] = (~hit & (rng.random(len(frame)) < 0.6)).astype(int)
    frame["one_patient"] = (frame.index == np.flatnonzero(~hit)[0]).astype(int)
    frame["half"] = (hit & (rng.random(len(frame)) < 0.5)).astype(int)
    frame["other_half"] = hit.astype(int) - frame["half"]
    frame["minus_time"], frame["twice"], frame["ones"] = -frame["time"], 2 * frame["marker"] + 3, 1
    frame["prrt"], frame["word"] = (frame["arm"] == "prrt").astype(int), "same"
    frame["tiny"] = frame["marker"] * 1e-7
    with pytest.raises(ValueError, match=message):
        cox(frame.assign(**change), time="time", event="event", covariates=covariates, **choices)


def test_rows_with_a_missing_covariate_are_left_out_and_counted() -> None:
    frame = trial(1)
    frame.loc[:4, "marker"] = np.nan
    choices = {"time": "time", "event": "event", "covariates": ["marker", "arm"]}
    fit, complete = cox(frame, **choices), cox(frame.loc[5:], **choices)
    assert (fit.n, fit.omitted) == (len(frame) - 5, 5)
    pd.testing.assert_frame_equal(fit.table, complete.table)


def test_factors_and_interactions_are_named_and_coded() -> None:
    frame = trial(2)
    fit = cox(frame, time="time", event="event", covariates=["arm", "site", "arm:site"])
    assert list(fit.table.index) == [
        "arm[prrt]",
        "site[south]",
        "site[west]",
        "arm[prrt]:site[south]",
        "arm[prrt]:site[west]",
    ]
    assert list(fit.proportional_hazards().index) == ["arm", "site", "arm:site", "GLOBAL"]
    assert list(fit.proportional_hazards()["df"]) == [1, 2, 2, 5]
    with pytest.raises(CannotFit, match="column 'site' holds 'east'; the levels known are north, south, west"):
        fit.survival(pd.DataFrame({"arm": ["prrt"], "site": ["east"]}))
    with pytest.raises(ValueError, match="transform must be km or identity"):
        fit.proportional_hazards("rank")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_shifted_covariates_and_any_monotone_clock_change_nothing(seed: int, ties: str) -> None:
    frame = trial(seed)
    moved = frame.assign(
        marker=frame["marker"] + 1000, time=np.sqrt(frame["time"]) * 7, entry=np.sqrt(frame["entry"]) * 7
    )
    choices = {"time": "time", "event": "event", "entry": "entry", "covariates": ["marker", "arm"], "ties": ties}
    choices |= {"strata": "site", "robust": "patient_id"}
    one, other = cox(frame, **choices), cox(moved, **choices)
    pd.testing.assert_frame_equal(one.table, other.table, rtol=1e-8)
    assert one.loglik == pytest.approx(other.loglik, rel=1e-10)
    assert one.concordance.value == pytest.approx(other.concordance.value, rel=1e-12)
    pd.testing.assert_frame_equal(one.proportional_hazards("km"), other.proportional_hazards("km"), rtol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_strata_are_baselines_of_their_own(seed: int) -> None:
    """Log-likelihoods of separate sites add up at the common coefficient; stretching one site's clock is harmless."""
    frame = trial(seed)
    choices = {"time": "time", "event": "event", "covariates": ["marker"]}
    fit = cox(frame, **choices, strata="site")
    parts = [cox(part, **choices) for _, part in frame.groupby("site")]
    assert fit.loglik_null == pytest.approx(sum(part.loglik_null for part in parts))
    assert fit.loglik <= sum(part.loglik for part in parts)
    stretched = frame.assign(time=frame["time"] * np.where(frame["site"] == "west", 5, 1))
    pd.testing.assert_frame_equal(fit.table, cox(stretched, **choices, strata="site").table, rtol=1e-9)
    merged = cox(frame, **choices, strata=["site", "arm"])
    assert len(merged.rows.strata) == 6 and ("west", "prrt") in merged.rows.strata


@pytest.mark.parametrize("seed", SEEDS)
def test_delayed_entry_is_a_split_of_the_follow_up(seed: int) -> None:
    """Cutting each patient at month 5 into two rows leaves estimate, robust error and concordance of the patient."""
    frame = trial(seed)
    late = frame[frame["time"] > 5].assign(start=5.0)
    early = frame.assign(start=0.0, time=frame["time"].clip(upper=5), event=frame["event"] * (frame["time"] <= 5))
    both = pd.concat([early, late], ignore_index=True)
    choices = {"time": "time", "event": "event", "covariates": ["marker", "arm"], "robust": "patient_id"}
    whole, split = cox(frame, **choices), cox(both, **choices, entry="start")
    pd.testing.assert_frame_equal(whole.table, split.table, rtol=1e-8)
    assert whole.loglik == pytest.approx(split.loglik, rel=1e-10)
    assert whole.concordance.value == pytest.approx(split.concordance.value, rel=1e-12)
    assert whole.concordance.error == pytest.approx(split.concordance.error, rel=1e-9)
    pd.testing.assert_frame_equal(whole.proportional_hazards(), split.proportional_hazards(), rtol=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_score_test_of_a_slope_is_the_gradient_of_a_split_model(seed: int) -> None:
    """The check by another road: rows cut at every event, marker x time added at zero, its score test computed."""
    frame = trial(seed, 60)
    fit = cox(frame, time="time", event="event", covariates=["marker"])
    cuts = np.unique(frame.loc[frame["event"] == 1, "time"])
    edges = np.concatenate([[0.0], cuts, [frame["time"].max() + 1]])
    pieces = []
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        part = frame[frame["time"] > start]
        end = part["time"].clip(upper=stop)
        here = part.assign(start=start, time=end, event=part["event"] * (part["time"] <= stop))
        pieces.append(here.assign(marker_time=here["marker"] * stop))
    split = pd.concat(pieces, ignore_index=True)
    both = cox(split, time="time", event="event", entry="start", covariates=["marker", "marker_time"])
    tested = fit.proportional_hazards("identity")
    assert tested.loc["GLOBAL", "statistic"] == pytest.approx(tested.loc["marker", "statistic"])
    # Score and likelihood-ratio test of one more term agree to second order only.
    ratio = 2 * (both.loglik - fit.loglik)
    assert tested.loc["marker", "statistic"] == pytest.approx(ratio, rel=0.15, abs=0.15)


@pytest.mark.parametrize("seed", SEEDS)
def test_agrees_with_lifelines(seed: int) -> None:
    frame = trial(seed)
    frame["prrt"] = (frame["arm"] == "prrt").astype(int)
    rows = frame[["time", "event", "entry", "site", "patient_id", "marker", "prrt"]]
    theirs = CoxPHFitter().fit(
        rows, "time", "event", entry_col="entry", strata=["site"], formula="marker + prrt",
        fit_options={"precision": 1e-10},
    )  # fmt: skip
    ours = cox(rows, time="time", event="event", entry="entry", strata="site", covariates=["marker", "prrt"])
    np.testing.assert_allclose(ours.coefficients, theirs.params_, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.table["se"], theirs.standard_errors_, rtol=1e-6)
    assert ours.loglik == pytest.approx(theirs.log_likelihood_, rel=1e-9)
    plain = cox(rows, time="time", event="event", covariates=["marker"])
    assert plain.concordance.value == pytest.approx(
        concordance_index(rows["time"], -plain.coefficients[0] * rows["marker"], rows["event"]), rel=1e-9
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_clustered_errors_of_doubled_rows_are_those_of_the_patients(seed: int) -> None:
    """Every row twice: model errors shrink by root 2, errors clustered by patient stay (Breslow: no new ties)."""
    frame = trial(seed).assign(patient_id=lambda f: range(len(f)))
    twice = pd.concat([frame, frame], ignore_index=True)
    choices = {"time": "time", "event": "event", "covariates": ["marker"], "ties": "breslow"}
    once = cox(frame, **choices, robust=True).table
    doubled = cox(twice, **choices, robust="patient_id").table
    assert doubled.loc["marker", "se"] == pytest.approx(once.loc["marker", "se"], rel=1e-9)
    assert doubled.loc["marker", "model_se"] == pytest.approx(once.loc["marker", "model_se"] / np.sqrt(2), rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_predicted_survival(seed: int) -> None:
    frame = trial(seed)
    fit = cox(frame, time="time", event="event", covariates=["marker", "arm"], strata="site", entry="entry")
    profiles = pd.DataFrame({"marker": [0.0, 1.0], "arm": ["control", "control"]})
    low, high = fit.survival(profiles, stratum="west")
    ratio = fit.table.loc["marker", "hr"]
    np.testing.assert_allclose(np.log(high.value), ratio * np.log(low.value), rtol=1e-9)
    after = low.value < 1
    assert np.all((low.lower[after] < low.value[after]) & (low.value[after] < low.upper[after]))
    west = frame[frame["site"] == "west"]
    seen = kaplan_meier(west["time"], west["event"], west["entry"])
    for name in ("time", "n_risk", "n_event", "n_censor"):
        np.testing.assert_array_equal(getattr(low, name), getattr(seen, name))
    with pytest.raises(ValueError, match="stratum None is not one of the fit's strata: north, south, west"):
        fit.survival(profiles)


def test_error_of_a_predicted_curve_covers_its_spread() -> None:
    """400 simulated trials: the standard error at month 12 is the deviation of the prediction within a tenth."""
    rng = np.random.default_rng(5)
    values, errors = [], []
    for _ in range(400):
        x = rng.integers(0, 2, 150)
        months = rng.exponential(18 * np.exp(-0.6 * x))
        frame = pd.DataFrame({"time": np.minimum(months, 24), "event": (months <= 24).astype(int), "x": x})
        fit = cox(frame, time="time", event="event", covariates=["x"])
        row = fit.survival(pd.DataFrame({"x": [1]}))[0].at(12.0).iloc[0]
        values.append(row["value"])
        errors.append(row["error"])
    assert np.mean(values) == pytest.approx(np.exp(-12 / (18 * np.exp(-0.6))), abs=4 * np.std(values) / 20)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("more", [{"entry": "entry"}, {"strata": "site"}, {"entry": "entry", "strata": "site"}])
def test_running_totals_give_what_the_member_matrix_gives(seed: int, more, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large data take the running totals; both roads end at the same table."""
    frame = trial(seed)
    choices = {"time": "time", "event": "event", "covariates": ["marker", "arm"], **more}
    small = cox(frame, **choices, robust=True)
    monkeypatch.setattr(cox_likelihood, "CELLS", 0)
    large = cox(frame, **choices, robust=True)
    assert small.sets.member is not None and large.sets.member is None
    pd.testing.assert_frame_equal(small.table, large.table, rtol=1e-9)


def test_small_trials_give_finite_numbers_or_a_refusal() -> None:
    """400 samples of 3 to 24 patients, some with entry and strata: never a huge hazard ratio in silence."""
    refused = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 25))
        frame = pd.DataFrame(
            {"arm": rng.integers(0, 2, n), "marker": rng.normal(size=n), "site": rng.integers(0, 2, n)}
        )
        frame["time"], frame["event"] = rng.integers(1, 20, n).astype(float), rng.integers(0, 2, n)
        frame["entry"] = frame["time"] * rng.uniform(0, 0.9, n)
        choices = {"entry": "entry", "strata": "site"} if seed % 3 == 0 else {}
        try:
            fit = cox(frame, time="time", event="event", covariates=["arm", "marker"], **choices)
        except CannotFit:
            refused += 1
            continue
        assert np.isfinite(fit.table.to_numpy()).all() and fit.table["coef"].abs().max() < 15
        assert (fit.covariance.diagonal() > 0).all() and fit.lr.statistic >= -1e-9
    assert 40 < refused < 300


def test_a_search_that_ends_early_is_no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cox_likelihood, "solve", lambda objective, start, **choices: start)
    with pytest.raises(CannotFit, match="no maximum of the partial likelihood was found"):
        cox(BY_HAND, time="time", event="event", covariates=["arm"])


def test_entry_at_the_origin_is_observation_from_the_start() -> None:
    """A recurrence on the day of the origin counts, with an entry column as without."""
    frame = BY_HAND.assign(time=BY_HAND["time"] - 1, entry=0.0)
    choices = {"time": "time", "event": "event", "covariates": ["arm"]}
    with_entry, without = cox(frame, **choices, entry="entry"), cox(frame, **choices)
    pd.testing.assert_frame_equal(with_entry.table, without.table, rtol=1e-9)
    assert with_entry.concordance.value == pytest.approx(without.concordance.value)
