"""Calls: how many patients are called what, at which landmark, and why some are not."""

from __future__ import annotations

import pandas as pd

from data.protocol import Protocol
from flows.reports.blocks import Section, folded, lead, tables
from flows.reports.page import Table, records

NO_CALL = "no call"


def calls_section(scores: pd.DataFrame, protocol: Protocol) -> Section:
    """Calls of the champion, and why some patients have none."""
    table = calls_table(scores, protocol)
    if table is None:
        words = "Nobody has a call yet"
        return Section("calls", "Calls", words, (lead("No patient has been scored on this data cut."),))
    none = int(scores["call"].fillna(NO_CALL).eq(NO_CALL).sum())
    words = (
        "Patients by call of the champion at each landmark they have reached. No call is an answer: the reasons are "
        "listed."
    )
    reasons = folded("Why there is no call", tables(reasons_table(scores, protocol)))
    heading = f"{len(scores) - none} of {len(scores)} questions have a call, {none} have none"
    return Section("calls", "Calls", heading, (lead(words), *tables(table), *reasons))


def call_columns(protocol: Protocol, scores: pd.DataFrame) -> list[str]:
    """Calls in order of risk, then any other word found, then "no call"."""
    known = list(protocol["calls.labels"])
    extra = sorted(set(scores["call"].dropna()) - {*known, NO_CALL})
    return [*known, *extra, NO_CALL]


def calls_table(scores: pd.DataFrame, protocol: Protocol) -> Table | None:
    """One row per endpoint: patients scored, calls, and how many have none."""
    if scores.empty:
        return None
    calls = call_columns(protocol, scores)
    filled = scores.assign(call=scores["call"].fillna(NO_CALL))
    counts = pd.crosstab(filled["endpoint_id"], filled["call"]).reindex(columns=calls, fill_value=0)
    order = [name for name in protocol.endpoints if name in counts.index]
    order += [str(name) for name in counts.index if name not in order]
    cells = {
        str(name): [int(value) for value in row] for name, row in zip(counts.index, counts.to_numpy(), strict=True)
    }
    rows = tuple((name, str(sum(cells[name])), *map(str, cells[name])) for name in order)
    return Table(("Endpoint", "Patients", *(call.capitalize() for call in calls)), rows)


def reasons_table(scores: pd.DataFrame, protocol: Protocol) -> Table | None:
    """Why there is no call: one row per endpoint and reason."""
    if scores.empty:
        return None
    none = scores[scores["call"].fillna(NO_CALL).eq(NO_CALL)]
    if none.empty:
        return None
    reason = none["reason"].fillna("").replace("", "no reason recorded")
    place = {name: position for position, name in enumerate(protocol.endpoints)}
    counts = none.assign(reason=reason).groupby(["endpoint_id", "reason"]).size().rename("patients").reset_index()
    counts = counts.assign(place=counts["endpoint_id"].map(place), rank=-counts["patients"])
    counts = counts.sort_values(["place", "rank", "reason"], kind="stable")
    rows = tuple((row.endpoint_id, row.reason, str(row.patients)) for row in records(counts))
    return Table(("Endpoint", "Why no call", "Patients"), rows, classes="reasons")
