"""The delivery contract as data: which tables a site sends, and what each column may hold."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
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

    @property
    def required_columns(self) -> tuple[str, ...]:
        return tuple(name for name, column in self.columns.items() if column.required)

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
        "column is reported and ignored. A **bold** column must be there. qPCR exports lie beside the tables as the",
        "machine wrote them.",
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
        return f"number, {column.lower:g}{upper or ' or more'}"
    return {"id": "label", "date": "ISO date"}.get(column.kind, column.kind)


if __name__ == "__main__":
    print(contract_markdown(), end="")
