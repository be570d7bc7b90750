"""Every Cox quantity of the R answers (survival 3.5-3): three trials, one test each quantity."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.real import net_lung
from benchmarks.real.answers import cox_quantities
from models.estimates.cox import CoxFit, cox
from models.estimates.interval_censored.parametric import weibull_interval

ANSWERS = pd.read_csv(Path(__file__).parent / "fixtures" / "cox_answers.csv")
FULL = "rx sex age obstruct perfor adhere nodes factor(differ) factor(extent) surg".split()
ADJUSTED = ["treatment", "sex", "age", "node_bin"]
GBSG = ["hormon", "age", "meno", "size", "factor(grade)", "nodes", "log1p(pgr)", "log1p(er)"]


def quantities(tag: str, fit: CoxFit) -> dict[str, float]:
    return cox_quantities(tag, fit, ("km", "identity"))


def colon(reference: Path) -> dict[str, float]:
    frame = pd.read_csv(reference / "colon_one_row_per_patient.csv")
    frame["rx"] = pd.Categorical(frame["rx"], ["Obs", "Lev", "Lev+5FU"])
    for name in ("differ", "extent"):
        frame[f"factor({name})"] = frame[name].astype("category")
    out: dict[str, float] = {}
    for tag, time, event in (("recur", "rt", "rs"), ("os", "ot", "os"), ("dfs", "dt", "ds")):
        models = {
            "cox_rx_efron": {"covariates": ["rx"]},
            "cox_rx_breslow": {"covariates": ["rx"], "ties": "breslow"},
            "cox_full": {"covariates": FULL},
            "cox_nodes": {"covariates": ["rx", "nodes"]},
            "cox_strat_extent": {"covariates": ["rx", "node4"], "strata": "extent"},
        }
        for name, choices in models.items():
            out |= quantities(f"{tag}.{name}", cox(frame, time=time, event=event, **choices))
        plain = cox(frame, time=time, event=event, covariates=["rx", "node4"], robust=True)
        both = cox(frame, time=time, event=event, covariates=["rx", "node4", "rx:node4"])
        out[f"{tag}.cox_robust.rxLev_5FU.robust_se"] = plain.table.loc["rx[Lev+5FU]", "se"]
        out[f"{tag}.interaction_rx_node4.lr_chisq"] = 2 * (both.loglik - plain.loglik)
    fit = cox(frame, time="dt", event="ds", covariates=["rx", "node4", "age"])
    arms = ["Obs", "Lev+5FU"]
    curves = fit.survival(pd.DataFrame({"rx": arms, "node4": 1, "age": 60}))
    for arm, curve in zip(arms, curves, strict=True):
        for year, value in zip((1, 3, 5), curve.at(np.array([1, 3, 5]) * 365.25)["value"], strict=True):
            out[f"dfs.pred_surv_node4_age60.{arm}.t{year}y"] = value
    return out


def melanoma_and_breast(realdata: Path) -> dict[str, float]:
    frame = pd.read_csv(realdata / "adjuvant_rct" / "e1684.csv")
    out: dict[str, float] = {}
    for tag, time, event in (("rfs", "failtime", "failcens"), ("os", "survtime", "survcens")):
        out |= quantities(f"{tag}.cox_trt", cox(frame, time=time, event=event, covariates=["treatment"]))
        out |= quantities(f"{tag}.cox_adj", cox(frame, time=time, event=event, covariates=ADJUSTED))
        breslow = cox(frame, time=time, event=event, covariates=ADJUSTED, ties="breslow")
        out |= quantities(f"{tag}.cox_adj_breslow", breslow)
    later = frame[frame["failtime"] > 0]
    upper = later["failtime"].where(later["failcens"] == 1, np.inf)
    weibull = weibull_interval(later["failtime"], upper, later[["treatment"]])
    out |= {"rfs.weibull_aft.n": weibull.n, "rfs.weibull_aft.treatment": weibull.table.loc["treatment", "coef"]}
    out |= {"rfs.weibull_aft.scale": weibull.scale, "rfs.weibull_aft.loglik": weibull.loglik}
    breast = pd.read_csv(realdata / "adjuvant_rct" / "gbsg.csv")
    breast["factor(grade)"] = breast["grade"].astype("category")
    breast["log1p(pgr)"], breast["log1p(er)"] = np.log1p(breast["pgr"]), np.log1p(breast["er"])
    return out | quantities("gbsg.cox", cox(breast, time="rfstime", event="status", covariates=GBSG))


@cache
def computed(file: str, realdata: Path, reference: Path) -> dict[str, float]:
    if file == "ref_colon":
        return colon(reference)
    return (
        melanoma_and_breast(realdata)
        if file == "ref_e1684_gbsg"
        else net_lung.hazards(*net_lung.read_tables(realdata)[:2])
    )


@pytest.mark.parametrize(("file", "quantity", "value"), list(ANSWERS.itertuples(index=False, name=None)))
def test_cox_quantity_meets_r(file: str, quantity: str, value: float, realdata: Path, reference: Path) -> None:
    found = computed(file, realdata, reference)[quantity]
    # The Wald statistic of summary.coxph is printed to two decimals.
    rounded = quantity.endswith("wald_test")
    assert found == pytest.approx(value, rel=1e-6, abs=0.0050001 if rounded else 1e-12)


def test_no_cox_answer_is_left_out(reference: Path) -> None:
    kinds = r"\.cox(?:_|\.)|interaction_|pred_surv|weibull_aft"
    for file, count in (("ref_colon", 735), ("ref_e1684_gbsg", 321), ("ref_net_lung", 42)):
        theirs = pd.read_csv(reference / f"{file}.csv")
        wanted = theirs[theirs["quantity"].str.contains(kinds)].reset_index(drop=True)
        ours = ANSWERS.loc[ANSWERS["file"] == file, ["quantity", "value"]].reset_index(drop=True)
        assert len(wanted) == count
        pd.testing.assert_frame_equal(ours, wanted)
