"""Our ridge Cox fit equals lifelines on real patients: ties, strata, and what a penalty means in either."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from models.estimators.cox import baseline_hazard, fit_ridge_cox, fit_ridge_cox_efron, risk_sets

COLON = ["nodes", "age", "node4", "obstruct", "surg"]
PBC = ["logbili", "albumin", "age"]


@pytest.fixture(scope="module")
def colon(reference):
    frame = pd.read_csv(reference / "colon_one_row_per_patient.csv").dropna(subset=COLON)
    return frame.assign(time=frame["rt"], event=frame["rs"], stratum=frame["extent"])


@pytest.fixture(scope="module")
def cirrhosis(reference):
    rows = pd.read_csv(reference / "pbcseq_landmark_patients.csv").query("months == 12")
    # Whole months tie most events, where Breslow's and Efron's methods part.
    return rows.assign(time=np.ceil(rows["time"] / 30.4375), stratum=(rows["age"] > 50).astype(int))


def standardised(frame: pd.DataFrame, terms: list[str]) -> np.ndarray:
    values = frame[terms].to_numpy(dtype=float)
    return (values - values.mean(0)) / values.std(0, ddof=1)


def lifelines(frame: pd.DataFrame, design: np.ndarray, terms: list[str], strata: bool, penalizer: float) -> CoxPHFitter:
    rows = pd.DataFrame(design, columns=terms).assign(**{n: frame[n].to_numpy() for n in ("time", "event", "stratum")})
    layers = ["stratum"] if strata else None
    fitter = CoxPHFitter(penalizer=penalizer, baseline_estimation_method="breslow", strata=layers)
    columns = [*terms, "time", "event"] + (layers or [])
    return fitter.fit(rows[columns], "time", "event", fit_options={"precision": 1e-12})


@pytest.mark.parametrize("penalizer", [0.0, 0.1])
@pytest.mark.parametrize(("cohort", "strata"), [("colon", True), ("cirrhosis", False), ("cirrhosis", True)])
def test_efron_with_strata_and_penalty_equals_lifelines(cohort, strata, penalizer, request):
    """lifelines penalises the mean log-likelihood of standardised terms, we the sum: ours is n times its penalizer."""
    frame, terms = request.getfixturevalue(cohort), COLON if cohort == "colon" else PBC
    design = standardised(frame, terms)
    stratum = frame["stratum"].to_numpy(dtype=float) if strata else np.zeros(len(frame))
    theirs = lifelines(frame, design, terms, strata, penalizer)
    sets = risk_sets(frame["time"].to_numpy(dtype=float), frame["event"].to_numpy() == 1, stratum)
    ours = fit_ridge_cox_efron(design, sets, penalizer * len(frame))
    np.testing.assert_allclose(ours, theirs.params_.to_numpy(), atol=1e-6)
    if penalizer:
        assert (ours**2).sum() < (fit_ridge_cox_efron(design, sets, 0.0) ** 2).sum()


def test_breslow_and_its_baseline_equal_lifelines_where_no_events_tie(colon):
    """lifelines has Efron's ties only: events are put apart by less than a day."""
    rng = np.random.default_rng(0)
    frame = colon.assign(time=colon["time"] + 0.5 * rng.random(len(colon)))
    design = standardised(frame, COLON)
    theirs = lifelines(frame, design, COLON, False, 0.05)
    event = frame["event"].to_numpy() == 1
    sets = risk_sets(frame["time"].to_numpy(), event, np.zeros(len(frame)))
    penalty = np.array([0.05 * len(frame)])
    ours = fit_ridge_cox(design, sets, np.ones((1, len(frame))), penalty)[0]
    np.testing.assert_allclose(ours, theirs.params_.to_numpy(), atol=1e-6)
    cumulative = np.cumsum(baseline_hazard(design, sets, ours))
    expected = theirs.baseline_cumulative_hazard_.iloc[:, 0].reindex(sets.time).to_numpy()
    np.testing.assert_allclose(cumulative, expected, rtol=1e-5)
