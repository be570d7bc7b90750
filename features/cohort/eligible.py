"""Eligibility: every rule of the protocol against every patient, and the verdict."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from data.eligibility import CODE_COMPARISONS, EligibilityRule
from data.protocol import Protocol, ProtocolError
from data.trial import Trial
from features.cohort.quantities import quantity

MET, NOT_MET, NOT_ASSESSABLE = "met", "not met", "not assessable"
VERDICTS = ("eligible", "not eligible", "not assessable")
COMPARE: dict[str, Callable[[Any, float], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def rules_of(protocol: Protocol, rule_set: str | None = None) -> tuple[EligibilityRule, ...]:
    """Rules of one version of the criteria, in protocol order (domain sheet, section 5, rows 10 to 13 and 22).

    Parameters
    ----------
    rule_set : str, optional
        ``cohort.rule_set`` when omitted.

    Raises
    ------
    ProtocolError
        When the protocol holds no rule of that version; the message lists those it has.
    """
    wanted = str(protocol["cohort.rule_set"]) if rule_set is None else rule_set
    rules = tuple(rule for rule in protocol.eligibility if wanted in rule.rule_sets)
    if not rules:
        known = sorted({name for rule in protocol.eligibility for name in rule.rule_sets})
        raise ProtocolError(
            f"{protocol.path.name}: no eligibility rule of rule set {wanted!r}; it has {', '.join(known) or 'none'}"
        )
    return rules


def eligibility(trial: Trial, protocol: Protocol, *, rule_set: str | None = None) -> pd.DataFrame:
    """Every rule against every patient.

    A rule is *met* when it does not stand in the way of entering: an inclusion that holds, an exclusion that does
    not. A value that is missing, known only within bounds that straddle the limit, or on the list of queries of its
    rule is *not assessable*; nothing is met by being absent.

    Parameters
    ----------
    trial : Trial
        Uses ``patients``, ``treatments`` and ``imaging``.
    protocol : Protocol
    rule_set : str, optional
        As of :func:`rules_of`.

    Returns
    -------
    DataFrame
        One row per patient and rule, patients in their order, rules in protocol order: ``patient_id, rule, status``
        (met, not met, not assessable), ``found`` (the value with its unit, or why there is none).

    Raises
    ------
    ProtocolError
        As :func:`rules_of`.
    """
    rules = rules_of(protocol, rule_set)
    parts = [
        evaluate(rule, quantity(trial, protocol, rule.quantity)).assign(rule=rule.id, order=order)
        for order, rule in enumerate(rules)
    ]
    table = pd.concat(parts).rename_axis("patient_id").reset_index()
    place = pd.Series(np.arange(len(trial.patients)), index=trial.patients["patient_id"].to_numpy())
    table = table.assign(place=table["patient_id"].map(place)).sort_values(["place", "order"], ignore_index=True)
    return table[["patient_id", "rule", "status", "found"]]


def evaluate(rule: EligibilityRule, values: pd.DataFrame) -> pd.DataFrame:
    """One rule against the quantity it rests on: ``status`` and ``found`` by patient.

    Parameters
    ----------
    values : DataFrame
        From :func:`features.cohort.quantities.quantity`.
    """
    if rule.comparison in CODE_COMPARISONS:
        known = values["code"].notna()
        among = values["code"].isin(rule.value)
        always = never = among if rule.comparison == "in" else ~among
        text = values["code"]
    else:
        compare = COMPARE[rule.comparison]
        known = values["lower"].notna()
        low, high = compare(values["lower"], rule.value), compare(values["upper"], rule.value)
        always, never = low & high, low | high
        text = _in_words(values, rule.unit)
    query = values["lower"].isin(rule.query) & values["lower"].eq(values["upper"])
    holds = always if rule.kind == "inclusion" else ~never
    fails = ~never if rule.kind == "inclusion" else always
    status = np.select([~known | query, holds, fails], [NOT_ASSESSABLE, MET, NOT_MET], NOT_ASSESSABLE)
    found = text.where(known, values["reason"]).mask(query, text.astype(str) + f": {rule.query_reason}")
    return pd.DataFrame({"status": status.astype(object), "found": found.astype(object)}, index=values.index)


def _in_words(values: pd.DataFrame, unit: str) -> pd.Series:
    """A number with its unit, both bounds where they differ, the reason where it is infinite or unrecorded."""
    lower, upper = (values[side].round(2).map("{:g}".format).astype(object) for side in ("lower", "upper"))
    number = lower.where(values["lower"].eq(values["upper"]), lower + " or " + upper)
    number = number.mask(~values["lower"].eq(values["upper"]) & np.isinf(values["upper"]), lower + " or more")
    return (number + f" {unit}".rstrip()).mask(values["reason"].ne(""), values["reason"])


def eligible(trial: Trial, protocol: Protocol, *, rule_set: str | None = None) -> pd.DataFrame:
    """One verdict per patient.

    *not eligible* when a rule is not met, else *not assessable* when one could not be assessed, else *eligible*.

    Returns
    -------
    DataFrame
        ``patient_id, status, not_met, not_assessable``: the last two name rules, joined by "; ", "" for none.
    """
    table = eligibility(trial, protocol, rule_set=rule_set)
    index = pd.Index(trial.patients["patient_id"], name="patient_id")
    named = {
        column: table.loc[table["status"].eq(status)].groupby("patient_id")["rule"].agg("; ".join).reindex(index)
        for column, status in (("not_met", NOT_MET), ("not_assessable", NOT_ASSESSABLE))
    }
    names = pd.DataFrame(named, index=index).fillna("").astype(object)
    good, bad, open_ = VERDICTS
    status = np.select([names["not_met"].ne(""), names["not_assessable"].ne("")], [bad, open_], good)
    names.insert(0, "status", status.astype(object))
    return names.reset_index()


def rule_counts(trial: Trial, protocol: Protocol, *, rule_set: str | None = None) -> pd.DataFrame:
    """Patients by rule and status.

    Returns
    -------
    DataFrame
        One row per rule in protocol order: ``rule, sentence, kind, met, not met, not assessable``.
    """
    table = eligibility(trial, protocol, rule_set=rule_set)
    counts = pd.crosstab(table["rule"], table["status"])
    rules = rules_of(protocol, rule_set)
    out = pd.DataFrame([{"rule": rule.id, "sentence": rule.sentence, "kind": rule.kind} for rule in rules])
    for status in (MET, NOT_MET, NOT_ASSESSABLE):
        column = counts[status] if status in counts else pd.Series(dtype="int64")
        out[status] = out["rule"].map(column).fillna(0).astype("int64")
    return out
