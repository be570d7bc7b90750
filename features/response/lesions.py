"""Lesions followed from the baseline: which they are, and what is known of each at every assessment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.findings import Finding
from data.protocol import Protocol

ASSESSMENT = ["patient_id", "scan_on"]
TARGET, NON_TARGET, NEW = "target", "non_target", "new"
GONE, TOO_SMALL, PROGRESSED, EQUIVOCAL, UNKNOWN = "absent", "too_small", "progressed", "equivocal", "not_evaluable"
SEEN = ("measured", TOO_SMALL, "present", PROGRESSED)


def baseline_days(lesions: pd.DataFrame, origin: pd.Series | None = None) -> pd.Series:
    """Day of the baseline assessment by patient: the last one on or before the origin, else the first.

    Parameters
    ----------
    lesions : DataFrame
        ``patient_id``, ``scan_on``.
    origin : Series of datetime, optional
        Time zero by patient. Without it (or without a day for a patient) the first assessment is the baseline.

    Returns
    -------
    Series of datetime64[ns]
        Indexed by ``patient_id``.
    """
    days = lesions[ASSESSMENT].drop_duplicates()
    first = days.groupby("patient_id")["scan_on"].min()
    if origin is None:
        return first.rename("baseline_on")
    start = pd.to_datetime(days["patient_id"].map(origin))
    before = days[days["scan_on"] <= start].groupby("patient_id")["scan_on"].max()
    return before.reindex(first.index).fillna(first).rename("baseline_on")


def with_length(lesions: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """The lesions with ``length_mm``, the diameter that counts, and ``clear``, whether the lesion counts as gone.

    Absent is 0; too small to measure is the measured value where there is one, else ``response.too_small_mm``; not
    evaluable is missing. A node is clear below ``response.node_normal_mm`` (short axis), another lesion at 0 or when
    absent. Lesions that are only described (present, progressed, equivocal) keep a missing length. RECIST 1.1.
    """
    length = lesions["diameter_mm"].astype("float64")
    small = lesions["state"].eq(TOO_SMALL) & length.isna()
    length = length.mask(small, float(protocol["response.too_small_mm"]))
    length = length.mask(lesions["state"].eq(GONE), 0.0).mask(lesions["state"].eq(UNKNOWN))
    node = lesions["node"].isin(["yes", True])
    limit = np.where(node, float(protocol["response.node_normal_mm"]), 0.0)
    clear = length.eq(0) | (length.notna() & length.lt(limit))
    return lesions.assign(length_mm=length, clear=clear)


def follow(lesions: pd.DataFrame, baseline: pd.Series) -> pd.DataFrame:
    """Every lesion of the baseline at every later assessment of its patient, whether it was read there or not.

    Parameters
    ----------
    lesions : DataFrame
        From :func:`with_length`.
    baseline : Series
        From :func:`baseline_days`.

    Returns
    -------
    DataFrame
        ``patient_id, scan_on, lesion, role, node, state, length_mm, clear``: target and non-target lesions only; a
        lesion without a row at an assessment is ``not_evaluable`` there. Roles are those of the baseline.
    """
    at = lesions["scan_on"].to_numpy() == lesions["patient_id"].map(baseline).to_numpy()
    later = lesions["scan_on"].to_numpy() > lesions["patient_id"].map(baseline).to_numpy()
    kept = lesions.loc[at & lesions["role"].isin([TARGET, NON_TARGET]), ["patient_id", "lesion", "role", "node"]]
    grid = lesions.loc[later, ASSESSMENT].drop_duplicates().merge(kept, on="patient_id")
    seen = lesions.loc[later, [*ASSESSMENT, "lesion", "state", "length_mm", "clear"]]
    table = grid.merge(seen, on=[*ASSESSMENT, "lesion"], how="left")
    table["state"] = table["state"].fillna(UNKNOWN)
    table["clear"] = table["clear"].eq(True)
    return table


def check_targets(lesions: pd.DataFrame, protocol: Protocol, origin: pd.Series | None = None) -> list[Finding]:
    """What is wrong with the choice of target lesions, one line for each patient and rule.

    More than ``response.targets_max`` target lesions, more than ``response.targets_per_organ`` in one organ (all
    nodes are one organ), a target lesion below the measurable size (``response.measurable_mm``, nodes
    ``response.node_measurable_mm`` short axis), and target or non-target lesions that appear after the baseline
    without having been there: these are not followed. Source: RECIST 1.1.

    Returns
    -------
    list of Finding
        Severity ``warn``: the assessment goes on with the lesions as delivered.
    """
    baseline = baseline_days(lesions, origin)
    day = lesions["patient_id"].map(baseline)
    table = with_length(lesions, protocol)
    first = table[table["scan_on"].eq(day) & table["role"].eq(TARGET)]
    return [
        *_too_many(first, protocol),
        *_too_small(first, protocol),
        *_late(table, day),
    ]


def _too_many(first: pd.DataFrame, protocol: Protocol) -> list[Finding]:
    most, each = int(protocol["response.targets_max"]), int(protocol["response.targets_per_organ"])
    total = first.groupby("patient_id").size()
    organ = first["organ"].astype("object").mask(first["node"].isin(["yes", True]), "lymph nodes")
    shared = first.groupby(["patient_id", organ.rename("organ")]).size()
    return [
        Finding("C301", "warn", f"patient {who}: {n} target lesions at baseline", remedy=f"follow at most {most}")
        for who, n in total[total > most].items()
    ] + [
        Finding(
            "C302",
            "warn",
            f"patient {row.patient_id}: {row.n} target lesions in {row.organ}",
            remedy=f"follow at most {each} in one organ",
        )
        for row in shared[shared > each].reset_index(name="n").itertuples()
    ]


def _too_small(first: pd.DataFrame, protocol: Protocol) -> list[Finding]:
    node = first["node"].isin(["yes", True])
    limit = node.map(
        {True: float(protocol["response.node_measurable_mm"]), False: float(protocol["response.measurable_mm"])}
    )
    sized = first.assign(limit=limit)
    small = sized[sized["length_mm"] < sized["limit"]]
    return [
        Finding(
            "C303",
            "warn",
            f"patient {row.patient_id}: target lesion {row.lesion} measures {row.length_mm:g} mm at baseline",
            remedy=f"below {row.limit:g} mm it is a non-target lesion",
        )
        for row in small.itertuples()
    ]


def _late(table: pd.DataFrame, day: pd.Series) -> list[Finding]:
    followed = table["role"].isin([TARGET, NON_TARGET])
    key = ["patient_id", "lesion"]
    known = pd.MultiIndex.from_frame(table.loc[followed & table["scan_on"].eq(day), key])
    late = table[followed & (table["scan_on"] > day)].drop_duplicates(key)
    late = late[~pd.MultiIndex.from_frame(late[key]).isin(known)]
    return [
        Finding(
            "C304",
            "warn",
            f"patient {row.patient_id}: {row.role} lesion {row.lesion} on {row.scan_on:%Y-%m-%d} is not in the "
            "baseline and is not followed",
            remedy="add it to the baseline, or send it as a new lesion",
        )
        for row in late.itertuples()
    ]
