"""The Mayo PBC sequential cohort through landmark features, the stacked Cox model and the metrics, against R.

    python benchmarks/pbcseq.py [--realdata DIR] [--reference DIR]

prints the largest difference to the R answers per kind of quantity and exits 1 when one is above the tolerance.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from data.protocol import Protocol, load_protocol  # noqa: E402
from data.trial import Trial  # noqa: E402
from features.landmark import last_values  # noqa: E402
from models.censoring import kaplan_meier_weights  # noqa: E402
from models.estimators.base import OUTCOME  # noqa: E402
from models.estimators.cox import information, partial_likelihood, risk_sets  # noqa: E402
from models.estimators.stacked_cox import StackedCox  # noqa: E402
from models.metrics.discrimination import TimeDependent, dynamic_auc, dynamic_brier  # noqa: E402

TOLERANCE = 1e-6
LANDMARKS = (0, 6, 12, 36)
TERMS = ("logbili", "albumin", "age")
SMALL = ("albumin", "age")
# name of the analysis in the R answers, window in months, status codes that are events
ANALYSES = (("death_or_tx", 24, (1, 2)), ("w24m.death_txcens", 24, (2,)), ("w60m.death_txcens", 60, (2,)))
SURGERY = pd.Timestamp("1990-01-01")


def default_folder(name: str) -> Path:
    """Real files and R answers lie beside the repository unless the environment says otherwise."""
    real = Path(os.environ.get("NETEST_REALDATA", ROOT.parent / "shared" / "realdata"))
    return real if name == "realdata" else real.parent / "reference"


def load_trial(path: Path) -> tuple[Trial, pd.DataFrame]:
    """Map the cohort into the trial's tables; entry into the cohort plays the day of surgery.

    Returns
    -------
    Trial
        Patients, samples and results.
    DataFrame
        By patient: follow-up (days), status (0 alive, 1 transplant, 2 dead), age (years).
    """
    raw = pd.read_csv(path)
    who = raw["id"].map("PBC{:04d}".format)
    raw["patient_id"], raw["sample_id"] = who, who + "-" + raw["day"].astype(str)
    subjects = raw.drop_duplicates("patient_id").set_index("patient_id")
    samples = pd.DataFrame(
        {
            "sample_id": raw["sample_id"],
            "patient_id": who,
            "specimen": "blood",
            "visit": "unscheduled",
            "collected_on": SURGERY + pd.to_timedelta(raw["day"], unit="D"),
        }
    )
    results = pd.concat(
        [
            pd.DataFrame({"sample_id": raw["sample_id"], "analyte": name, "value": raw[column], "unit": unit})
            for name, column, unit in (("bilirubin", "bili", "mg/dL"), ("albumin", "albumin", "g/dL"))
        ]
    )
    patients = pd.DataFrame({"patient_id": subjects.index, "surgery_on": SURGERY})
    trial = Trial.from_frames(patients=patients, samples=samples, results=results)
    return trial, subjects[["futime", "status", "age"]].rename(columns={"futime": "days"})


def landmark_rows(trial: Trial, subjects: pd.DataFrame, protocol: Protocol, landmark: float) -> pd.DataFrame:
    """Patients still followed at a landmark, with their last values and follow-up in days from the landmark."""
    values = last_values(trial, protocol, landmark, ("bilirubin", "albumin"))
    rows = subjects.join(values)
    rows["logbili"] = np.log(rows["bilirubin"])
    rows["time"] = rows["days"] - landmark * protocol.month_days
    rows["landmark"] = float(landmark)
    return rows[rows["time"] > 0].dropna(subset=list(TERMS))


def fit(rows: pd.DataFrame, event: np.ndarray, window: float, terms: tuple[str, ...]) -> StackedCox:
    """The stacked Cox model on one landmark: no penalty, no recalibration, Breslow ties as in the R answers."""
    outcome = np.zeros(len(rows), dtype=OUTCOME)
    outcome["time"] = np.minimum(rows["time"], window)
    outcome["event"] = event & (rows["time"] <= window)
    outcome["label"] = np.nan
    model = StackedCox(terms, float(rows["landmark"].iloc[0]), (window,), (0.0,), ties="breslow", recalibrate=False)
    return model.fit(rows, outcome)


def _coefficients(model: StackedCox, rows: pd.DataFrame, event: np.ndarray, window: float) -> dict[str, float]:
    state, p = model.state_, len(TERMS)
    beta = state["recurrence"] / state["scale"]
    design = rows[list(TERMS)].to_numpy()
    time = np.minimum(rows["time"], window).to_numpy()
    sets = risk_sets(time, event & (rows["time"] <= window).to_numpy(), np.zeros(len(rows)))
    errors = np.sqrt(np.diag(np.linalg.inv(information(design, sets, beta))))
    out = {f"cox_breslow.{term}.coef": beta[i] for i, term in enumerate(TERMS)}
    out |= {f"cox_breslow.{term}.se": errors[i] for i, term in enumerate(TERMS)}
    everybody = np.ones((2, len(rows)))
    fits = partial_likelihood(design, sets, everybody, np.stack([np.zeros(p), beta]))
    hazard = float(state["recurrence_hazard"].sum() * np.exp(-(state["centre"] / state["scale"]) @ state["recurrence"]))
    return out | {
        "cox_breslow.loglik_null": fits[0],
        "cox_breslow.loglik": fits[1],
        "breslow_cumhaz_at_window_uncentred": hazard,
    }


def _scores(time: np.ndarray, event: np.ndarray, risks: dict[str, np.ndarray], window: float) -> dict[str, float]:
    out: dict[str, float] = {}
    areas = {name: dynamic_auc(time, event, risk, window) for name, risk in risks.items() if name != "Null_model"}
    briers = {name: dynamic_brier(time, event, risk, window) for name, risk in risks.items()}
    for kind, scores in (("auc", areas), ("brier", briers)):
        for name, score in scores.items():
            lower, upper = score.interval()
            key = f"score.{kind}.{name}"
            out |= {f"{key}.{kind}": score.estimate, f"{key}.se": score.standard_error}
            out |= {f"{key}.lower": lower, f"{key}.upper": upper}
    delta = TimeDependent(
        areas["small"].estimate - areas["full"].estimate, areas["small"].influence - areas["full"].influence
    )
    out["score.delta_auc.small_vs_full.est"] = delta.estimate
    out["score.delta_auc.small_vs_full.p"] = 2 * norm.sf(abs(delta.estimate / delta.standard_error))
    out["hand.auc"], out["hand.brier"] = areas["full"].estimate, briers["full"].estimate
    return out


def analyse(
    rows: pd.DataFrame, codes: tuple[int, ...], window: float
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Quantities of one landmark and endpoint under the names of the R answers, and every patient's risk."""
    time, event = rows["time"].to_numpy(dtype=float), rows["status"].isin(codes).to_numpy()
    full, small = fit(rows, event, window, TERMS), fit(rows, event, window, SMALL)
    weight = kaplan_meier_weights(time, event, window)
    observed = float((weight * (event & (time <= window))).mean())
    risks = {
        "full": full.predict_proba(rows)[:, 1],
        "small": small.predict_proba(rows)[:, 1],
        "Null_model": np.full(len(rows), observed),
    }
    out = {
        "n": len(rows),
        "events_in_window": int((event & (time <= window)).sum()),
        "censored_in_window": int((~event & (time <= window)).sum()),
        "mean_age_of_value": float(rows[["bilirubin__days_before", "albumin__days_before"]].min(axis=1).mean()),
        "km_risk_all": observed,
        "mean_predicted": float(risks["full"].mean()),
    }
    return out | _coefficients(full, rows, event, window) | _scores(time, event, risks, window), risks


