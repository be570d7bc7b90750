"""Results as measurements: canonical units, values beyond a limit, and which the laboratory stands by."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.findings import Finding, Refused
from data.protocol import Protocol
from data.trial import Trial
from features.clock import days_from, origin_dates, surgery_dates

FAILED_VERDICTS = ("repeat", "reject")
SAMPLE_COLUMNS = ["sample_id", "patient_id", "specimen", "visit", "collected_on", "ssa", "day", "since_surgery"]
OF_SAMPLE = ["sample_id", "patient_id", "specimen", "collected_on", "day", "since_surgery"]
BELOW_LIMIT = 1 / np.sqrt(2)


def sample_days(trial: Trial, protocol: Protocol) -> pd.DataFrame:
    """Samples with the day of collection counted from time zero and from surgery.

    Returns
    -------
    DataFrame
        ``sample_id, patient_id, specimen, visit, collected_on, ssa, day`` (from ``clock.origin``)``,
        since_surgery`` (days; counted from time zero, too, where no day of surgery is known), by patient, day and
        sample; samples without a date or of unknown patients are left out.
    """
    who, on = trial.samples["patient_id"], trial.samples["collected_on"]
    day = days_from(who, on, origin_dates(trial, protocol))
    since_surgery = days_from(who, on, surgery_dates(trial.patients))
    samples = trial.samples.assign(day=day, since_surgery=since_surgery.where(since_surgery.notna(), day))
    return in_order(samples.loc[samples["day"].notna(), SAMPLE_COLUMNS], ["patient_id", "day", "sample_id"])


def _is_ordered(frame: pd.DataFrame, columns: list[str]) -> bool:
    tied = np.ones(max(len(frame) - 1, 0), dtype=bool)
    for column in columns:
        values = frame[column].to_numpy()
        if pd.isna(values).any():
            return False
        if (tied & (values[1:] < values[:-1])).any():
            return False
        tied &= values[1:] == values[:-1]
    return True


def in_order(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Rows by some columns, with a fresh index; rows that already lie so (most deliveries) are not sorted again."""
    if _is_ordered(frame, columns):
        return frame.reset_index(drop=True)
    return frame.sort_values(columns, ignore_index=True)


def _by_analyte(merged: pd.DataFrame) -> pd.DataFrame:
    """Rows that lie by patient, day and sample, by analyte within each sample."""
    keys = [merged[name].to_numpy() for name in ("patient_id", "day", "sample_id")]
    begins = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    number = np.append(0, np.cumsum(begins))[: len(merged)]
    code, names = pd.factorize(merged["analyte"], sort=True)
    # A number for sample and analyte; rows without an analyte come last.
    key = number * (len(names) + 1) + np.where(code < 0, len(names), code)
    if (key[1:] >= key[:-1]).all():
        return merged
    ordered = merged.take(np.argsort(key, kind="stable"))
    ordered.index = merged.index
    return ordered


def unit_factors(results: pd.DataFrame, protocol: Protocol) -> pd.Series:
    """Factor that brings each value to the canonical unit of its analyte.

    An analyte that the protocol does not list is taken as it comes (factor 1).

    Raises
    ------
    Refused
        D180, naming sample, analyte and unit, when the protocol lists the analyte but cannot convert the
        unit.
    """
    factors = {
        (name, unit): factor for name, analyte in protocol.analytes.items() for unit, factor in analyte.units.items()
    }
    listed = results["analyte"].isin(list(protocol.analytes))
    (analyte, names), (unit, units) = (pd.factorize(results[key], use_na_sentinel=False) for key in ("analyte", "unit"))
    known = np.array([[factors.get((name, by), np.nan) for by in units] for name in names], dtype="float64")
    found = pd.Series(known.reshape(len(names), len(units))[analyte, unit], index=results.index).where(listed, 1.0)
    bad = results[found.isna()].drop_duplicates(["analyte", "unit"])
    if len(bad):
        raise Refused([_unit_finding(row, protocol) for row in bad.to_dict("records")])
    return found


def _unit_finding(row: dict, protocol: Protocol) -> Finding:
    analyte = protocol.analytes[row["analyte"]]
    return Finding(
        "D180",
        "reject",
        f"{analyte.name} in {row['unit']!r} cannot be converted to {analyte.unit}",
        file="results",
        column="unit",
        sample=row["sample_id"],
        remedy=f"use one of {', '.join(analyte.units)}",
    )


def measurements(trial: Trial, protocol: Protocol, samples: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every result beside the sample it was measured in.

    A result belongs to the day its sample was collected, however long the laboratory took.

    A result is valid when it has a value, the laboratory did not withdraw it (``qc``), and, for a NETest
    score, the verdict on its plate is not repeat or reject. A value below the limit of the assay (comparator
    ``<``) is left-censored and replaced by limit / sqrt(2) (Hornung and Reed 1990); one above (``>``) keeps
    the limit.

    Parameters
    ----------
    trial : Trial
    protocol : Protocol
    samples : DataFrame, optional
        :func:`sample_days` of the same trial, when the caller has it already.

    Returns
    -------
    DataFrame
        ``sample_id, patient_id, specimen, collected_on, day, since_surgery, analyte, value`` (canonical
        unit)``, comparator, censored, above, version, plate, lot, valid``, by patient, day, sample and analyte.

    Raises
    ------
    Refused
        When a unit cannot be converted (see :func:`unit_factors`).
    """
    results = trial.results
    below = results["comparator"] == "<"
    value = results["value"] * unit_factors(results, protocol)
    table = pd.DataFrame(
        {
            "sample_id": results["sample_id"],
            "analyte": results["analyte"],
            "value": value.where(~below, value * BELOW_LIMIT),
            "comparator": results["comparator"].fillna("="),
            "censored": below,
            "above": results["comparator"] == ">",
            "version": results["version"],
            "plate": results["plate"],
            "lot": results["lot"],
            "valid": value.notna() & (results["qc"] != "fail") & ~_failed_plate(trial, protocol),
        }
    )
    samples = sample_days(trial, protocol) if samples is None else samples
    return _by_analyte(samples[OF_SAMPLE].merge(table, on="sample_id", how="inner"))


def _failed_plate(trial: Trial, protocol: Protocol) -> pd.Series:
    """Results of a NETest score whose own plate was judged repeat or reject for that sample."""
    failed = trial.verdicts[trial.verdicts["verdict"].isin(FAILED_VERDICTS)]
    scores = {name for assay in protocol.assays.values() for name in assay.analytes}
    results = trial.results
    if failed.empty:
        return pd.Series(False, index=results.index)
    own = pd.MultiIndex.from_frame(results[["plate", "sample_id"]]).isin(
        pd.MultiIndex.from_frame(failed[["plate", "sample_id"]])
    )
    return pd.Series(own, index=results.index) & results["analyte"].isin(scores)
