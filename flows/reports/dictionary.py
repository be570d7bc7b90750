"""The data dictionary for people: as text in the terminal and as a page of the docs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import pandas as pd

from features.registry import FEATURES, LEARNT, dictionary
from flows.reports.page import records

GROUPS = {
    "patients": "Baseline facts",
    "blood": "Blood",
    "wells": "Expression",
    "urine": "Urine",
    "imaging": "Imaging history",
    "treatments": "Treatment",
    "samples": "Samples",
    "fold": "Learnt inside the training fold",
}
MATERIAL = "material"
SEARCHED = ["name", "unit", "formula", "source", "specimen", "kind"]
INTRODUCTION = """# Data dictionary

Every column of a landmark table (`features.landmark.table_at`, `netest dataset`). Made by
`netest dictionary --markdown` from `features/registry`; do not edit.

- One row per patient at risk at the landmark s; L(s) is the day on which its visit closes.
- A missing number is never zero: the reason stands in a column of kind *reason*, never a predictor.
- *Material* is what something is learnt from inside a training fold, never a predictor by itself.
- Columns *learnt inside the training fold* are not in the table: models add them while they are fitted.
- *Dated by* names the stamp of the column: the collection date of the latest record that it used.
- A name such as `kinetics.rcv_z` is a record of the protocol.
- In formulas: v is a result, l the same on the scale of change (logit of a score, ln of a concentration), t its day in
  months after time zero. The index s marks the landmark sample, u the post-operative sample before it, w the one before
  that, 1 the first post-operative one, pre the pre-operative one; sA and sI are the analytical and the within-person
  standard deviation.
"""
LEGEND = (
    "v result, l the same as logit or ln, t its month; index s landmark sample, u the post-operative one before it, "
    "w the one before that, 1 the first, pre the pre-operative one; L(s) day on which the landmark closes"
)
HEADS = ("column", "unit", "kind", "formula", "look-back", "dated by", "source of the formula")


def matching(words: Sequence[str]) -> pd.DataFrame:
    """Rows of the dictionary whose name, unit, formula, source, specimen or kind hold every word, in any case."""
    rows = dictionary()
    text = rows[SEARCHED].agg(" ".join, axis=1).str.lower()
    found = pd.Series(True, index=rows.index)
    for word in words:
        found &= text.str.contains(word.lower(), regex=False)
    return rows[found].reset_index(drop=True)


def _families(rows: pd.DataFrame) -> pd.DataFrame:
    """Genes written once: their columns differ in the symbol only."""
    gene = rows["name"].str.startswith("gene_") & rows["kind"].eq(MATERIAL)
    if gene.sum() < 2:
        return rows
    count = int(gene.sum())
    first = rows.index[gene][0]
    rows = rows[~gene | (rows.index == first)].copy()
    rows.loc[first, "name"] = f"gene_<SYMBOL> ({count} genes)"
    return rows


def _grouped(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for source, title in GROUPS.items():
        own = rows[rows["source"].eq(source)]
        if len(own):
            yield title, own


def as_text(rows: pd.DataFrame) -> str:
    """The dictionary for a terminal: name and unit, below them formula and look-back."""
    lines = []
    for title, own in _grouped(_families(rows)):
        lines.append(title.upper())
        for row in records(own):
            unit = f" [{row.unit}]" if row.unit else ""
            lines.append(f"  {row.name}{unit}  ({row.kind})")
            lines += textwrap.wrap(f"{row.formula}. From: {row.look_back}.", 108, initial_indent=" " * 6,
                                   subsequent_indent=" " * 6)  # fmt: skip
        lines.append("")
    count = f"{len(rows)} of {len(FEATURES) + len(LEARNT)} columns"
    return "\n".join([*lines, *textwrap.wrap(LEGEND, 112), count])


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("<", "&lt;")


def as_markdown(rows: pd.DataFrame) -> str:
    """The dictionary as a page of the docs."""
    parts = [INTRODUCTION]
    for title, own in _grouped(_families(rows)):
        parts += [
            f"## {title}",
            "",
            f"| {' | '.join(HEADS)} |",
            f"|{' --- |' * len(HEADS)}",
        ]
        parts += [
            f"| `{row.name}` | {_cell(row.unit)} | {row.kind} | {_cell(row.formula)} | {_cell(row.look_back)} "
            f"| {_cell(row.stamp)} | {_cell(row.reference)} |"
            for row in records(own)
        ]
        parts.append("")
    return "\n".join(parts).rstrip()
