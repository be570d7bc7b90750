"""What is read of each SDTM domain. Columns that are not listed are ignored, personal ones by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """Columns of one domain: ``required`` must be there, ``optional`` become empty, ``numbers`` are numeric.

    Dates stay ISO texts until a rule for partial dates is chosen (:func:`data.cdisc.dates.complete_dates`).
    """

    title: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    key: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.required + self.optional


def _domain(title: str, required: str, optional: str = "", numbers: str = "", key: str = "") -> Domain:
    return Domain(title, *(tuple(names.split()) for names in (required, optional, numbers, key)))


PERSONAL = ("SUBJID", "BRTHDTC", "RACE", "ETHNIC", "INVID", "INVNAM")
"""Never carried: no derivation needs them, and together they can name a person."""

DOMAINS: dict[str, Domain] = {
    "dm": _domain(
        "Demographics",
        "USUBJID",
        "SITEID AGE SEX ARM ARMCD ACTARM ACTARMCD RFSTDTC RFENDTC DTHDTC DTHFL",
        numbers="AGE",
        key="USUBJID",
    ),
    "ds": _domain("Disposition", "USUBJID DSDECOD DSSTDTC", "DSSEQ DSCAT", numbers="DSSEQ"),
    "ex": _domain("Exposure", "USUBJID EXTRT EXSTDTC", "EXSEQ EXDOSE EXDOSU EXENDTC", numbers="EXSEQ EXDOSE"),
    "ae": _domain(
        "Adverse events", "USUBJID AEDECOD AESTDTC", "AESEQ AESEV AETOXGR AEREL AEENDTC", numbers="AESEQ AETOXGR"
    ),
    "lb": _domain(
        "Laboratory",
        "USUBJID LBTESTCD LBDTC",
        "LBSEQ LBSTRESC LBSTRESN LBSTRESU LBSTNRLO LBSTNRHI VISIT VISITNUM",
        numbers="LBSEQ LBSTRESN LBSTNRLO LBSTNRHI VISITNUM",
    ),
    "sv": _domain("Subject visits", "USUBJID VISITNUM SVSTDTC", "VISIT SVENDTC", numbers="VISITNUM"),
    "tu": _domain(
        "Tumour identification",
        "USUBJID TULNKID TUTESTCD TUSTRESC TUEVAL",
        "TUSEQ TULOC TUMETHOD TUEVALID TUACPTFL VISIT VISITNUM TUDTC",
        numbers="TUSEQ VISITNUM",
    ),
    "tr": _domain(
        "Tumour results",
        "USUBJID TRGRPID TRLNKID TRTESTCD TRSTRESC TRSTRESN TREVAL VISITNUM TRDTC",
        "TRSEQ TRLNKGRP TRSTRESU TRSTAT TREVALID TRACPTFL VISIT",
        numbers="TRSEQ TRSTRESN VISITNUM",
    ),
    "rs": _domain(
        "Disease response",
        "USUBJID RSTESTCD RSSTRESC RSEVAL VISITNUM RSDTC",
        "RSSEQ RSCAT RSSTAT RSEVALID RSACPTFL VISIT",
        numbers="RSSEQ VISITNUM",
    ),
    "ts": _domain("Trial summary", "TSPARMCD TSVAL", "TSPARM"),
}
