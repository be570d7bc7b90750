"""Analysis records in the shape of ADaM (ADRS, ADTTE) out of recorded or derived responses.

The names and codes are those of CDISC ADaM; the rules are the functions of this room, with the choices of the published
oncology derivations (pharmaverse): a record for each parameter and subject, no answer is ``N`` or ``MISSING``.
"""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from features.response.best import MISSING, best_response, clinical_benefit, objective_response
from features.response.confirmation import countable, until_progression
from features.response.course import (
    DIED,
    LAST,
    PROGRESSED,
    event_or_last,
    first_progression,
    last_assessment,
)

NUMBERS = {"CR": 1, "PR": 2, "SD": 3, "NON-CR/NON-PD": 4, "PD": 5, "NE": 6, MISSING: 7, "Y": 1, "N": 0}
ADRS_COLUMNS = ["USUBJID", "ASEQ", "PARAMCD", "ADT", "ADTF", "AVISIT", "AVALC", "AVAL", "ANL01FL", "ANL02FL", "RSSEQ"]
ADTTE_COLUMNS = [
    "USUBJID", "ASEQ", "PARAMCD", "STARTDT", "ADT", "AVAL", "CNSR", "EVNTDESC", "CNSDTDSC", "SRCDOM", "SRCVAR", "SRCSEQ"
]  # fmt: skip
OF_ASSESSMENT = {
    "scan_on": "ADT",
    "date_flag": "ADTF",
    "visit": "AVISIT",
    "sequence": "RSSEQ",
    "visit_number": "_visit",
}
EVENT_WORDS = {PROGRESSED: "Disease Progression", DIED: "Death", LAST: "Last Tumor Assessment"}


def response_records(
    subjects: pd.DataFrame, responses: pd.DataFrame, measurable: pd.Series, protocol: Protocol
) -> pd.DataFrame:
    """The response records (ADRS) of every subject.

    Parameters
    ----------
    subjects : DataFrame
        ``patient_id, randomised_on, died_on``; a subject without a day of randomisation has no time zero.
    responses : DataFrame
        ``patient_id, scan_on, overall, date_flag, visit, visit_number, sequence`` (``data.cdisc.tumours.responses``).
    measurable : Series of str
        Patients with a target lesion at baseline.
    protocol : Protocol
        The ``response.*`` records.

    Returns
    -------
    DataFrame
        ``ADRS_COLUMNS``: OVR (each assessment), PD, RSP, CB, BOR, BCP, CRSP, CCB, CBOR, CBCP (without and with
        confirmation), LSTA (which may be not evaluable), MDIS, DEATH. ``ANL01FL`` marks what counts, ``ANL02FL`` what
        is not after the first progression; a subject without an assessment has records without a day.
    """
    flagged = _flagged(subjects, responses)
    who, origin = pd.Index(subjects["patient_id"]), subjects.set_index("patient_id")["randomised_on"]
    asked = {"origin": origin, "patients": who}
    parts = [_overall(flagged, subjects)]
    progressed = first_progression(flagged, origin).assign(yes=True)
    parts.append(_record("PD", _yes_no(_everybody(progressed, who), "yes"), flagged))
    for prefix, confirm in (("", False), ("C", True)):
        response = objective_response(flagged, protocol, confirmed=confirm, **asked)
        benefit = clinical_benefit(flagged, protocol, confirmed=confirm, **asked)
        best = best_response(flagged, protocol, confirmed=confirm, **asked).rename(columns={"best": "AVALC"})
        parts.append(_record(f"{prefix}RSP", _yes_no(response, "response"), flagged))
        parts.append(_record(f"{prefix}CB", _yes_no(benefit, "benefit"), flagged))
        parts.append(_record(f"{prefix}BOR", best, flagged))
        responders = best[best["AVALC"].isin(["CR", "PR"])].assign(yes=True)
        parts.append(_record(f"{prefix}BCP", _yes_no(_everybody(responders, who), "yes"), flagged))
    last = last_assessment(flagged, origin=origin, evaluable=False).rename(columns={"overall": "AVALC"})
    parts.append(_record("LSTA", _everybody(last, who), flagged))
    baseline = pd.DataFrame({"patient_id": who, "yes": who.isin(measurable)})
    parts.append(_record("MDIS", _yes_no(baseline, "yes"), flagged))
    parts.append(_deaths(subjects))
    return _numbered(pd.concat(parts, ignore_index=True))


