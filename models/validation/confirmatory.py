"""What may be claimed: the fixed sequence of confirmatory tests over endpoints, and everything else as exploratory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data.protocol import Protocol
from models.estimators.specification import CLINICAL_COMPARATOR
from models.metrics.multiplicity import FAILED, NOT_TESTED, PASSED, benjamini_hochberg, fixed_sequence
from models.result import TrainingResult

METRIC = "brier"
COLUMNS = ["order", "endpoint", "model", "difference", "lower", "upper", "p", "verdict", "note"]


def confirmatory_tests(trainings: Mapping[str, TrainingResult], protocol: Protocol) -> pd.DataFrame:
    """Does the blood score add to the clinical comparator: one test per endpoint, in the protocol's order.

    Each is the paired difference of the weighted Brier score, comparator minus ``validation.confirmatory_model``,
    tested two-sided at the full ``validation.alpha``. The sequence stops at the first endpoint whose test does not pass
    or could not be done; a significant loss does not pass.

    Parameters
    ----------
    trainings : mapping of endpoint id to TrainingResult
        Endpoints that are missing were not trained.
    protocol : Protocol

    Returns
    -------
    DataFrame
        One row per endpoint of ``validation.confirmatory_sequence``: order, endpoint, model, difference (positive: the
        score helps), lower, upper, p, verdict (passed, not passed, not tested), note (why). A test after the stop keeps
        its interval, not its P value: it may be read, not claimed.
    """
    model, alpha = str(protocol["validation.confirmatory_model"]), float(protocol["validation.alpha"])
    sequence = [str(name) for name in protocol["validation.confirmatory_sequence"]]
    found = [_test(trainings.get(name), model) for name in sequence]
    # A gain in the wrong direction cannot pass, however small its two-sided P value.
    p = [1.0 if one["difference"] < 0 else one["p"] for one, _ in found]
    rows: list[dict[str, object]] = []
    stopped = ""
    for order, (name, verdict, test) in enumerate(zip(sequence, fixed_sequence(p, alpha), found, strict=True), start=1):
        one, note = test
        if stopped:
            note = f"not tested because {stopped} was not passed"
        elif verdict != PASSED:
            stopped = name
        row = {"order": order, "endpoint": name, "model": model, **one, "verdict": verdict, "note": note}
        rows.append(row | ({"p": np.nan} if verdict == NOT_TESTED else {}))
    return pd.DataFrame(rows, columns=COLUMNS)


def _test(training: TrainingResult | None, model: str) -> tuple[dict[str, float], str]:
    """Difference, limits and P value of one endpoint, and why there are none."""
    empty: dict[str, float] = dict.fromkeys(("difference", "lower", "upper", "p"), np.nan)
    if training is None:
        return empty, "not trained in this run"
    if training.comparisons.empty:
        return empty, training.reason or "nothing was compared"
    table = training.comparisons
    row = table[table["model"].eq(model) & table["against"].eq(CLINICAL_COMPARATOR) & table["metric"].eq(METRIC)]
    if row.empty:
        return empty, f"{model} was not compared with {CLINICAL_COMPARATOR}"
    values = {name: float(row.iloc[0][name]) for name in empty}
    return values, "" if np.isfinite(values["p"]) else "too few resamples for a P value"


def exploratory_tests(trainings: Mapping[str, TrainingResult], protocol: Protocol) -> pd.DataFrame:
    """Every other comparison with the clinical comparator, adjusted by Benjamini and Hochberg over all endpoints.

    Returns
    -------
    DataFrame
        endpoint and the columns of the comparisons, with ``q`` (adjusted P value) and ``found`` (q at most
        ``validation.false_discovery_rate``): a lead to follow, not a claim.
    """
    model, sequence = str(protocol["validation.confirmatory_model"]), protocol["validation.confirmatory_sequence"]
    parts = [
        training.comparisons[training.comparisons["against"].eq(CLINICAL_COMPARATOR)].assign(endpoint=name)
        for name, training in trainings.items()
        if not training.comparisons.empty
    ]
    if not parts:
        return pd.DataFrame(columns=["endpoint", "model", "metric", "p", "q", "found"])
    table = pd.concat(parts, ignore_index=True)
    claimed = table["endpoint"].isin(sequence) & table["model"].eq(model) & table["metric"].eq(METRIC)
    rest = table[~claimed].reset_index(drop=True)
    q = benjamini_hochberg(rest["p"].to_numpy())
    return rest.assign(q=q, found=q <= float(protocol["validation.false_discovery_rate"]))


def verdict_in_words(tests: pd.DataFrame) -> str:
    """The sequence in one sentence."""
    passed = tests.loc[tests["verdict"].eq(PASSED), "endpoint"].tolist()
    stop = tests[~tests["verdict"].eq(PASSED)].head(1)
    words = f"passed: {', '.join(passed)}" if passed else "no test passed"
    if stop.empty:
        return words
    first = stop.iloc[0]
    if first["verdict"] == FAILED:
        return f"{words}; stopped at {first['endpoint']} (P {first['p']:.3f}), what follows is not tested"
    return f"{words}; stopped at {first['endpoint']}: {first['note']}"
