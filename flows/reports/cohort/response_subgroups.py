"""Response by grade, primary tumour and line of therapy: rates of one group, odds between two."""

from __future__ import annotations

import pandas as pd

from flows.reports.cohort.material import Cohort, p_value, p_words
from flows.reports.page import EMPTY, Table, interval, percent_interval, records
from flows.reports.style import arm_label
from models.estimates.subgroups import odds_by_subgroup, rates_by_level

SUBGROUPS = {"grade": "Grade", "primary_site": "Primary tumour", "line": "Line of therapy"}
TREATED = "prrt"


def spoken(level: object) -> str:
    """A level for people."""
    if isinstance(level, float):
        return f"Line {level:g}"
    return str(level).replace("_nos", ", not specified").replace("_", " ")


def common_first(values: pd.Series) -> pd.Series:
    """Labels ordered by their number of patients, so that odds are taken against the largest group."""
    order = values.value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable").index
    return values.astype(pd.CategoricalDtype(list(order), ordered=True))


def levels_table(cohort: Cohort, people: pd.DataFrame) -> Table:
    """Response rate of each level with its exact interval, and odds against the largest level.

    In a trial with two arms the treated arm, since the line of therapy is that of the treatment.
    """
    own = people[people["arm"].eq(TREATED)] if cohort.two_arms else people
    rows: list[tuple[str, ...]] = []
    marks: list[str] = []
    for column, title in SUBGROUPS.items():
        if own[column].isna().all():
            continue
        ordered = own.assign(**{column: common_first(own[column]) if column == "primary_site" else own[column]})
        rows.append((title, *[""] * 4))
        marks.append("group")
        for place, row in enumerate(records(rates_by_level(ordered, "responded", column))):
            odds = "reference" if place == 0 else interval(row.odds_ratio, row.or_lower, row.or_upper)
            p = EMPTY if place == 0 else p_value(row.p)
            rate = percent_interval(row.rate, row.lower, row.upper)
            rows.append((spoken(row.level), f"{row.k} / {row.n}", rate, odds, p))
            marks.append("level")
    who = f"{arm_label(TREATED)} only" if cohort.two_arms else "all patients"
    caption = f"Response by subgroup, {who}, exact 95% intervals. Exploratory.{left_out(own)}"
    return Table(("", "Responders", "Rate", "Odds ratio", "Fisher's P"), tuple(rows), caption, tuple(marks))


def left_out(people: pd.DataFrame) -> str:
    """Patients in no row of a subgroup, because what it goes by is not known of them."""
    counts = {title: int(people[column].isna().sum()) for column, title in SUBGROUPS.items()}
    told = [f"{title.lower()} {n}" for title, n in counts.items() if 0 < n < len(people)]
    return f" Left out because not known (a line: never treated): {', '.join(told)}." if told else ""


def odds_tables(cohort: Cohort, people: pd.DataFrame) -> list[Table]:
    """Odds of response PRRT against control in each subgroup, with a test of heterogeneity; none with one arm."""
    if not cohort.two_arms:
        return []
    rows: list[tuple[str, ...]] = []
    marks: list[str] = []
    tests = []
    for column in ("grade", "primary_site"):
        both = people[people["arm"].isin(cohort.groups)].assign(**{column: common_first(people[column])})
        if both.dropna(subset=[column])["arm"].nunique() < 2:
            continue
        found = odds_by_subgroup(both, "responded", "arm", column, reference="control")
        rows.append((SUBGROUPS[column], *[""] * 4))
        marks.append("group")
        for row in records(found.table):
            odds = interval(row.odds_ratio, row.lower, row.upper)
            cells = (f"{row.k} / {row.n}", f"{row.k_reference} / {row.n_reference}", odds, p_value(row.p))
            rows.append((spoken(row.subgroup), *cells))
            marks.append("level")
        tests.append(f"{SUBGROUPS[column].lower()} {p_words(found.heterogeneity.p)}")
    if not rows:
        return []
    caption = "Odds of response, PRRT against control, by subgroup; exact 95% intervals. Do the subgroups differ "
    caption += f"(Breslow-Day test): {'; '.join(tests)}. Exploratory."
    heads = ("", "PRRT", "Control", "Odds ratio", "Fisher's P")
    return [Table(heads, tuple(rows), caption, tuple(marks))]