def _flagged(subjects: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """Responses of the subjects, with a fresh index that the records refer to."""
    return responses[responses["patient_id"].isin(subjects["patient_id"])].reset_index(drop=True)


def _everybody(table: pd.DataFrame, who: pd.Index) -> pd.DataFrame:
    return table.set_index("patient_id").reindex(pd.Index(who, name="patient_id")).reset_index()


def _yes_no(table: pd.DataFrame, column: str) -> pd.DataFrame:
    return table.assign(AVALC=table[column].eq(True).map({True: "Y", False: "N"}))


def _record(code: str, table: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """Records of one parameter; those that stand on an assessment carry its day, visit and sequence number."""
    row = table["row"] if "row" in table else pd.Series(float("nan"), index=table.index)
    found = responses.reindex(row.to_numpy())[list(OF_ASSESSMENT)].rename(columns=OF_ASSESSMENT)
    record = pd.DataFrame({"USUBJID": table["patient_id"], "PARAMCD": code, "AVALC": table["AVALC"]})
    record = pd.concat([record.reset_index(drop=True), found.reset_index(drop=True)], axis=1)
    return record.assign(ANL01FL="Y", ANL02FL=row.notna().map({True: "Y", False: ""}).to_numpy())


def _overall(responses: pd.DataFrame, subjects: pd.DataFrame) -> pd.DataFrame:
    """OVR: every assessment with its flags."""
    origin = subjects.set_index("patient_id")["randomised_on"]
    counts = countable(responses.assign(row=responses.index), origin)
    before = until_progression(counts)
    table = responses.assign(row=responses.index, AVALC=responses["recorded"])
    record = _record("OVR", table, responses)
    flags = {"ANL01FL": table["row"].isin(counts["row"]), "ANL02FL": table["row"].isin(before["row"])}
    return record.assign(**{name: flag.map({True: "Y", False: ""}).to_numpy() for name, flag in flags.items()})


def _deaths(subjects: pd.DataFrame) -> pd.DataFrame:
    died = subjects["died_on"].notna()
    return pd.DataFrame(
        {
            "USUBJID": subjects["patient_id"],
            "PARAMCD": "DEATH",
            "AVALC": died.map({True: "Y", False: "N"}),
            "ADT": subjects["died_on"],
            "ANL01FL": "Y",
            "ANL02FL": "",
        }
    )


def _numbered(records: pd.DataFrame) -> pd.DataFrame:
    """AVAL, and ASEQ in the order of parameter, day, visit and sequence within the subject."""
    records = records.sort_values(["USUBJID", "PARAMCD", "ADT", "_visit", "RSSEQ"], kind="stable", ignore_index=True)
    records["AVAL"] = records["AVALC"].map(NUMBERS)
    records["ASEQ"] = records.groupby("USUBJID").cumcount() + 1
    return records.fillna({"ADTF": "", "AVISIT": ""})[ADRS_COLUMNS]


def time_records(subjects: pd.DataFrame, adrs: pd.DataFrame) -> pd.DataFrame:
    """The time-to-event records (ADTTE): OS, PFS and, of the responders, RSD.

    Parameters
    ----------
    subjects : DataFrame
        ``patient_id, randomised_on, died_on, last_alive_on``; those never randomised have no record.
    adrs : DataFrame
        From :func:`response_records`.

    Returns
    -------
    DataFrame
        ``ADTTE_COLUMNS``. ``AVAL`` is days + 1, ``CNSR`` 0 for an event and 1 for a censored time. OS: death, else
        last known alive; PFS: progression or death, else last assessment; both not before randomisation. RSD starts
        with the first response.
    """
    people = subjects.set_index("patient_id").rename_axis("USUBJID")
    start = people["randomised_on"].dropna()
    died = people["died_on"]
    day = {code: _days_of(adrs, code) for code in ("PD", "RSP", "LSTA")}
    nothing = pd.Series(dtype="datetime64[ns]")
    rows = {
        "OS": (start, nothing, people["last_alive_on"]),
        "PFS": (start, day["PD"], day["LSTA"]),
        "RSD": (day["RSP"].rename_axis("USUBJID"), day["PD"], day["LSTA"]),
    }
    parts = [
        event_or_last(begin, progressed.reindex(begin.index), died, last.reindex(begin.index)).assign(PARAMCD=code)
        for code, (begin, progressed, last) in rows.items()
    ]
    table = pd.concat(parts, ignore_index=True).rename(columns={"start_on": "STARTDT", "on": "ADT", "days": "AVAL"})
    return _described(table, adrs)


def _days_of(adrs: pd.DataFrame, code: str) -> pd.Series:
    rows = adrs[adrs["PARAMCD"].eq(code) & adrs["ADT"].notna()]
    return rows.set_index("USUBJID")["ADT"]


def _described(table: pd.DataFrame, adrs: pd.DataFrame) -> pd.DataFrame:
    """Words and sources of each record: what ended it, and the record of ADRS that it stands on."""
    event, survival = table["event"].eq(1), table["PARAMCD"].eq("OS")
    words = table["reason"].map(EVENT_WORDS).fillna("Randomization").mask(survival & table["reason"].eq(LAST), "Alive")
    source = table["reason"].map({PROGRESSED: "PD", DIED: "DEATH", LAST: "LSTA"}).mask(survival & ~event)
    numbers = adrs.set_index(["USUBJID", "PARAMCD"])["ASEQ"]
    numbers = numbers[~numbers.index.duplicated()]
    table = table.assign(
        CNSR=1 - table["event"],
        EVNTDESC=words,
        CNSDTDSC=words.mask(event, "").mask(words.eq("Alive"), "Alive During Study"),
        SRCDOM=source.notna().map({True: "ADRS", False: "ADSL"}),
        SRCVAR=source.notna().map({True: "ADT", False: "RANDDT"}).mask(words.eq("Alive"), "LSTALVDT"),
        SRCSEQ=numbers.reindex(pd.MultiIndex.from_arrays([table["USUBJID"], source.fillna("")])).to_numpy(),
    )
    table = table.sort_values(["USUBJID", "PARAMCD"], ignore_index=True)
    return table.assign(ASEQ=table.groupby("USUBJID").cumcount() + 1)[ADTTE_COLUMNS]
