"""Structural refusals: later records, unstamped tables, duplicates, a patient on both sides of a split."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.findings import Finding
from data.protocol import Protocol
from features.clock import DAY, closing_day
from features.landmark import LandmarkTable, LeakageError

AFTER_LANDMARK, NO_STAMP, NO_CLOCK, DUPLICATE, BOTH_SIDES = "L101", "L102", "L103", "L104", "L105"


def check_table(table: LandmarkTable, surgery: pd.Series | None, protocol: Protocol) -> None:
    """Refuse a landmark table that cannot prove that it ends at L(s).

    Parameters
    ----------
    table : LandmarkTable
    surgery : Series of datetime64 or None
        Day of surgery by patient (``features.clock.surgery_dates``).
    protocol : Protocol

    Raises
    ------
    LeakageError
        L101 a stamp after L(s); L102 no stamps; L103 no day of surgery to hold the stamps against; L104 a patient with
        two rows.
    """
    where = f"landmark {table.landmark:g}"
    stamps = getattr(table, "latest_used", None)
    if stamps is None or not stamps.index.equals(table.rows.index) or stamps.shape[1] == 0:
        raise LeakageError(
            Finding(
                NO_STAMP,
                "reject",
                f"{where}: the table carries no stamps of the latest record used",
                remedy="build it with features.landmark.landmark_table",
            )
        )
    twice = table.rows.index[table.rows.index.duplicated()]
    if len(twice):
        raise LeakageError(
            Finding(DUPLICATE, "reject", f"{where}: patient {twice[0]} has more than one row; one per patient is right")
        )
    if surgery is None or table.rows.index.difference(surgery.dropna().index).size:
        raise LeakageError(
            Finding(
                NO_CLOCK,
                "reject",
                f"{where}: days of surgery are missing, so L(s) cannot be checked",
                remedy="pass surgery=features.clock.surgery_dates(trial.patients)",
            )
        )
    closes = surgery.reindex(table.rows.index) + np.floor(closing_day(protocol, table.landmark)) * DAY
    late = stamps.gt(closes, axis=0)
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


def check_split(train: np.ndarray, test: np.ndarray, patients: pd.Index) -> None:
    """Refuse a split that has a patient on both sides.

    Parameters
    ----------
    train, test : ndarray of int
        Patient codes of the rows.
    patients : Index
        Identifiers by code.

    Raises
    ------
    LeakageError
        L105, naming the first patient.
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
