"""One delivered table against its contract: cells, keys and columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import pandas as pd
import pandera.errors
import pandera.pandas as pa

from data.contracts import TABLES, ColumnContract, TableContract
from data.findings import Finding
from data.readers.delivery import PLATE_MAP_COLUMNS, DeliveryTable
from data.trial import typed
from data.validate.cells import NUMBER, cell_finding, table_schema

SHOWN = 5
"""Findings of one kind and column that are listed one by one; the rest is counted."""

IDENTIFIERS = re.compile(
    r"(^|_)(name|first_?name|last_?name|surname|forename|initials|nhs|nhs_?(no|number)|mrn|hospital_?(no|number|id)|dob"
    r"|date_of_birth|birth_?date|e?_?mail|phone|telephone|mobile|address|street|post_?code|zip|ssn|passport)($|_)"
)

PLATE_MAP = TableContract(
    name="plate_map",
    columns={
        name: ColumnContract(name, kind, help=words)
        for (name, kind, words) in zip(
            PLATE_MAP_COLUMNS,
            ("text", "text", "id"),
            ("Plate as the export names it.", "Well, e.g. A1.", "Sample in the well."),
            strict=True,
        )
    },
    key=("plate", "well"),
    required_file=False,
)


@dataclass(frozen=True)
class CheckedTable:
    """A table that may be judged against the other tables.

    Parameters
    ----------
    name : str
        Table of the delivery contract, or ``plate_map``.
    frame : DataFrame
        Typed like the tables of :class:`data.trial.Trial`; identical rows are dropped.
    lines : Series of int
        Physical line of each row, on the index of ``frame``.
    file_name : str
        For messages.
    delivered : frozenset of str
        Columns the header named.
    """

    name: str
    frame: pd.DataFrame
    lines: pd.Series
    file_name: str = ""
    delivered: frozenset[str] = frozenset()


def contract_of(name: str, origin: str = "surgery") -> TableContract:
    """The contract of a delivered table or of the plate map under a protocol whose clock starts at ``origin``."""
    return PLATE_MAP if name == "plate_map" else TABLES[name].under(origin)


@cache
def _schema(name: str, origin: str) -> pa.DataFrameSchema:
    return table_schema(contract_of(name, origin))


def shorten(findings: list[Finding], shown: int = SHOWN) -> list[Finding]:
    """List the first findings of each code and column and count the rest in one more line."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.code, finding.column), []).append(finding)
    out: list[Finding] = []
    for group in groups.values():
        out += group[:shown]
        if rest := len(group) - shown:
            if rest > 0:
                first = group[0]
                words = f"{rest} more lines are like this, the last is line {group[-1].line}"
                out.append(Finding(first.code, first.severity, words, file=first.file, column=first.column))
    return out


def _columns(table: DeliveryTable, contract: TableContract) -> list[Finding]:
    findings = [
        Finding(
            "D106",
            "reject",
            f"{contract.name} lacks the column {name}",
            file=table.file_name,
            line=1,
            column=name,
            remedy=f"add it: {contract.columns[name].help}",
        )
        for name in contract.required_columns
        if name not in table.raw
    ]
    for name in table.raw.columns:
        if name in contract.columns:
            continue
        identifier = bool(IDENTIFIERS.search(name.casefold().replace(" ", "_").replace("-", "_")))
        code, words = ("D108", "looks like a direct identifier") if identifier else ("D107", "is not in the contract")
        remedy = "never send direct identifiers; delete it" if identifier else ""
        message = f"the column {words} and is not loaded"
        findings.append(Finding(code, "warn", message, file=table.file_name, line=1, column=name, remedy=remedy))
    return findings


