"""Trials of any size for the size benchmark: drawn in one go, whole arrays at a time, from a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.landmark.window import latest_in, sample_window, valid_results
from features.measurements import measurements

VISITS = {"preop": -10.0, "m6": 183.0, "m12": 365.0, "m36": 1096.0}
LANDMARK = 36.0
GENES, REPLICATES = 51, 3
MISSING = 0.1
FIRST_DAY = np.datetime64("2015-01-05", "ns")
SCAN_MONTHS = (6, 12, 24, 36)
SCORES_A_PLATE, SAMPLES_A_QPCR_PLATE = 40, 2


def _days(days: np.ndarray) -> np.ndarray:
    return np.rint(days).astype("timedelta64[D]")


def _patients(rng: np.random.Generator, n: int) -> pd.DataFrame:
    surgery = FIRST_DAY + _days(rng.integers(0, 1000, n))
    return pd.DataFrame(
        {
            "patient_id": [f"P{i:07d}" for i in range(n)],
            "site": rng.choice(["C1", "C2", "C3"], n),
            "sex": rng.choice(["F", "M"], n),
            "birth_year": rng.integers(1940, 1985, n),
            "surgery_on": surgery,
            "randomised_on": surgery + _days(np.full(n, 45)),
            "arm": rng.choice(["control", "prrt"], n),
            "primary_site": "ileum",
            "grade": rng.choice(["G1", "G2"], n),
            "margin": "R0",
            "ki67_pct": rng.integers(1, 20, n),
        }
    )


def _samples(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    """Four visits, blood and urine at each, some days off; a tenth was never collected."""
    n, visits = len(patients), len(VISITS)
    row = np.repeat(np.arange(n), visits * 2)
    visit = np.tile(np.repeat(np.arange(visits), 2), n)
    off = np.repeat(rng.integers(-9, 10, n * visits), 2)
    who = patients["patient_id"].to_numpy()[row]
    specimen = np.tile(np.array(["blood", "urine"], dtype=object), n * visits)
    name = np.array(list(VISITS), dtype=object)[visit]
    samples = pd.DataFrame(
        {
            "sample_id": pd.Series(who) + "-" + name + "-" + specimen,
            "patient_id": who,
            "specimen": specimen,
            "visit": name,
            "collected_on": patients["surgery_on"].to_numpy()[row] + _days(np.array([*VISITS.values()])[visit] + off),
            "ssa": rng.choice(["yes", "no"], len(row)),
        }
    )
    return samples[rng.random(len(row)) >= MISSING].reset_index(drop=True)


def _results(rng: np.random.Generator, samples: pd.DataFrame) -> pd.DataFrame:
    """Two analytes a specimen: the score and CgA in blood, 5-HIAA and creatinine in urine."""
    blood = (samples["specimen"] == "blood").to_numpy()
    kinds = [
        (blood, "netest_activity", "score", "1.0", lambda m: np.round(rng.beta(1.2, 2.5, m) * 100, 1)),
        (blood, "cga", "ng/mL", "kit-a", lambda m: np.round(rng.lognormal(4.5, 0.6, m), 1)),
        (~blood, "5hiaa", "umol/L", "spot", lambda m: np.round(rng.lognormal(3.2, 0.5, m), 1)),
        (~blood, "creatinine", "mmol/L", "spot", lambda m: np.round(rng.lognormal(2.2, 0.3, m), 2)),
    ]
    frames = [
        pd.DataFrame(
            {
                "sample_id": samples["sample_id"][of].to_numpy(),
                "analyte": analyte,
                "value": draw(int(of.sum())),
                "unit": unit,
                "comparator": "=",
                "version": version,
            }
        )
        for of, analyte, unit, version, draw in kinds
    ]
    # The laboratory runs samples as they come: a plate holds scores of many patients.
    frames[0]["plate"] = [f"N{i // SCORES_A_PLATE:06d}" for i in range(len(frames[0]))]
    return pd.concat(frames, ignore_index=True)


def _controls(rng: np.random.Generator, results: pd.DataFrame) -> pd.DataFrame:
    """A low and a high control on every plate of scores."""
    plates = results["plate"].dropna().unique()
    nominal = np.tile([20.0, 60.0], len(plates))
    return pd.DataFrame(
        {
            "plate": np.repeat(plates, 2),
            "control": np.tile(["LOW", "HIGH"], len(plates)),
            "nominal": nominal,
            "value": np.round(nominal + rng.normal(0, 2, len(nominal)), 1),
            "unit": "score",
            "version": "1.0",
        }
    )


def _imaging(rng: np.random.Generator, patients: pd.DataFrame) -> pd.DataFrame:
    n, scans = len(patients), len(SCAN_MONTHS)
    row, month = np.repeat(np.arange(n), scans), np.tile(np.array(SCAN_MONTHS, dtype=float), n)
    return pd.DataFrame(
        {
            "patient_id": patients["patient_id"].to_numpy()[row],
            "scan_on": patients["surgery_on"].to_numpy()[row] + _days(month * 30.4375),
            "modality": "mri",
            "adequate": "yes",
            "finding": rng.choice(["clear", "equivocal", "recurrence"], n * scans, p=[0.9, 0.05, 0.05]),
            "scheduled_month": month,
        }
    )


def make_trial(n: int, seed: int = 1) -> Trial:
    """A trial of n patients with four visits and two specimens, without wells.

    Parameters
    ----------
    n : int
        Patients.
    seed : int

    Returns
    -------
    Trial
    """
    rng = np.random.default_rng(seed)
    patients = _patients(rng, n)
    samples = _samples(rng, patients)
    results = _results(rng, samples)
    followup = pd.DataFrame(
        {
            "patient_id": patients["patient_id"],
            "last_seen_on": patients["surgery_on"] + pd.Timedelta(days=1500),
            "status": "alive",
        }
    )
    return Trial.from_frames(
        patients=patients,
        samples=samples,
        results=results,
        controls=_controls(rng, results),
        imaging=_imaging(rng, patients),
        followup=followup,
    )


def make_wells(samples: np.ndarray, protocol: Protocol, seed: int = 1) -> dict[str, pd.DataFrame]:
    """Wells and verdicts of some samples: 51 genes in triplicate, a tenth without a Cq.

    Parameters
    ----------
    samples : ndarray of str
        Names; two share a plate.
    protocol : Protocol
    seed : int

    Returns
    -------
    dict of DataFrame
        ``wells`` and ``verdicts``, for ``Trial.from_frames``.
    """
    rng, n = np.random.default_rng(seed), len(samples)
    assay = protocol.assays[protocol["assay_default.version"]]
    others = [gene for gene in protocol.panel.genes if gene != assay.reference_gene]
    genes = np.array([assay.reference_gene, *others][:GENES], dtype=object)
    per_sample = len(genes) * REPLICATES
    plates = np.array([f"PL{i // SAMPLES_A_QPCR_PLATE:07d}" for i in range(n)], dtype=object)
    size = n * per_sample
    empty = rng.random(size) < MISSING
    wells = pd.DataFrame(
        {
            "plate": np.repeat(plates, per_sample),
            "sample_id": np.repeat(np.asarray(samples, dtype=object), per_sample),
            "target": np.tile(np.repeat(genes, REPLICATES), n),
            "task": "unknown",
            "cq": np.where(empty, np.nan, np.round(rng.normal(28.0, 2.5, size), 3)),
            "state": np.where(empty, "undetermined", "value"),
            "omit": False,
        }
    )
    return {"wells": wells, "verdicts": pd.DataFrame({"plate": plates, "sample_id": samples, "verdict": "accept"})}


def make_expression(n: int, protocol: Protocol, seed: int = 1) -> Trial:
    """One sample of each of n patients, as wells only."""
    return Trial.from_frames(**make_wells(np.array([f"S{i:07d}" for i in range(n)], dtype=object), protocol, seed))


def with_wells(trial: Trial, protocol: Protocol) -> Trial:
    """The same trial with wells of every blood sample of the last visit."""
    samples = trial.samples
    last = samples.loc[(samples["specimen"] == "blood") & (samples["visit"] == [*VISITS][-1]), "sample_id"]
    return trial.replace(
        **Trial.from_frames(**make_wells(last.to_numpy(), protocol)).tables()
        | {name: table for name, table in trial.tables().items() if name not in ("wells", "verdicts")}
    )


def kinetics_input(trial: Trial, protocol: Protocol) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Blood scores of every patient, and the landmark samples, as :func:`features.kinetics.kinetics` takes them."""
    blood = measurements(trial, protocol)
    score = protocol.assays[protocol["assay_default.version"]].analytes[0]
    series = valid_results(blood[blood["specimen"] == "blood"], score)
    index = pd.Index(trial.patients["patient_id"], name="patient_id")
    anchor = latest_in(series, sample_window(protocol, LANDMARK)).reindex(index)
    preop = latest_in(series, sample_window(protocol, 0))["value"].reindex(index)
    anchor = pd.DataFrame({"day": anchor["since_surgery"], "value": anchor["value"], "preop": preop})
    series = series.assign(day=series["since_surgery"])[["patient_id", "day", "value"]]
    return series.reset_index(drop=True), anchor
