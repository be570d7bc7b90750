"""What a user would otherwise write: the same columns in pandas groupby-apply, tsfresh, polars and DuckDB.

Every rival has a ``load`` (untimed: files into its own native tables), a ``run`` (timed) and a ``frame`` (untimed:
its answer as a pandas frame for the comparison). A rival may rest on what the data of the benchmark promise, ours may
not: no result is below its limit, every sample lies on one plate, every landmark sample is post-operative.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.size import by_duckdb, by_polars
from benchmarks.size.data import LANDMARK
from data.protocol import Protocol
from data.trial import Trial
from features.clock import closing_day
from features.expression import delta_cq, reference_genes
from features.kinetics import KINETIC_COLUMNS, kinetics, score_rules
from features.landmark import table_at

# No rival has these: a normal quantile by number of results, the limit of the assay, words.
OURS_ALONE = ("rcv_rise", "rcv_fall", "below_limit", "kinetics_reason")
SHARED = tuple(name for name in KINETIC_COLUMNS if name not in OURS_ALONE)


@dataclass(frozen=True)
class Facts:
    """The few numbers of the protocol that the columns rest on."""

    protocol: Protocol
    month_days: float
    cutoff: float
    edges: tuple[float, ...]
    closing: float
    reference: str
    limit: float
    ln2: float = log(2)

    @classmethod
    def of(cls, protocol: Protocol) -> Facts:
        rules = score_rules(*_score(protocol), protocol)
        assert not rules.inclusive, "the rivals call a score above the cut-off positive, not one at it"
        (reference,) = reference_genes(protocol)
        closing, limit = closing_day(protocol, LANDMARK), float(protocol["expression.cq_limit"])
        return cls(protocol, protocol.month_days, rules.cutoff, rules.edges, closing, reference, limit)


@dataclass(frozen=True)
class Rival:
    """One program that computes one task: what it needs installed, how it loads, runs and shows its answer."""

    load: Callable[[Path, Facts], Any]
    run: Callable[[Any, Facts], Any]
    frame: Callable[[Any], pd.DataFrame]
    needs: str = ""

    def installed(self) -> bool:
        return not self.needs or importlib.util.find_spec(self.needs) is not None


def _score(protocol: Protocol) -> tuple[Any, str]:
    assay = protocol.assays[protocol["assay_default.version"]]
    return assay, assay.analytes[0]


# --- ours ---------------------------------------------------------------------------------------------------


def _series_ours(folder: Path, facts: Facts) -> tuple[pd.DataFrame, pd.DataFrame]:
    series, anchor = (pd.read_parquet(folder / f"{name}.parquet") for name in ("series", "anchor"))
    return series, anchor.set_index("patient_id")


def kinetics_ours(data: tuple[pd.DataFrame, pd.DataFrame], facts: Facts) -> pd.DataFrame:
    """All columns, with all checks."""
    series, anchor = data
    rules = score_rules(*_score(facts.protocol), facts.protocol)
    return kinetics(series, anchor, rules, facts.month_days, pd.Series(facts.closing, index=anchor.index))


def _wells_trial(folder: Path, facts: Facts) -> Trial:
    return Trial.from_frames(**{name: pd.read_parquet(folder / f"{name}.parquet") for name in ("wells", "verdicts")})


def _whole_trial(folder: Path, facts: Facts) -> Trial:
    return pd.read_pickle(folder / "trial.pkl")


def _table(trial: Trial, facts: Facts) -> Any:
    return table_at(trial, facts.protocol, LANDMARK)


# --- pandas groupby-apply, tsfresh --------------------------------------------------------------------------


def _post_operative(data: tuple[pd.DataFrame, pd.DataFrame]) -> pd.DataFrame:
    series, anchor = data
    rows = series.merge(anchor[["day"]].rename(columns={"day": "until"}), left_on="patient_id", right_index=True)
    return rows[(rows["day"] > 0) & (rows["day"] <= rows["until"])]


def kinetics_apply(data: tuple[pd.DataFrame, pd.DataFrame], facts: Facts) -> pd.DataFrame:
    """One patient at a time: the function a user would write first."""
    from benchmarks.size.by_apply import of_patient

    rows = _post_operative(data).groupby("patient_id")[["day", "value"]].apply(of_patient, facts)
    anchor = data[1]
    level = pd.DataFrame(
        {
            "last": anchor["value"],
            "scaled": np.log((anchor["value"] + 0.5) / (100.5 - anchor["value"])),
            "category": sum((anchor["value"] > edge).astype(float) for edge in facts.edges),
            "preop": anchor["preop"],
            "change_preop": anchor["value"] - anchor["preop"],
            "lnratio_preop": np.log((anchor["value"] + 1) / (anchor["preop"] + 1)),
            "days_to_landmark": facts.closing - anchor["day"],
        }
    )
    return level.assign(category=level["category"].where(anchor["value"].notna())).join(rows)


def dcq_apply(data: Trial, facts: Facts) -> pd.Series:
    """One sample and gene at a time: mean of the replicates, less the reference gene."""
    failed = data.verdicts[data.verdicts["verdict"].isin(["repeat", "reject"])]
    wells = data.wells
    wells = wells[(wells["task"] == "unknown") & ~wells["omit"] & ~wells["sample_id"].isin(failed["sample_id"])]
    wells = wells.astype({"sample_id": object, "target": object})
    mean = wells.groupby(["sample_id", "target"])["cq"].apply(lambda cq: cq[cq < facts.limit].mean())
    reference = mean.xs(facts.reference, level="target")
    genes = mean.drop(facts.reference, level="target")
    return genes.fillna(facts.limit) - reference.reindex(genes.index.get_level_values("sample_id")).to_numpy()


def _kinetics_tsfresh(data: tuple[pd.DataFrame, pd.DataFrame], facts: Facts) -> pd.DataFrame:
    from tsfresh import extract_features
    from tsfresh.feature_extraction import MinimalFCParameters

    return extract_features(
        _post_operative(data)[["patient_id", "day", "value"]],
        column_id="patient_id",
        column_sort="day",
        column_value="value",
        default_fc_parameters=MinimalFCParameters(),
        n_jobs=0,
        disable_progressbar=True,
    )


# --- the list -----------------------------------------------------------------------------------------------


def _by_patient(answer: Any) -> pd.DataFrame:
    return answer.to_pandas().set_index("patient_id")


def _by_gene(answer: Any) -> pd.DataFrame:
    table = answer if isinstance(answer, pd.DataFrame) else answer.to_pandas()
    return table.set_index(["sample_id", "gene"])[["dcq"]]


def _one_column(answer: pd.Series) -> pd.DataFrame:
    return answer.rename_axis(["sample_id", "gene"]).to_frame("dcq")


def _minimal(answer: pd.DataFrame) -> pd.DataFrame:
    names = {"value__mean": "mean", "value__maximum": "max", "value__minimum": "nadir", "value__length": "n_samples"}
    return answer.rename(columns=names)[list(names.values())]


RIVALS = {
    ("kinetics", "ours"): Rival(_series_ours, kinetics_ours, lambda answer: answer[list(SHARED)]),
    ("kinetics", "groupby-apply"): Rival(_series_ours, kinetics_apply, lambda answer: answer),
    ("kinetics", "tsfresh"): Rival(_series_ours, _kinetics_tsfresh, _minimal, "tsfresh"),
    ("kinetics", "polars"): Rival(by_polars.load("series", "anchor"), by_polars.kinetics, _by_patient, "polars"),
    ("kinetics", "duckdb"): Rival(
        by_duckdb.load("series", "anchor"), by_duckdb.query(by_duckdb.KINETICS), _by_patient, "duckdb"
    ),
    ("landmark", "ours"): Rival(_whole_trial, _table, lambda answer: answer.rows),
    ("genes", "ours"): Rival(_whole_trial, _table, lambda answer: answer.rows),
    ("dcq", "ours"): Rival(_wells_trial, lambda trial, facts: delta_cq(trial, facts.protocol), _by_gene),
    ("dcq", "groupby-apply"): Rival(_wells_trial, dcq_apply, _one_column),
    ("dcq", "polars"): Rival(by_polars.load("wells", "verdicts"), by_polars.dcq, _by_gene, "polars"),
    ("dcq", "duckdb"): Rival(by_duckdb.load("wells", "verdicts"), by_duckdb.query(by_duckdb.DCQ), _by_gene, "duckdb"),
}


def largest_difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> float:
    """Largest absolute difference over the columns that both have.

    Raises
    ------
    AssertionError
        When a number that one has is missing in the other; the message names the columns.
    """
    columns = [column for column in theirs.columns if column in ours.columns]
    assert columns, "no column in common"
    # Ours keeps a row for patients without any result; a rival may have none.
    mine = ours[columns].dropna(how="all").astype("float64")
    other = theirs[columns].astype("float64").dropna(how="all")
    assert len(mine) == len(other) and mine.index.isin(other.index).all(), "not the same patients"
    other = other.reindex(mine.index)
    uneven = mine.columns[(mine.isna() != other.isna()).any()]
    assert not len(uneven), f"not the same numbers are missing: {', '.join(uneven)}"
    return float(np.nanmax(np.abs(mine.to_numpy() - other.to_numpy()), initial=0.0))
