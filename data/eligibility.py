"""Inclusion and exclusion rules of a protocol as data: one record per rule, checked when the file is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

RULE_KINDS = ("inclusion", "exclusion")
NUMBER_COMPARISONS = ("<", "<=", ">", ">=")
CODE_COMPARISONS = ("in", "not in")
REQUIRED = ("id", "kind", "quantity", "comparison", "value", "rule_sets", "source", "status", "sentence")
OPTIONAL = ("unit", "query", "query_reason", "note")


@dataclass(frozen=True)
class EligibilityRule:
    """One rule on who may enter the trial.

    Parameters
    ----------
    id : str
    kind : {"inclusion", "exclusion"}
        The comparison says what a patient must have (inclusion) or must not have (exclusion), as the source words it.
    quantity : str
        A column of the patients table, or a derived quantity (``features.cohort.quantities.DERIVED``).
    comparison : {"<", "<=", ">", ">=", "in", "not in"}
    value : float or tuple of str
        A number for the first four, codes for the last two.
    rule_sets : tuple of str
        Versions of the criteria that hold the rule.
    source, status, note : str
        Provenance, as of any protocol record.
    sentence : str
        The rule for people, worded so that an eligible patient fulfils it.
    unit : str
    query : tuple of float
        Values that are neither met nor failed but a question to the site, for ``query_reason``.
    """

    id: str
    kind: str
    quantity: str
    comparison: str
    value: Any
    rule_sets: tuple[str, ...]
    source: str
    status: str
    sentence: str
    unit: str = ""
    query: tuple[float, ...] = ()
    query_reason: str = ""
    note: str = ""


def eligibility_rules(rows: list[dict], statuses: tuple[str, ...]) -> tuple[EligibilityRule, ...]:
    """Rules from the ``[[eligibility]]`` records of a protocol file, in its order.

    Parameters
    ----------
    rows : list of dict
        As TOML reads them.
    statuses : tuple of str
        Words a record's ``status`` may be.

    Raises
    ------
    ValueError
        Naming rule, what was found and the remedy: a key that is missing or unknown, a kind, comparison or status that
        does not exist, a value that does not fit its comparison, an id given twice.
    """
    rules: dict[str, EligibilityRule] = {}
    for number, row in enumerate(rows, start=1):
        name = f"eligibility rule {row.get('id') or number}"
        _check_keys(name, row)
        _check_words(name, row, statuses)
        if row["id"] in rules:
            raise ValueError(f"{name}: the id is there twice; give every rule its own")
        if not isinstance(row["rule_sets"], list) or not all(isinstance(each, str) for each in row["rule_sets"]):
            raise ValueError(f'{name}: rule_sets {row["rule_sets"]!r}: list the versions of the criteria, e.g. ["S3"]')
        if not isinstance(row.get("query", []), list) or not all(_is_number(value) for value in row.get("query", [])):
            raise ValueError(f"{name}: query {row['query']!r}: list numbers, e.g. [8.0]")
        lists = {key: tuple(row[key]) for key in ("rule_sets", "query") if key in row}
        rules[row["id"]] = EligibilityRule(**{**row, **lists, "value": _value(name, row)})
    return tuple(rules.values())


def _check_keys(name: str, row: dict) -> None:
    missing = [key for key in REQUIRED if row.get(key) in (None, "", [])]
    unknown = sorted(set(row) - {*REQUIRED, *OPTIONAL})
    if missing:
        raise ValueError(f"{name}: no {', '.join(missing)}; a rule needs {', '.join(REQUIRED)}")
    if unknown:
        raise ValueError(f"{name}: unknown key {', '.join(unknown)}; use {', '.join((*REQUIRED, *OPTIONAL))}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_words(name: str, row: dict, statuses: tuple[str, ...]) -> None:
    allowed = {"kind": RULE_KINDS, "comparison": (*NUMBER_COMPARISONS, *CODE_COMPARISONS), "status": statuses}
    for key, words in allowed.items():
        if row[key] not in words:
            raise ValueError(f"{name}: {key} {row[key]!r} is not known; use one of {', '.join(words)}")
    for key in ("id", "quantity", "source", "sentence", "unit", "query_reason", "note"):
        if not isinstance(row.get(key, ""), str):
            raise ValueError(f"{name}: {key} {row[key]!r} is no text; put it between quotes")


def _value(name: str, row: dict) -> Any:
    """The value of a rule: a number to compare with, or the codes it may be among."""
    value, comparison = row["value"], row["comparison"]
    if comparison in CODE_COMPARISONS:
        if not isinstance(value, list) or not all(isinstance(code, str) for code in value):
            raise ValueError(f"{name}: value {value!r} does not go with {comparison!r}; list the codes as text")
        return tuple(value)
    if not _is_number(value):
        raise ValueError(f"{name}: value {value!r} does not go with {comparison!r}; give one number")
    return float(value)
