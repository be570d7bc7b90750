"""What naive practice would have claimed on the same simulated data, beside ours.

    python -m benchmarks.known_truth.naive [--replications N] [--jobs N] [--write]

Every row: the same simulated cohorts analysed twice. Each figure is a mean over replications with its Monte Carlo
standard error. ``--write`` puts the table into docs/naive.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.known_truth import naive_labels, naive_leaks, naive_nulls
from benchmarks.known_truth.cohorts import mean_and_error, replicate
from benchmarks.page import figure, table, write

COMMAND = "python -m benchmarks.known_truth.naive --write"
FIRST_SEED = 7000


@dataclass(frozen=True)
class Row:
    """A mistake: where it is simulated, what it is about, and which figures stand beside each other."""

    mistake: str
    about: str
    run: Callable[[int], dict[str, float]]
    honest: str
    naive: str
    share: float = 1.0


ROWS = (
    Row(
        "censored dropped",
        "MRD36@6 event rate, 48-month lock, n = 1,000 (truth {prevalence})",
        naive_labels.locked_cohort,
        "prevalence ours",
        "prevalence dropped",
    ),
    Row("censored counted as clear", "the same", naive_labels.locked_cohort, "prevalence ours", "prevalence as clear"),
    Row(
        "censored dropped",
        "negative predictive value of a score up to 20 (truth {npv})",
        naive_labels.locked_cohort,
        "npv ours",
        "npv dropped",
    ),
    Row("censored counted as clear", "the same", naive_labels.locked_cohort, "npv ours", "npv as clear"),
    Row(
        "visit cut at day 36.0",
        "disease-free survival of controls at 36 months, n = 2,000 (design .25)",
        naive_labels.hard_horizon,
        "closed visit",
        "cut at 36.0",
    ),
    Row(
        "midpoint of the interval as date",
        "share of the straddling labelled wrongly at month 33 (ours: no label there)",
        naive_labels.off_visit_labels,
        "",
        "midpoint wrong",
    ),
    Row("first positive scan as date", "the same", naive_labels.off_visit_labels, "", "first positive wrong"),
    Row(
        "has a 36-month sample, as feature",
        "AUC, MRD36@6, n = 1,000",
        naive_leaks.future_as_feature,
        "honest",
        "has a 36-month sample",
    ),
    Row("number of scans, as feature", "the same", naive_leaks.future_as_feature, "honest", "number of scans"),
    Row("last score at any date", "the same", naive_leaks.future_as_feature, "honest", "last score at any date"),
    Row(
        "samples split, not patients",
        "AUC of deep trees, landmarks 6 and 12, n = 300",
        naive_leaks.split_by_sample,
        "by patient",
        "by sample",
    ),
    Row(
        "plates not bridged",
        "AUC with a plate effect of 0.9 on the logit (without any: {no plate effect})",
        naive_leaks.plates,
        "bridged on controls",
        "not bridged",
        0.5,
    ),
    Row(
        "genes picked outside the folds",
        "AUC of 5 of 51 genes that know nothing, n = 106",
        naive_nulls.gene_selection,
        "inside",
        "outside",
    ),
    Row(
        "outcome protected in the batch correction",
        "AUC of a score that knows nothing, n = 106",
        naive_nulls.outcome_in_batch_correction,
        "as reported",
        "outcome protected",
    ),
    Row("plates filled by outcome", "the same, n = 106", naive_nulls.plates_by_outcome, "received", "outcome"),
    Row(
        "best of 50 configurations",
        "AUC of trees on columns that know nothing, n = 106",
        naive_nulls.best_of_fifty,
        "one",
        "best of 50",
        0.5,
    ),
)


def measure(replications: int, jobs: int) -> list[list[str]]:
    """Rows of the table."""
    runs: dict[Callable[[int], dict[str, float]], dict[str, tuple[float, float]]] = {}
    truth = list(replicate(naive_labels.full_follow_up, 5, FIRST_SEED - 100, jobs))
    known = {name: figure(*mean_and_error([one[name] for one in truth])) for name in truth[0]}
    out = []
    for row in ROWS:
        if row.run not in runs:
            found = list(replicate(row.run, max(2, round(replications * row.share)), FIRST_SEED, jobs))
            runs[row.run] = {name: mean_and_error([one[name] for one in found]) for name in found[0]}
        values = runs[row.run]
        about = row.about.format(**known, **{name: figure(*value) for name, value in values.items()})
        honest = figure(*values[row.honest]) if row.honest else "–"
        out.append([row.mistake, about, honest, figure(*values[row.naive])])
        print(" | ".join(out[-1]), flush=True)
    return out


def main() -> None:
    """Run, print, and write the page when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="put the table into docs/naive.md")
    asked = parser.parse_args()
    rows = measure(asked.replications, asked.jobs)
    text = f"{asked.replications} replications (fewer where a row is slow).\n\n"
    text += table(["mistake", "figure", "honest", "naive"], rows, 2)
    if asked.write:
        write("naive.md", COMMAND, text)


if __name__ == "__main__":
    main()
