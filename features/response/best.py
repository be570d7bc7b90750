"""Best overall response, objective response and clinical benefit of each patient."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.response.confirmation import confirmed as is_confirmed
from features.response.confirmation import countable, is_stable, until_progression
from features.response.rules import (
    COMPLETE,
    NEITHER,
    NO_DISEASE,
    NOT_DONE,
    NOT_EVALUABLE,
    PARTIAL,
    PROGRESSION,
    RESPONSES,
    STABLE,
)

MISSING = "MISSING"
BEST_FIRST = (*RESPONSES, MISSING)


def counted(
    assessments: pd.DataFrame, *, origin: pd.Series | None = None, new_therapy: pd.Series | None = None
) -> pd.DataFrame:
    """Assessments that may decide a best response: countable, up to progression and to new therapy."""
    return until_progression(countable(assessments, origin), new_therapy)


def best_response(
    assessments: pd.DataFrame,
    protocol: Protocol,
    *,
    confirmed: bool = False,
    new_therapy: pd.Series | None = None,
    origin: pd.Series | None = None,
    patients: pd.Index | None = None,
) -> pd.DataFrame:
    """Best overall response of each patient from time zero to progression or new therapy.

    Parameters
    ----------
    assessments : DataFrame
        ``patient_id, scan_on, overall`` (from :func:`~features.response.assess.assess`, or recorded responses),
        ``origin_on`` unless ``origin`` is given.
    protocol : Protocol
        ``response.stable_minimum_days`` and, when confirmed, ``response.confirmation_*``.
    confirmed : bool
        Whether CR and PR count only when a later assessment confirms them. A response that is not confirmed counts as
        SD when it lasted for the minimum, else as NE.
    new_therapy : Series of datetime, optional
        First day of a new anticancer therapy by patient; later assessments do not count.
    origin : Series of datetime, optional
        Time zero by patient: earlier assessments do not count, and SD lasts from here.
    patients : Index, optional
        Patients to report on; those without an assessment that counts are ``MISSING``.

    Returns
    -------
    DataFrame
        ``patient_id, best, on, row``: the day of the first assessment that reaches the best response, and its index
        in ``assessments``. Order: CR, PR, SD, NON-CR/NON-PD, NED, PD, NE, ND, MISSING. SD, and NON-CR/NON-PD, before
        the minimum counts as NE.
    """
    rows = counted(assessments.assign(row=assessments.index), origin=origin, new_therapy=new_therapy)
    kind = reached(rows, protocol, confirmed=confirmed)
    rows = rows.assign(best=kind, _rank=kind.map({value: rank for rank, value in enumerate(BEST_FIRST)}))
    rows = rows.sort_values(["patient_id", "_rank", "scan_on"], kind="stable").drop_duplicates("patient_id")
    table = rows[["patient_id", "best", "scan_on", "row"]].rename(columns={"scan_on": "on"})
    return _for_all(table, patients, {"best": MISSING})


def reached(rows: pd.DataFrame, protocol: Protocol, *, confirmed: bool) -> pd.Series:
    """The best response that each assessment by itself can stand for (see :func:`best_response`)."""
    overall = rows["overall"]
    responded = overall.isin([COMPLETE, PARTIAL])
    holds = responded & (is_confirmed(rows, protocol) if confirmed else True)
    lasting = is_stable(rows, protocol)
    conditions = [
        holds,
        lasting & overall.isin([COMPLETE, PARTIAL, STABLE]),
        lasting & overall.eq(NEITHER),
        overall.isin([PROGRESSION, NO_DISEASE, NOT_DONE]),
    ]
    return pd.Series(
        np.select([c.to_numpy() for c in conditions], [overall, STABLE, NEITHER, overall], NOT_EVALUABLE),
        index=rows.index,
        dtype="object",
    )


def objective_response(
    assessments: pd.DataFrame,
    protocol: Protocol,
    *,
    confirmed: bool = False,
    new_therapy: pd.Series | None = None,
    origin: pd.Series | None = None,
    patients: pd.Index | None = None,
) -> pd.DataFrame:
    """Whether and since when each patient responded: the first CR or PR (that is confirmed, when asked).

    Returns
    -------
    DataFrame
        ``patient_id, response (bool), on, row``; parameters as in :func:`best_response`. A confirmed response dates
        from the response, not from its confirmation (RECIST 1.1: duration of overall response).
    """
    rows = counted(assessments.assign(row=assessments.index), origin=origin, new_therapy=new_therapy)
    holds = rows["overall"].isin([COMPLETE, PARTIAL])
    if confirmed:
        holds &= is_confirmed(rows, protocol)
    return _first(rows, holds, "response", patients)


def clinical_benefit(
    assessments: pd.DataFrame,
    protocol: Protocol,
    *,
    confirmed: bool = False,
    new_therapy: pd.Series | None = None,
    origin: pd.Series | None = None,
    patients: pd.Index | None = None,
) -> pd.DataFrame:
    """Disease control: a response (confirmed, when asked), or disease without progression at the minimum for SD.

    Returns
    -------
    DataFrame
        ``patient_id, benefit (bool), on, row``: the first assessment that shows it. Parameters as in
        :func:`best_response`.
    """
    rows = counted(assessments.assign(row=assessments.index), origin=origin, new_therapy=new_therapy)
    holds = rows["overall"].isin([COMPLETE, PARTIAL])
    if confirmed:
        holds &= is_confirmed(rows, protocol)
    return _first(rows, holds | is_stable(rows, protocol), "benefit", patients)


def _first(rows: pd.DataFrame, holds: pd.Series, name: str, patients: pd.Index | None) -> pd.DataFrame:
    found = rows[holds].drop_duplicates("patient_id").assign(**{name: True})
    table = found[["patient_id", name, "scan_on", "row"]].rename(columns={"scan_on": "on"})
    everybody = pd.Index(rows["patient_id"].unique()) if patients is None else patients
    return _for_all(table, everybody, {name: False})


def _for_all(table: pd.DataFrame, patients: pd.Index | None, empty: dict[str, object]) -> pd.DataFrame:
    """One row for every patient asked for, in that order."""
    if patients is None:
        return table.reset_index(drop=True)
    out = table.set_index("patient_id").reindex(pd.Index(patients, name="patient_id")).reset_index()
    for name, value in empty.items():
        out[name] = out[name].astype("object").where(out[name].notna(), value)
        if isinstance(value, bool):
            out[name] = out[name].astype(bool)
    return out
