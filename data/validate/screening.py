"""Values at screening that are possible and yet look like another unit."""

from __future__ import annotations

from data.findings import Finding
from data.validate.context import Context, flag
from data.validate.table import CheckedTable

RECORD = "ingest.screening_usual"


def check_screening_units(table: CheckedTable, context: Context) -> list[Finding]:
    """A value outside what the protocol calls usual (``ingest.screening_usual``) is most likely in another unit.

    Eligibility is judged by these values: a creatinine of 0.9 (mg/dL) would pass as a very good one in umol/L. A
    protocol without the record asks nothing.
    """
    usual = context.protocol[RECORD] if RECORD in context.protocol.records else {}
    findings: list[Finding] = []
    for column, (low, high) in usual.items():
        value = table.frame[column]
        message = f"{column} {{{column}:g}} of patient {{patient_id}} lies outside {low:g} to {high:g}"
        odd = value.notna() & ~value.between(low, high)
        findings += flag(table, odd, "D237", column, message, "check the unit", severity="warn")
    return findings
