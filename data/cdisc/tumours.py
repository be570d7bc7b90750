"""Tumour identification, results and responses (TU, TR, RS) to lesions and recorded responses of one reader."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from data.cdisc.dates import complete_dates
from data.findings import Finding, Refused

ACCEPTED = "accepted"
KNOWN_RESPONSES = ("CR", "PR", "SD", "PD", "NE", "NON-CR/NON-PD", "ND", "NED")
ROLES = {"TARGET": "target", "NON-TARGET": "non_target", "NEW": "new"}
NODES = ("LYMPH NODE",)
STATES = {"ABSENT": "absent", "PRESENT": "present", "EQUIVOCAL": "equivocal"}
LENGTHS = ("DIAMETER", "LDIAM", "LPERP")
LESION_COLUMNS = ["patient_id", "scan_on", "lesion", "role", "organ", "node", "diameter_mm", "state"]


def of_reader(frame: pd.DataFrame, prefix: str, reader: str) -> pd.DataFrame:
    """Rows of one reader.

    Parameters
    ----------
    frame : DataFrame
        A domain from :func:`data.cdisc.read.read_domain`.
    prefix : {"TU", "TR", "RS"}
        Its prefix.
    reader : str
        ``INVESTIGATOR``, ``INDEPENDENT ASSESSOR`` (when there is but one), the id of a reader (``RADIOLOGIST 1``), or
        ``accepted`` for the rows whose acceptance flag is Y.

    Raises
    ------
    Refused
        ``C206``: nobody of that name, or several readers under it.
    """
    who, name = frame[f"{prefix}EVAL"], frame[f"{prefix}EVALID"]
    rows = frame[f"{prefix}ACPTFL"].eq("Y") if reader == ACCEPTED else who.eq(reader) | name.eq(reader)
    rows &= reader != ""
    names = sorted(set(name[rows]))
    if not rows.any() or (len(names) > 1 and reader != ACCEPTED):
        known = ", ".join(sorted((set(who) | set(name)) - {""}) + [ACCEPTED])
        what = f"{reader} is {len(names)} readers ({', '.join(names)})" if rows.any() else f"no rows of {reader}"
        raise Refused(Finding("C206", "reject", what, file=prefix, column=f"{prefix}EVAL", remedy=f"choose of {known}"))
    return frame[rows]


def lesions(
    tu: pd.DataFrame, tr: pd.DataFrame, *, reader: str, impute: str = "last", diameter: str = "DIAMETER"
) -> tuple[pd.DataFrame, list[Finding]]:
    """Lesions of one reader in the shape of the delivery table ``lesions``.

    Parameters
    ----------
    tu, tr : DataFrame
        From :func:`~data.cdisc.read.read_domain`.
    reader : str
        See :func:`of_reader`.
    impute : {"first", "last", "none"}
        For partial TRDTC; see :func:`~data.cdisc.dates.complete_dates`.
    diameter : {"DIAMETER", "axis"}
        Which length counts: the test DIAMETER as the reader recorded it (where there is none: the axis), or always
        the axis: short (LPERP) for nodes, long (LDIAM) for other lesions.

    Returns
    -------
    (DataFrame, list of Finding)
        ``patient_id, scan_on, lesion, role, organ, node, diameter_mm, state``, and what was noticed: results of
        lesions that were never identified (``C207``), lesions without a result (``C208``), a recorded diameter that
        is not the axis that RECIST 1.1 wants (``C209``), results that are there twice (``C214``), results without a
        lesion, a visit or a day of it (``C215``), which do not count.
        UNEQUIVOCAL is progression of a non-target lesion and a new lesion that is there; a result NOT DONE is
        ``not_evaluable``.

    Raises
    ------
    Refused
        An unknown reader (``C206``), role or tumour state (``C210``), or a length below 0 (``C204``).
    """
    tu, tr = of_reader(tu, "TU", reader), of_reader(tr, "TR", reader)
    known = tu[["USUBJID", "TULNKID", "TUSTRESC", "TULOC"]].drop_duplicates(["USUBJID", "TULNKID"])
    known = known.rename(columns={"TULNKID": "TRLNKID"})
    read = tr[tr["TRTESTCD"].isin([*LENGTHS, "TUMSTATE"])]
    adrift = read["TRLNKID"].eq("") | read["VISITNUM"].isna() | _visit_days(read, impute).isna()
    tests = read[~adrift]
    _refuse_below_zero(tests)
    key = ["USUBJID", "TRLNKID", "VISITNUM"]
    again = tests.duplicated([*key, "TRTESTCD"])
    wide = tests[~again].pivot(index=key, columns="TRTESTCD", values="TRSTRESN")
    wide = wide.reindex(columns=LENGTHS).reset_index()
    state = tests["TRSTRESC"].where(tests["TRTESTCD"].eq("TUMSTATE"), "")
    about = tests.assign(seen=state, scan_on=_visit_days(tests, impute))
    about = about.groupby(key, as_index=False).agg(
        scan_on=("scan_on", "max"), group=("TRGRPID", "first"), seen=("seen", "max")
    )
    table = wide.merge(about, on=key).merge(known, on=["USUBJID", "TRLNKID"], how="left", indicator=True)
    table["node"] = table["TULOC"].isin(NODES)
    table["axis"] = table["LPERP"].where(table["node"], table["LDIAM"])
    recorded = table["DIAMETER"].fillna(table["axis"]) if diameter == "DIAMETER" else table["axis"]
    role = table["TUSTRESC"].fillna(table["group"]).map(ROLES)
    _refuse_strange(table, role.isna(), "TUSTRESC", "role", table["TUSTRESC"].fillna(table["group"]), ROLES)
    out = pd.DataFrame(
        {
            "patient_id": table["USUBJID"],
            "scan_on": table["scan_on"],
            "lesion": table["TRLNKID"],
            "role": role,
            "organ": table["TULOC"].fillna("").replace("", None),
            "node": table["node"].map({True: "yes", False: "no"}),
            "diameter_mm": recorded,
            "state": _states(table, recorded),
        }
    )
    return out[LESION_COLUMNS].sort_values(LESION_COLUMNS[:3], ignore_index=True), _noticed(table, tu, again, adrift)


def _refuse_below_zero(tests: pd.DataFrame) -> None:
    below = tests[tests["TRSTRESN"] < 0]
    if len(below):
        what = f"{below['TRSTRESN'].iloc[0]:g} is no length, subject {below['USUBJID'].iloc[0]}"
        line, remedy = int(str(below.index[0])), "correct the number"
        raise Refused(Finding("C204", "reject", what, file="TR", line=line, column="TRSTRESN", remedy=remedy))


def _refuse_strange(
    table: pd.DataFrame, strange: pd.Series, column: str, what: str, found: pd.Series, known: Iterable[str]
) -> None:
    if strange.any():
        row = table[strange].iloc[0]
        words = f"tumour {what} {found[strange].iloc[0]!r} of subject {row['USUBJID']}, lesion {row['TRLNKID']}"
        remedy = f"use one of {', '.join(known)}"
        raise Refused(Finding("C210", "reject", words, file=column[:2], column=column, remedy=remedy))


def _visit_days(tr: pd.DataFrame, impute: str) -> pd.Series:
    """One day for each visit of a subject: the last full date of its rows, a completed date only where none is full."""
    dates = complete_dates(tr["TRDTC"], impute=impute, place="TR column TRDTC")
    visit = [tr["USUBJID"], tr["VISITNUM"]]
    full = dates["on"].where(dates["flag"].eq("")).groupby(visit).transform("max")
    return full.fillna(dates["on"].groupby(visit).transform("max"))


def _states(table: pd.DataFrame, length: pd.Series) -> pd.Series:
    strange = ~table["seen"].isin([*STATES, "UNEQUIVOCAL", ""])
    _refuse_strange(table, strange, "TRSTRESC", "state", table["seen"], [*STATES, "UNEQUIVOCAL"])
    clear = table["seen"].eq("UNEQUIVOCAL")
    new = table["group"].eq("NEW")
    described = table["seen"].map(STATES).fillna("").to_numpy()
    words = np.select(
        [clear & new, clear, table["seen"].ne(""), length.notna()],
        ["present", "progressed", described, "measured"],
        "not_evaluable",
    )
    return pd.Series(words, index=table.index, dtype="object")


def _noticed(table: pd.DataFrame, tu: pd.DataFrame, again: pd.Series, adrift: pd.Series) -> list[Finding]:
    found = []
    if adrift.any():
        what = f"{adrift.sum()} results without a lesion, a visit or a day of the visit do not count"
        found.append(_note("C215", what, int(str(adrift.index[adrift][0]))))
    if again.any():
        line = int(str(again.index[again][0]))
        found.append(_note("C214", f"{again.sum()} results repeat lesion, visit and test; the first counts", line))
    orphans = table[table["_merge"].eq("left_only")].drop_duplicates(["USUBJID", "TRLNKID"])
    for row in orphans.itertuples():
        what = f"subject {row.USUBJID}: results of lesion {row.TRLNKID}, which TU does not identify"
        found.append(_note("C207", what))
    measured = pd.MultiIndex.from_frame(table[["USUBJID", "TRLNKID"]])
    silent = tu[~pd.MultiIndex.from_frame(tu[["USUBJID", "TULNKID"]]).isin(measured)]
    for row in silent.drop_duplicates(["USUBJID", "TULNKID"]).itertuples():
        found.append(_note("C208", f"subject {row.USUBJID}: lesion {row.TULNKID} is identified and has no result"))
    off = table[table["DIAMETER"].notna() & table["axis"].notna() & table["DIAMETER"].ne(table["axis"])]
    if len(off):
        first = off.iloc[0]
        what = f"{len(off)} recorded diameters are not the axis of RECIST 1.1, first subject {first['USUBJID']}, lesion"
        found.append(_note("C209", f"{what} {first['TRLNKID']}: {first['DIAMETER']:g} mm, axis {first['axis']:g} mm"))
    return found


def _note(code: str, message: str, line: int | None = None) -> Finding:
    return Finding(code, "warn", message, file="TR", line=line, remedy="ask the reader")


def responses(
    rs: pd.DataFrame, *, reader: str, test: str = "OVRLRESP", criteria: str = "RECIST 1.1", impute: str = "last"
) -> tuple[pd.DataFrame, list[Finding]]:
    """Responses as one reader recorded them.

    Parameters
    ----------
    rs : DataFrame
        From :func:`~data.cdisc.read.read_domain`.
    reader, impute : str
        As for :func:`lesions`.
    test : str
        ``OVRLRESP``, ``TRGRESP`` or ``NTRGRESP``.
    criteria : str
        Only rows of these criteria; rows without a category are taken to be of them. Responses by other criteria
        (iUPD of iRECIST is not PD) are left out.

    Returns
    -------
    (DataFrame, list of Finding)
        ``patient_id, visit, visit_number, scan_on, date_flag, recorded, overall, sequence``. ``overall`` is
        ``recorded`` where RECIST 1.1 knows it, ``ND`` where nothing was recorded because it was not done, else None
        (``CHECK``). Findings: rows by other criteria (``C211``), responses that are none (``C212``).
    """
    rows = of_reader(rs, "RS", reader)
    rows = rows[rows["RSTESTCD"].eq(test)]
    foreign = ~rows["RSCAT"].isin(["", criteria])
    found = [
        Finding("C211", "warn", f"{n} rows by {name} left out", "RS", column="RSCAT", remedy=f"only {criteria} is read")
        for name, n in rows.loc[foreign, "RSCAT"].value_counts().items()
    ]
    rows = rows[~foreign]
    recorded = rows["RSSTRESC"].mask(rows["RSSTRESC"].eq("") & rows["RSSTAT"].eq("NOT DONE"), "ND")
    strange = rows[~recorded.isin(KNOWN_RESPONSES)]
    found += [
        Finding(
            "C212",
            "warn",
            f"subject {row.USUBJID}: {row.RSSTRESC!r} is no response of {criteria} and does not count",
            file="RS",
            line=int(str(row.Index)),
            column="RSSTRESC",
            remedy=f"one of {', '.join(KNOWN_RESPONSES)}",
        )
        for row in strange.itertuples()
    ]
    dates = complete_dates(rows["RSDTC"], impute=impute, place="RS column RSDTC")
    table = pd.DataFrame(
        {
            "patient_id": rows["USUBJID"],
            "visit": rows["VISIT"],
            "visit_number": rows["VISITNUM"],
            "scan_on": dates["on"],
            "date_flag": dates["flag"],
            "recorded": rows["RSSTRESC"],
            "overall": recorded.where(recorded.isin(KNOWN_RESPONSES), None),
            "sequence": rows["RSSEQ"],
        }
    )
    return table.sort_values(["patient_id", "scan_on", "sequence"], ignore_index=True), found