def _cells(table: DeliveryTable, cells: pd.DataFrame, contract: TableContract, origin: str) -> list[Finding]:
    try:
        _schema(table.name, origin).validate(cells, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
    else:
        return []
    cases = cases[cases["column"].isin(contract.columns) & cases["index"].notna()]
    cases = cases.sort_values(["index", "column"], kind="stable").drop_duplicates(["index", "column"])
    return [
        cell_finding(case.check, case.failure_case, contract.columns[case.column], table.file_name, line)
        for case, line in zip(cases.itertuples(), table.lines.loc[cases["index"].astype(int)], strict=True)
    ]


def _keys(table: DeliveryTable, cells: pd.DataFrame, contract: TableContract) -> tuple[pd.Series, list[Finding]]:
    """Rows to keep (first of identical ones) and what repeated keys mean."""
    keep = pd.Series(True, index=cells.index)
    if not contract.key:
        return keep, []
    key = list(contract.key)
    compared = _comparable(cells, contract)
    identical = compared.duplicated()
    findings = [
        Finding("D115", "note", "the line repeats an earlier one and counts once", file=table.file_name, line=line)
        for line in table.lines[identical]
    ]
    rest = compared[~identical]
    again = rest.duplicated(key)
    positions = pd.Series(rest.index, index=rest.index)
    first = positions.groupby([rest[column] for column in key], dropna=False).transform("first")
    repeated, earlier = rest.index[again], first[again].to_numpy()
    differ = pd.Series(False, index=repeated)
    if table.name == "results":
        value, before = rest.loc[repeated, "value"], rest.loc[earlier, "value"].set_axis(repeated)
        differ = value.ne(before) & value.notna() & before.notna()
    for two_values in (False, True):
        chosen = differ.eq(two_values).to_numpy()
        for index, other in zip(repeated[chosen][:SHOWN], earlier[chosen], strict=False):
            at = int(table.lines[index]), int(table.lines[other])
            findings.append(_duplicate(table, cells.loc[[index, other]], at, key, two_values))
        # Only counted: a word for each of 100,000 lines takes half a minute.
        code, column = ("D116", "value") if two_values else ("D114", key[0])
        lines = table.lines[repeated[chosen][SHOWN:]]
        findings += [Finding(code, "reject", "", table.file_name, int(line), column) for line in lines]
    return ~identical, findings


def _comparable(cells: pd.DataFrame, contract: TableContract) -> pd.DataFrame:
    """The cells with numbers by value: 57 and 57.0 are the same result."""
    numbers = [name for name in contract.of_kind("number") if name in cells]
    return cells.assign(**{name: cells[name].map(_by_value, na_action="ignore") for name in numbers})


def _by_value(cell: str) -> str:
    return repr(float(cell)) if re.fullmatch(NUMBER, cell) else cell


def _duplicate(
    table: DeliveryTable, rows: pd.DataFrame, at: tuple[int, int], key: list[str], values_differ: bool
) -> Finding:
    row, first = rows.iloc[0], rows.iloc[1]
    names = ", ".join(f"{column} {row[column]}" for column in key)
    line, earlier = at
    if values_differ:
        message = f"two results for {names}: {first['value']} in line {earlier} and {row['value']} here"
        remedy = "keep the valid one"
        return Finding("D116", "reject", message, table.file_name, line, "value", str(row["sample_id"]), remedy=remedy)
    message = f"duplicate key: {names} is already in line {earlier}"
    return Finding("D114", "reject", message, table.file_name, line, key[0], remedy="keep one line of each key")


def validate_table(table: DeliveryTable, origin: str = "surgery") -> tuple[CheckedTable, list[Finding]]:
    """Check a delivered table against its contract and type it.

    Parameters
    ----------
    table : DeliveryTable
        As read; cells are text.
    origin : str
        ``clock.origin`` of the protocol: the day it counts from is required, other days are not.

    Returns
    -------
    CheckedTable
        Typed rows; empty when a finding rejects the table.
    list of Finding
        ``reject`` for a missing column, an empty required cell, an unknown code, an impossible date, a
        number that is none or out of limits, a duplicate key or two results for one sample and analyte;
        ``warn`` for columns that are not loaded; ``note`` for identical rows, which count once.
    """
    contract = contract_of(table.name, origin)
    findings = _columns(table, contract)
    known = [name for name in contract.columns if name in table.raw]
    cells = table.raw[known].astype(object)
    cells = cells.where(cells != "", None)
    keep = pd.Series(True, index=cells.index)
    if set(contract.required_columns) <= set(known):
        findings += _cells(table, cells, contract, origin)
        keep, repeated = _keys(table, cells, contract)
        findings += repeated
    rejected = any(finding.severity == "reject" for finding in findings)
    kept = cells[keep & (not rejected)].copy()
    for name in contract.of_kind("number"):
        if name in kept:
            # float() rounds correctly; pandas' own parser may be one unit in the last place away.
            kept[name] = kept[name].map(float, na_action="ignore")
    frame = kept.reset_index(drop=True) if table.name == "plate_map" else typed(table.name, kept)
    lines = table.lines.loc[kept.index].reset_index(drop=True)
    delivered = frozenset(known)
    return CheckedTable(table.name, frame, lines, table.file_name, delivered), shorten(findings)
