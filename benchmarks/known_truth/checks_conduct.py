"""Acceptance checks of censoring, coverage and plates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.known_truth.check import Check, mean_check
from benchmarks.known_truth.cohorts import PROTOCOL, judged, make, mean_and_error, replicate
from benchmarks.known_truth.naive_labels import LOCKED, full_follow_up, locked_cohort
from benchmarks.known_truth.naive_leaks import ENDPOINT, plates
from features.outcomes import label
from models.censoring import VisitCensoring
from models.metrics.discrimination import auc, auc_with_interval

LOCKS, COVERED, PLATED, LARGE = 200, 1000, 60, 5


def censoring(folder: Path, jobs: int) -> list[Check]:
    """8. A 48-month lock, n = 1,000: event rate and negative predictive value.

    Against the same labels under full follow-up, which isolates the weights, and against the simulator's complete
    observation: a truth that is computed by the labels and weights under test could hide what is wrong with them.
    """
    truth = list(replicate(full_follow_up, LARGE, 100, jobs, "full follow-up"))
    found = list(replicate(locked_cohort, LOCKS, 200, jobs, "48-month lock"))
    rows = []
    for name, words, limit in (("prevalence", "event rate", 0.01), ("npv", "NPV of a score up to 20", 0.015)):
        for suffix, of in (("", "full follow-up"), (" complete", "complete observation")):
            right, error = mean_and_error([one[name + suffix] for one in truth])
            off = [one[f"{name} ours"] - right for one in found]
            what = f"weighted {words} minus that of {of}, {right:.3f}"
            check = mean_check("8", what, off, f"within {limit:g} of 0", -limit, limit)
            rows.append(replace(check, error=float(np.hypot(check.error, error))))
    return rows


def _interval(seed: int, **knobs: float) -> tuple[float, float]:
    """Interval of the AUC of the score at month 6, from labels, weights and landmark table alone."""
    made, endpoint = make(106, seed, **knobs), PROTOCOL.endpoint(ENDPOINT)
    labels = label(made.outcome, endpoint, PROTOCOL)
    labels = labels[labels["at_risk"]]
    weight = VisitCensoring.for_endpoint(endpoint, PROTOCOL).fit(labels).weights(labels)
    rows = made.table(endpoint.landmark).rows.reindex(labels.index)
    known = labels["y"].notna() & rows["has_landmark_blood"].eq(True) & rows["netest_last"].notna()
    return auc_with_interval(labels["y"][known], rows["netest_last"][known], weight[known])[2:]


def _followed(seed: int) -> tuple[float, float]:
    return _interval(seed)


def _locked(seed: int) -> tuple[float, float]:
    return _interval(seed, **LOCKED)


def _true_auc(seed: int) -> float:
    cohort = make(20_000, seed).cohort(ENDPOINT)
    known = judged(cohort)
    rows, score = known.known, cohort.rows["netest_last"].to_numpy()[cohort.own]
    return auc(known.label[rows], score[rows], known.weight[rows])


def coverage(folder: Path, jobs: int) -> list[Check]:
    """9. How often the logit-DeLong interval of the fixed score holds its true AUC, n = 106."""
    truth, _ = mean_and_error(list(replicate(_true_auc, LARGE, 400, jobs, "true AUC")))
    rows = []
    for one, words, low in ((_followed, "full follow-up", 0.93), (_locked, "48-month lock", 0.92)):
        found = np.array(list(replicate(one, COVERED, 2000, jobs, f"coverage, {words}")))
        held = (found[:, 0] <= truth) & (truth <= found[:, 1])
        bound = f"{low:g} to .97"
        rows.append(
            mean_check("9", f"coverage of the 95% interval, {words} (true AUC {truth:.3f})", held, bound, low, 0.97)
        )
    return rows


def batches(folder: Path, jobs: int) -> list[Check]:
    """14. Share of the AUC lost to a plate effect that bridging on the controls brings back."""
    found = list(replicate(plates, PLATED, 600, jobs, "plates"))
    clean, loud, bridged = (
        np.array([one[name] for one in found]) for name in ("no plate effect", "not bridged", "bridged on controls")
    )
    lost, back = clean - loud, bridged - loud
    share = back.mean() / lost.mean()
    error = float(np.std(back - share * lost, ddof=1) / np.sqrt(len(lost)) / lost.mean())
    words = f"share of the lost AUC brought back ({clean.mean():.3f} clean, {loud.mean():.3f} not bridged)"
    return [Check("14", words, share, error, "at least .90", bool(share >= 0.9), 2)]