def competing(rows: pd.DataFrame, window: float) -> dict[str, float]:
    """Cumulative incidence of death with transplant as competing event (Aalen-Johansen through the weights)."""
    time, status = rows["time"].to_numpy(dtype=float), rows["status"].to_numpy()
    weight = kaplan_meier_weights(time, status, window)
    return {"cr.aalen_johansen_cause1_at_window": float((weight * ((status == 2) & (time <= window))).mean())}


def run(realdata: Path, reference: Path) -> pd.DataFrame:
    """Every quantity beside its R answer: landmark, analysis, quantity, ours, theirs, difference."""
    protocol = load_protocol(Path(__file__).with_name("pbcseq_protocol.toml"))
    trial, subjects = load_trial(realdata / "longitudinal_marker" / "pbcseq.csv")
    answers = pd.read_csv(reference / "ref_pbcseq_landmark.csv").set_index("quantity")["value"]
    files = {
        "death_or_tx": "pbcseq_landmark_patients.csv",
        "w60m.death_txcens": "pbcseq_landmark_patients_w60_txcens.csv",
    }
    patients = {name: pd.read_csv(reference / file) for name, file in files.items()}
    records = []
    for landmark in LANDMARKS:
        rows = landmark_rows(trial, subjects, protocol, landmark)
        found = {"death_cr": competing(rows, 24 * protocol.month_days)}
        for name, months, codes in ANALYSES:
            found[name], risks = analyse(rows, codes, months * protocol.month_days)
            if name in patients:
                theirs = patients[name].query("months == @landmark").set_index("id")
                order = theirs.reindex(rows.index.str[3:].astype(int))
                for ours, column in (("full", "risk"), ("small", "risk_small")):
                    gap = float(np.abs(risks[ours] - order[column].to_numpy()).max())
                    records.append((landmark, name, f"patient {column}", gap, 0.0))
        for name, quantities in found.items():
            for quantity, value in quantities.items():
                records.append((landmark, name, quantity, value, answers[f"lm{landmark}m.{name}.{quantity}"]))
    table = pd.DataFrame(records, columns=["landmark", "analysis", "quantity", "ours", "R"])
    return table.assign(difference=(table["ours"] - table["R"]).abs())


def main(argv: list[str] | None = None) -> int:
    """Print the table of largest differences; 1 when one is above the tolerance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--realdata", type=Path, default=default_folder("realdata"))
    parser.add_argument("--reference", type=Path, default=default_folder("reference"))
    options = parser.parse_args(argv)
    table = run(options.realdata, options.reference)
    kind = table["quantity"].str.replace("|".join(f"\\.{term}" for term in TERMS), "", regex=True)
    summary = table.groupby(kind)["difference"].agg(["count", "max"]).sort_values("max")
    print(summary.to_string(formatters={"max": "{:.1e}".format}))
    worst = table.loc[table["difference"].idxmax()]
    print(f"\n{len(table)} quantities, largest difference {worst['difference']:.1e} ", end="")
    print(f"({worst['quantity']}, {worst['analysis']}, landmark {worst['landmark']}); tolerance {TOLERANCE:g}")
    return int(not (table["difference"] <= TOLERANCE).all())


if __name__ == "__main__":
    sys.exit(main())
