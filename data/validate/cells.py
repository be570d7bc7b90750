"""What a cell of each kind may hold, and the words for a cell that does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pandas as pd
import pandera.pandas as pa

from data.contracts import ColumnContract, TableContract
from data.findings import Finding

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
EMAIL = r"[^\s@]+@[^\s@]+\.[A-Za-z]{2,}"


def _is_date(values: pd.Series) -> pd.Series:
    exact = values.str.fullmatch(DATE)
    return exact & pd.to_datetime(values.where(exact), format="%Y-%m-%d", errors="coerce").notna()


def _is_number(values: pd.Series) -> pd.Series:
    # 1e999 is beyond what the machine can hold and would silently become infinite.
    return values.where(values.str.fullmatch(NUMBER)).astype("float64").abs() < float("inf")


def _within(values: pd.Series, lower: float | None, upper: float | None) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    low = float("-inf") if lower is None else lower
    high = float("inf") if upper is None else upper
    return numbers.between(low, high) | numbers.isna()


def _is_whole(values: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    return numbers.isna() | (numbers % 1 == 0)


def _is_code(values: pd.Series, codes: tuple[str, ...]) -> pd.Series:
    return values.isin(codes)


def _no_email(values: pd.Series) -> pd.Series:
    return ~values.str.fullmatch(EMAIL)


def _checks(column: ColumnContract) -> list[pa.Check]:
    if column.kind == "date":
        return [pa.Check(_is_date, name="date", ignore_na=True)]
    if column.kind == "number":
        limits = partial(_within, lower=column.lower, upper=column.upper)
        whole = [pa.Check(_is_whole, name="whole")] if column.whole else []
        return [pa.Check(_is_number, name="number"), pa.Check(limits, name="limits"), *whole]
    if column.kind == "code":
        return [pa.Check(partial(_is_code, codes=column.codes), name="code")]
    return [pa.Check(_no_email, name="email")]


def table_schema(contract: TableContract) -> pa.DataFrameSchema:
    """The contract of a table as a pandera schema over text cells (missing = None).

    Parameters
    ----------
    contract : TableContract

    Returns
    -------
    DataFrameSchema
        Checks are named ``date``, ``number``, ``limits``, ``whole``, ``code`` and ``email``.
    """
    columns = {
        name: pa.Column(
            object,
            _checks(column),
            nullable=column.empty or not column.required,
            required=column.required,
        )
        for name, column in contract.columns.items()
    }
    return pa.DataFrameSchema(columns, name=contract.name)


def _code_words(value: str, column: ColumnContract) -> tuple[str, str, str]:
    near = [code for code in column.codes if code.casefold() == value.casefold()]
    remedy = f"write {near[0]}" if near else f"use one of {', '.join(column.codes)}"
    if column.empty or not column.required:
        remedy += " or leave it empty"
    return "D110", f"unknown code {value!r}", remedy


def _date_words(value: str, _: ColumnContract) -> tuple[str, str, str]:
    if re.fullmatch(DATE, value):
        return "D111", f"{value} is not a day of the calendar", "correct the date"
    return "D111", f"{value!r} is not an ISO date", "write it as YYYY-MM-DD"


def _number_words(value: str, column: ColumnContract) -> tuple[str, str, str]:
    if re.fullmatch(r"[<>]=?\s*" + NUMBER, value):
        return (
            "D112",
            f"{value!r} is not a number",
            "put the sign into the column comparator and the number here"
            if column.name == "value"
            else "write the number alone, or leave the cell empty",
        )
    if re.fullmatch(r"[+-]?\d+,\d+", value):
        return "D112", f"{value!r} is not a number", "write a decimal point, not a comma"
    return (
        "D112",
        f"{value!r} is not a number",
        "write a number, or leave the cell empty if it was not measured",
    )


def _limit_words(value: str, column: ColumnContract) -> tuple[str, str, str]:
    low = "" if column.lower is None else f"at least {column.lower:g}"
    high = "" if column.upper is None else f"at most {column.upper:g}"
    return (
        "D113",
        f"{value} is out of limits",
        f"the value must be {' and '.join(part for part in (low, high) if part)}",
    )


def _whole_words(value: str, column: ColumnContract) -> tuple[str, str, str]:
    return "D112", f"{value} is not a whole number", f"write it without decimals: {column.help}"


def _email_words(_: str, __: ColumnContract) -> tuple[str, str, str]:
    return "D117", "an e-mail address", "never send direct identifiers; use the pseudonym"


def _empty_words(_: object, column: ColumnContract) -> tuple[str, str, str]:
    return "D109", "the cell is empty", f"fill it: {column.help}"


Words = Callable[[str, ColumnContract], tuple[str, str, str]]
WORDS: dict[str, Words] = {
    "not_nullable": _empty_words,
    "code": _code_words,
    "date": _date_words,
    "number": _number_words,
    "limits": _limit_words,
    "whole": _whole_words,
    "email": _email_words,
}


def cell_finding(check: str, value: object, column: ColumnContract, file_name: str, line: int) -> Finding:
    """The line a person reads about one cell that failed one check."""
    code, message, remedy = WORDS[check]("" if value is None else str(value), column)
    return Finding(code, "reject", message, file=file_name, line=line, column=column.name, remedy=remedy)
