"""Every quantity of the interval-censored R answers: Turnbull, score tests, four distributions, naive answers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.estimates.cox import cox
from models.estimates.interval_censored.parametric import weibull_interval
from models.estimates.interval_censored.scores import interval_score_test
from models.estimates.interval_censored.turnbull import IntervalCurve, turnbull

FIXTURES = Path(__file__).parent / "fixtures"
ANSWERS = pd.read_csv(FIXTURES / "interval_answers.csv")
MASSES = pd.read_csv(FIXTURES / "interval_masses_answers.csv")
MONTHS = [12, 24, 36, 48]
# survfit's own Turnbull stops early.
EARLY = 1e-4


def recoded(frame: pd.DataFrame) -> pd.DataFrame:
    """The frailtypack copy with right-censored patients as (left, inf] instead of left == right."""
    return frame.assign(right=frame["right"].astype(float).where(frame["left"] != frame["right"], np.inf))


@cache
def cosmesis(realdata: Path, copy: str = "interval_pkg") -> pd.DataFrame:
    return pd.read_csv(realdata / "interval_censored" / f"bcos_{copy}.csv")


def curve_of(frame: pd.DataFrame, group: str) -> IntervalCurve:
    part = frame if group == "all" else frame[frame["treatment"] == group]
    return turnbull(part["left"], part["right"])


def parametric(frame: pd.DataFrame, distribution: str) -> dict[str, float]:
    fit = weibull_interval(frame["left"], frame["right"], frame[["treatment"]], distribution)
    table = fit.table
    median = fit.quantile(0.5, pd.DataFrame({"treatment": ["Rad", "RadChem"]}))["value"]
    out = {"intercept": table["coef"].iloc[0], "trtRadChem": table["coef"].iloc[1], "scale": fit.scale}
    out |= {"se_intercept": table["se"].iloc[0], "se_trt": table["se"].iloc[1]}
    out |= {"loglik": fit.loglik, "loglik_null": fit.loglik_null, "median_Rad": median[0], "median_RadChem": median[1]}
    if distribution != "exponential":
        out["se_log_scale"] = table.loc["log(scale)", "se"]
    if distribution in ("weibull", "exponential"):
        out["hazard_ratio"] = fit.hazard_ratios()["hr"].iloc[0]
    return {f"survreg.{distribution}.{name}": float(value) for name, value in out.items()}


def naive(frame: pd.DataFrame) -> dict[str, float]:
    finite = np.isfinite(frame["right"])
    rows = pd.DataFrame({"event": finite.astype(int), "treatment": frame["treatment"]})
    rows["midpoint"] = ((frame["left"] + frame["right"]) / 2).where(finite, frame["left"])
    rows["right_end"] = frame["right"].where(finite, frame["left"])
    fits = {way: cox(rows, time=way, event="event", covariates=["treatment"]) for way in ("midpoint", "right_end")}
    return {f"naive_{way}_cox.coef": float(fit.coefficients[0]) for way, fit in fits.items()}


@cache
def computed(realdata: Path) -> dict[str, float]:
    frame, other = cosmesis(realdata), recoded(cosmesis(realdata, "frailtypack"))
    out = {"copies_equal_after_recoding": float(frame.equals(other))}
    for group in ("all", "Rad", "RadChem"):
        curve = curve_of(frame, group)
        out[f"npmle.{group}.loglik"] = curve.loglik
        out |= {f"npmle.{group}.S_right_t{t}": v for t, v in zip(MONTHS, curve.at(MONTHS)["value"], strict=True)}
        if group != "all":
            out[f"survfit_turnbull.{group}.S_t24"] = curve.at(24)["value"][0]
    for scores, name in (("sun", "logrank1"), ("finkelstein", "logrank2")):
        test = interval_score_test(frame["left"], frame["right"], frame["treatment"], scores)
        found = {"U": test.score[1], "V": test.variance[1], "Z": test.z[1], "p": test.p}
        out |= {f"score_test.{name}.{key}": value for key, value in found.items()}
    for distribution in ("exponential", "weibull", "loglogistic", "lognormal"):
        out |= parametric(frame, distribution)
    return out | naive(frame)


@pytest.mark.parametrize(("quantity", "value"), list(ANSWERS.itertuples(index=False, name=None)))
def test_interval_quantity_meets_r(quantity: str, value: float, realdata: Path) -> None:
    tolerance = EARLY if quantity.startswith("survfit_turnbull") else 1e-6
    assert computed(realdata)[quantity] == pytest.approx(value, rel=tolerance, abs=1e-12)


def test_no_interval_answer_is_left_out(realdata: Path, reference: Path) -> None:
    pd.testing.assert_frame_equal(ANSWERS, pd.read_csv(reference / "ref_interval_bcos.csv"))
    pd.testing.assert_frame_equal(MASSES, pd.read_csv(reference / "bcos_npmle_masses.csv"))
    assert set(computed(realdata)) == set(ANSWERS["quantity"])
    assert len(ANSWERS) == 69


@pytest.mark.parametrize(("group", "number"), [("all", 12), ("Rad", 8), ("RadChem", 11)])
def test_masses_are_the_published_ones(group: str, number: int, realdata: Path) -> None:
    curve, theirs = curve_of(cosmesis(realdata), group), MASSES[MASSES["group"] == group]
    assert len(theirs) == number
    np.testing.assert_array_equal(curve.left, theirs["left"])
    np.testing.assert_array_equal(curve.right, theirs["right"])
    np.testing.assert_allclose(curve.mass, theirs["mass"], rtol=0, atol=1e-6)
    assert abs(curve.kkt) < 1e-9


def test_frailtypack_copy_must_be_recoded(realdata: Path) -> None:
    raw = cosmesis(realdata, "frailtypack")
    # Read as it stands, 38 right-censored patients become events at their last visit: another curve.
    assert (raw["left"] == raw["right"]).sum() == 38
    naively, rightly = curve_of(raw, "all").at(36)["value"][0], curve_of(recoded(raw), "all").at(36)["value"][0]
    assert rightly == pytest.approx(0.430354295064495, rel=1e-9)
    assert naively < rightly - 0.1
