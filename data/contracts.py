"""The delivery contract as data: which tables a site sends, and what each column may hold."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

CONTRACT_FILE = Path(__file__).with_name("delivery_contract.toml")


@dataclass(frozen=True)
class ColumnContract:
    """One column of a delivered table.

    Parameters
    ----------
    kind : {"id", "code", "date", "number", "text"}
        How the text of a cell is read.
    required : bool
        Whether the header must name the column and (unless ``empty``) every row must fill it.
    empty : bool
        Whether a required column may hold empty cells.
    codes : tuple of str
        Allowed codes (``kind="code"``).
    lower, upper : float or None
        Inclusive limits (``kind="number"``).
    whole : bool
        Whether a number must be a whole one.
    origin : str
        The column is required exactly under a protocol whose clock starts at this origin (``clock.origin``); empty:
        as ``required`` says.
    since : int
        Edition of the contract that brought the column. What a later edition brought counts in content digests only
        where it is filled, so that earlier digests stay true.
    help : str
        The sentence a person reads beside the rule.
    """

    name: str
    kind: str
    required: bool = True
    empty: bool = False
    codes: tuple[str, ...] = ()
    lower: float | None = None
    upper: float | None = None
    whole: bool = False
    origin: str = ""
    since: int = 1
    help: str = ""


@dataclass(frozen=True)
class TableContract:
    """One delivered table: its columns in order, its key, whether a delivery folder must hold it, and whether a
    header alone says something (nobody was treated) instead of showing a cut file."""

    name: str
    columns: dict[str, ColumnContract]
    key: tuple[str, ...]
    required_file: bool
    may_be_empty: bool = False
    since: int = 1

    @property
    def required_columns(self) -> tuple[str, ...]:
        return tuple(name for name, column in self.columns.items() if column.required)

    @property
    def characteristic_columns(self) -> tuple[str, ...]:
        """Required columns whatever the protocol's origin: by these a header is recognised."""
        return tuple(name for name in self.required_columns if not self.columns[name].origin)

    def under(self, origin: str) -> TableContract:
        """The contract under a protocol whose clock starts at ``origin``."""
        columns = {
            name: replace(column, required=column.origin == origin) if column.origin else column
            for name, column in self.columns.items()
        }
        return replace(self, columns=columns)

    def of_kind(self, *kinds: str) -> list[str]:
        """Names of the columns of these kinds, in contract order."""
        return [name for name, column in self.columns.items() if column.kind in kinds]


def _column(name: str, record: dict) -> ColumnContract:
    return ColumnContract(name=name, **{**record, "codes": tuple(record.get("codes", ()))})


@cache
def delivery_tables() -> dict[str, TableContract]:
    """Read the delivery contract.

    Returns
    -------
    dict of str to TableContract
        In the order in which tables must be loaded (patients before samples before results).
    """
    records = tomllib.loads(CONTRACT_FILE.read_text(encoding="utf-8"))
    return {
        name: TableContract(
            name=name,
            columns={column: _column(column, rule) for column, rule in record["columns"].items()},
            key=tuple(record["key"]),
            required_file=record["required_file"],
            may_be_empty=record.get("may_be_empty", False),
            since=record.get("since", 1),
        )
        for name, record in records.items()
    }


TABLES = delivery_tables()


def contract_markdown() -> str:
    """The delivery contract as the Markdown page ``docs/delivery.md`` (``python -m data.contracts`` prints it)."""
    lines = [
        "# What you give: the delivery",
        "",
        "A delivery is a folder (or single files): CSV, UTF-8, a header row, ISO dates (`2024-05-17`),",
        "empty = missing. The column order is free; a file is recognised by its header, never by its name. An unknown",
        "column is reported and ignored. A **bold** column must be there; the day that the protocol counts from",
        "(`clock.origin`) is required, the other ones are not. qPCR exports lie beside the tables as the machine wrote",
        "them.",
        "",
        "This page is written from `data/delivery_contract.toml` by `python -m data.contracts`.",
    ]
    for table in TABLES.values():
        key = ", ".join(f"`{name}`" for name in table.key) or "none: rows are compared whole"
        lines += [
            "",
            f"## {table.name}.csv",
            "",
            f"Key: {key}.",
            "",
            "| column | holds | meaning |",
            "| --- | --- | --- |",
        ]
        for column in table.columns.values():
            name = f"**{column.name}**" if column.required else column.name
            lines.append(f"| {name} | {_holds(column)} | {column.help} |")
    return "\n".join(lines) + "\n"


def _holds(column: ColumnContract) -> str:
    if column.kind == "code":
        codes = ", ".join(f"`{code}`" for code in column.codes)
        return f"{codes} (may be empty)" if column.empty else codes
    if column.kind == "number" and column.lower is not None:
        upper = "" if column.upper is None else f" to {column.upper:g}"
        return f"{'whole ' if column.whole else ''}number, {column.lower:g}{upper or ' or more'}"
    return {"id": "label", "date": "ISO date"}.get(column.kind, column.kind)


if __name__ == "__main__":
    print(contract_markdown(), end="")
