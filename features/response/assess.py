"""Assessments of measured disease: from the rows of the lesions to one response for each patient and day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.response.lesions import (
    ASSESSMENT,
    EQUIVOCAL,
    GONE,
    NEW,
    NON_TARGET,
    PROGRESSED,
    SEEN,
    TARGET,
    UNKNOWN,
    baseline_days,
    follow,
    with_length,
)
from features.response.rules import (
    COMPLETE,
    MICROMETRES,
    NEITHER,
    NOT_EVALUABLE,
    PROGRESSION,
    micrometres,
    overall_response,
    target_response,
)

COLUMNS = [
    "patient_id",
    "scan_on",
    "origin_on",
    "sum_mm",
    "baseline_mm",
    "nadir_mm",
    "change_from_baseline",
    "change_from_nadir",
    "target",
    "non_target",
    "new_lesion",
    "equivocal",
    "overall",
    "reason",
]


def assess(lesions: pd.DataFrame, protocol: Protocol, origin: pd.Series | None = None) -> pd.DataFrame:
    """Response at every assessment after the baseline by RECIST 1.1.

    Parameters
    ----------
    lesions : DataFrame
        Rows of the delivery table ``lesions``: ``patient_id, scan_on, lesion, role, organ, node, diameter_mm, state``.
        The rows of one patient and day are one assessment.
    protocol : Protocol
        Thresholds, records ``response.*``.
    origin : Series of datetime, optional
        Time zero by patient. The baseline is the last assessment on or before it, else the first assessment.

    Returns
    -------
    DataFrame
        One row for each patient and later assessment, in order: ``origin_on`` (time zero, else the baseline day),
        ``sum_mm`` (what was measured), ``baseline_mm``, ``nadir_mm`` (smallest complete sum before this assessment,
        baseline included), the changes in per cent (missing above 0), the responses ``target`` and ``non_target``
        (empty without such lesions), ``new_lesion`` and ``equivocal`` (bool), ``overall``, and in ``reason`` what
        made a progression: ``target``, ``non-target``, ``new lesion``, ``reappearance``, joined by ``+``.

    Notes
    -----
    A target lesion that was not read makes the targets NE, unless the others already exceed the nadir as required.
    A missing lesion never lowers the nadir. After a complete response of every lesion, the return of one is
    progression (target nodes: only by the rule of the sum). An equivocal new lesion is not progression. Tumour
    markers are no part of it. Source: RECIST 1.1 and the EORTC clarifications.

    Raises
    ------
    ValueError
        A lesion that is there twice on one day of a patient (two readers), or has no day.
    """
    _check_one_reading(lesions)
    rows = with_length(lesions, protocol)
    baseline = baseline_days(rows, origin)
    later = rows["scan_on"].to_numpy() > rows["patient_id"].map(baseline).to_numpy()
    table = rows.loc[later, ASSESSMENT].drop_duplicates().sort_values(ASSESSMENT, ignore_index=True)
    followed = follow(rows, baseline)
    table = _targets(table, rows, followed[followed["role"].eq(TARGET)], baseline, protocol)
    table = _non_targets(table, followed[followed["role"].eq(NON_TARGET)])
    table = _new(table, rows[later & rows["role"].eq(NEW)])
    table = _combined(table, followed)
    start = table["patient_id"].map(baseline)
    table["origin_on"] = start if origin is None else pd.to_datetime(table["patient_id"].map(origin)).fillna(start)
    return table[COLUMNS]


def _check_one_reading(lesions: pd.DataFrame) -> None:
    """Sums would count a lesion twice, and a row without a day belongs to no assessment."""
    undated = lesions[lesions["scan_on"].isna()]
    if len(undated):
        row = undated.iloc[0]
        raise ValueError(f"patient {row['patient_id']}: lesion {row['lesion']} has no day; give scan_on")
    twice = lesions[lesions.duplicated([*ASSESSMENT, "lesion"])]
    if len(twice):
        row = twice.iloc[0]
        raise ValueError(
            f"patient {row['patient_id']}: lesion {row['lesion']} is there twice on {row['scan_on']:%Y-%m-%d}; "
            "assess one reader at a time"
        )


def _joined(table: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    return table.merge(parts.reset_index(), on=ASSESSMENT, how="left")


def nadirs(table: pd.DataFrame, by: str | list[str] = "patient_id") -> pd.Series:
    """Smallest complete sum before each assessment, baseline included (mm).

    Parameters
    ----------
    table : DataFrame
        In order of time within ``by``: ``sum_mm``, ``baseline_mm``, ``complete`` (bool).
    by : str or list of str
        Whose sums belong together: the patient, or patient and reader.
    """
    complete = table["sum_mm"].where(table["complete"])
    keys = [table[name] for name in ([by] if isinstance(by, str) else by)]
    smallest = complete.groupby(keys, sort=False, dropna=False).cummin()
    smallest = smallest.groupby(keys, sort=False, dropna=False).ffill()
    before = smallest.groupby(keys, sort=False, dropna=False).shift()
    return pd.Series(np.fmin(before, table["baseline_mm"]), index=table.index).where(table["baseline_mm"].notna())


def _sums(lesions: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    parts = lesions.assign(um=micrometres(lesions["length_mm"]), read=lesions["length_mm"].notna())
    return parts.groupby(by).agg(
        um=("um", "sum"), complete=("read", "all"), some=("read", "any"), cleared=("clear", "all")
    )


def _targets(
    table: pd.DataFrame, rows: pd.DataFrame, followed: pd.DataFrame, baseline: pd.Series, protocol: Protocol
) -> pd.DataFrame:
    """Sums of the target lesions, their nadir and the response."""
    first = rows[rows["scan_on"].eq(rows["patient_id"].map(baseline)) & rows["role"].eq(TARGET)]
    table = _joined(table, _sums(followed, ASSESSMENT))
    begin = _sums(first, ["patient_id"])
    start = (begin["um"] / MICROMETRES).where(begin["complete"])
    has = table["um"].notna()
    for name in ("complete", "some", "cleared"):
        table[name] = table[name].eq(True)
    table["sum_mm"] = (table["um"] / MICROMETRES).where(table["some"])
    table["baseline_mm"] = table["patient_id"].map(start)
    table["nadir_mm"] = nadirs(table)
    for name, reference in (("change_from_baseline", "baseline_mm"), ("change_from_nadir", "nadir_mm")):
        table[name] = 100 * (table["sum_mm"] / table[reference].where(table[reference] > 0) - 1)
    table["target"] = target_response(table, protocol).where(has, "")
    return table


def _non_targets(table: pd.DataFrame, followed: pd.DataFrame) -> pd.DataFrame:
    """Response of the non-target lesions: one unequivocal progression decides, then a lesion that was not read."""
    parts = followed.assign(
        progressed=followed["state"].eq(PROGRESSED),
        unread=followed["state"].eq(UNKNOWN),
        gone=followed["clear"] | followed["state"].eq(GONE),
    )
    parts = parts.groupby(ASSESSMENT).agg(
        progressed=("progressed", "any"), unread=("unread", "any"), gone=("gone", "all")
    )
    choices = [PROGRESSION, NOT_EVALUABLE, COMPLETE]
    response = np.select([parts["progressed"], parts["unread"], parts["gone"]], choices, NEITHER)
    table = _joined(table, pd.DataFrame({"non_target": response}, index=parts.index))
    return table.assign(non_target=table["non_target"].fillna(""))


def _new(table: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """Whether an unequivocal, and whether an equivocal new lesion was seen."""
    parts = fresh.assign(
        new_lesion=fresh["state"].isin(SEEN) & ~fresh["length_mm"].eq(0), equivocal=fresh["state"].eq(EQUIVOCAL)
    )
    table = _joined(table, parts.groupby(ASSESSMENT)[["new_lesion", "equivocal"]].any())
    return table.assign(new_lesion=table["new_lesion"].eq(True), equivocal=table["equivocal"].eq(True))


def _combined(table: pd.DataFrame, followed: pd.DataFrame) -> pd.DataFrame:
    """Overall response, with the return of a lesion after a complete response, and what made a progression."""
    table["overall"] = overall_response(table["target"], table["non_target"], table["new_lesion"])
    complete = table["overall"].eq(COMPLETE).groupby(table["patient_id"], sort=False)
    after = complete.cummax().groupby(table["patient_id"], sort=False).shift().eq(True)
    node = followed["node"].isin(["yes", True]) & followed["role"].eq(TARGET)
    back = followed.assign(back=followed["state"].isin(SEEN) & ~followed["clear"] & ~node)
    table = _joined(table, back.groupby(ASSESSMENT)["back"].any().to_frame())
    returned = after & table["back"].eq(True)
    table["overall"] = table["overall"].mask(returned, PROGRESSION)
    causes = {
        "target": table["target"].eq(PROGRESSION),
        "non-target": table["non_target"].eq(PROGRESSION),
        "new lesion": table["new_lesion"],
        "reappearance": returned,
    }
    words = pd.Series("", index=table.index, dtype="object")
    for name, flag in causes.items():
        words = words + np.where(flag, "+" + name, "")
    return table.assign(reason=words.str.removeprefix("+"))
