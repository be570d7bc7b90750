"""Structural refusals: later records, unstamped or altered tables, other risk sets, a patient on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from data.findings import Finding
from data.protocol import Protocol
from features.clock import DAY, closing_day
from features.landmark import (
    AFTER_LANDMARK,
    MIXED_VERSIONS,
    NO_STAMP,
    LandmarkTable,
    LeakageError,
    frame_digest,
    without_stamp,
)
from features.registry import FEATURES
from models.estimators.base import RiskModel

NO_CLOCK, DUPLICATE, BOTH_SIDES = "L103", "L104", "L105"
UNKNOWN_COLUMN, ALTERED, RISK_SET = "L106", "L107", "L108"
CHOSEN_BEFORE = "L110"
# Settings that only an earlier fit knows.
CHOSEN = ("penalty", "configuration")


def check_table(table: LandmarkTable, origin: pd.Series | None, protocol: Protocol) -> None:
    """Refuse a landmark table that cannot prove that it ends at L(s).

    Parameters
    ----------
    table : LandmarkTable
    origin : Series of datetime64 or None
        Time zero by patient (``features.clock.origin_dates``).
    protocol : Protocol

    Raises
    ------
    LeakageError
        L101 a stamp after L(s); L102 no stamps, or none for a column (named), or one that is no date; L103 no time zero
        to hold the stamps against; L104 a patient with two rows; L106 a column that the data dictionary does not know;
        L107 rows that are not those that were stamped.
    """
    where = f"landmark {table.landmark:g}"
    stamps = getattr(table, "latest_used", None)
    if stamps is None or not stamps.index.equals(table.rows.index) or stamps.shape[1] == 0:
        raise LeakageError(
            Finding(
                NO_STAMP,
                "reject",
                f"{where}: the table carries no stamps of the latest record used",
                remedy="build it with features.landmark.table_at",
            )
        )
    twice = table.rows.index[table.rows.index.duplicated()]
    if len(twice):
        raise LeakageError(
            Finding(DUPLICATE, "reject", f"{where}: patient {twice[0]} has more than one row; one per patient is right")
        )
    if origin is None or table.rows.index.difference(origin.dropna().index).size:
        raise LeakageError(
            Finding(
                NO_CLOCK,
                "reject",
                f"{where}: days of time zero are missing, so L(s) cannot be checked",
                remedy="pass origin=features.clock.origin_dates(trial, protocol)",
            )
        )
    _check_content(table, where)
    closes = origin.reindex(table.rows.index) + np.floor(closing_day(protocol, table.landmark)) * DAY
    late = stamps.select_dtypes("datetime").gt(closes, axis=0)
    if late.to_numpy().any():
        patient = late.index[late.any(axis=1)][0]
        source = late.columns[late.loc[patient]][0]
        raise LeakageError(
            Finding(
                AFTER_LANDMARK,
                "reject",
                f"{where}: patient {patient}: a {source} record of {stamps.loc[patient, source].date()} was used, "
                f"the landmark closed on {closes[patient].date()}",
                remedy="build the table from data dated up to the landmark",
            )
        )


def _check_content(table: LandmarkTable, where: str) -> None:
    """Columns are those of the dictionary, each is dated, and the rows are those that the table was built with."""
    strange = [str(column) for column in table.rows.columns if column not in FEATURES]
    if strange:
        raise LeakageError(
            Finding(
                UNKNOWN_COLUMN,
                "reject",
                f"{where}: column {strange[0]!r} is not in the data dictionary, so nothing says what it looks at "
                f"({len(strange)} such columns)",
                remedy="add it to features.registry with its formula and look-back, or leave it out",
            )
        )
    bare = without_stamp(table.rows.columns, table.latest_used)
    if bare is not None:
        raise LeakageError(replace(bare, message=f"{where}: {bare.message}"))
    if table.digest != frame_digest(table.rows, float(table.landmark)):
        raise LeakageError(
            Finding(
                ALTERED,
                "reject",
                f"{where}: the rows were changed after the table was built and stamped",
                remedy="build it with features.landmark.table_at; correct records, not tables",
            )
        )


def check_risk_set(table: LandmarkTable, at_risk: pd.Index) -> None:
    """Refuse labels of another risk set than the one that was known when the landmark closed.

    Landmark 0 is not checked: its risk set starts at randomisation, which may be later than L(0).

    Raises
    ------
    LeakageError
        L108, naming the first patient: somebody was removed (or added) for what became known later.
    """
    other = table.rows.index.symmetric_difference(at_risk)
    if table.landmark > 0 and len(other):
        side = "labels" if other[0] in table.rows.index else "landmark table"
        raise LeakageError(
            Finding(
                RISK_SET,
                "reject",
                f"landmark {table.landmark:g}: patient {other[0]} is missing from the {side} ({len(other)} patients "
                "differ); nobody joins or leaves a risk set after the fact",
                remedy="build tables and outcome from the same trial",
            )
        )


def check_one_version(tables: list[LandmarkTable]) -> None:
    """Refuse a stack of landmark tables whose blood scores are of different versions.

    Raises
    ------
    LeakageError
        L111.
    """
    versions = sorted({table.version for table in tables})
    if len(versions) > 1:
        raise LeakageError(
            Finding(
                MIXED_VERSIONS,
                "reject",
                f"NETest versions are mixed across landmarks: {', '.join(versions)}; they are not interchangeable",
                remedy="keep one version per analysis",
            )
        )


def check_unfitted(models: Mapping[str, RiskModel]) -> None:
    """Refuse models that already learnt, or were tuned, before the folds that are to judge them.

    Raises
    ------
    LeakageError
        L110, naming the first model.
    """
    for name, model in models.items():
        fitted, inner = hasattr(model, "state_"), getattr(model, "inner", model)
        chosen = next((what for what in CHOSEN if getattr(inner, what, None) is not None), "")
        if fitted or chosen:
            raise LeakageError(
                Finding(
                    CHOSEN_BEFORE,
                    "reject",
                    f"{name} was {'fitted' if fitted else f'given its {chosen}'} before it is cross-validated, perhaps "
                    "on the patients that are to judge it",
                    remedy="pass it as models.estimators.specification.build gives it; choose inside the folds",
                )
            )


def check_split(train: np.ndarray, test: np.ndarray, patients: pd.Index, site: np.ndarray | None = None) -> None:
    """Refuse a split that has a patient, or where sites are blocked a site, on both sides.

    Parameters
    ----------
    train, test : ndarray of int
        Patient codes of the rows.
    patients : Index
        Identifiers by code.
    site : ndarray of str, optional
        Site by code, when whole sites are to be left out.

    Raises
    ------
    LeakageError
        L105, naming the first patient or site.
    """
    both = np.intersect1d(train, test)
    if len(both):
        raise LeakageError(
            Finding(
                BOTH_SIDES,
                "reject",
                f"patient {patients[both[0]]} is in training and test ({len(both)} patients are)",
                remedy="split by patient, all landmarks of a patient together",
            )
        )
    shared = [] if site is None else sorted(set(site[train]) & set(site[test]))
    if shared:
        raise LeakageError(
            Finding(
                BOTH_SIDES,
                "reject",
                f"site {shared[0]} is in training and test ({len(shared)} sites are)",
                remedy="leave whole sites out, all patients of a site together",
            )
        )
