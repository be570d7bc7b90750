"""The model card: figures with intervals, nothing that was not estimated, limits."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from report_cases import HOSTILE, check, protocol, trainings

from flows.reports import write_model_report
from flows.reports.cohort.endpoints import champion_tile, models_table
from flows.reports.model.added_value import confirmatory_table, differences_table, estimands_table
from flows.reports.model.endpoint_figures import forest_figure, model_figures, rests_on
from flows.reports.model.report import FIGURES, delta_table, figures_table, model_page
from models.result import PermutationNull


def test_the_card_shows_every_figure_of_the_champion_with_its_interval() -> None:
    result = trainings()["MRD36@6"]
    page = check(model_page(result, protocol(), simulated=True, data_cut="2024-01-01", data_digest="ab"))
    champion = result.models[result.champion]
    for _, metric, digits in FIGURES:
        lower, upper = champion.intervals[metric]
        assert f"({lower:.{digits}f} to {upper:.{digits}f})".replace("-0.00", "0.00") in page.text
    for words in (
        "SIMULATED DATA",
        "mrd36-at-6",
        "6 months after surgery",
        "Internal validation only",
        result.policy_reason,
    ):
        assert words in page.text
    # ROC, calibration, decision curve, models side by side, groups of patients.
    assert len(page.images) == 5
    assert all(digest in page.text for digest in result.facts["table_digests"].values())


def test_a_card_of_what_is_not_estimable_has_counts_and_a_reason_and_no_area() -> None:
    result = trainings()["ER12@36"]
    page = check(model_page(result, protocol()))
    assert result.reason[1:] in page.text and "none fitted" in page.text
    assert page.images == [] and "Performance" not in page.text


def test_no_area_is_printed_without_events_rate_and_arms() -> None:
    result = trainings()["MRD36@6"]
    rests, rate = rests_on(result), result.event_rate()
    assert f"{result.counts['events']} events" in rests and rate in rests and "control" in rate and "prrt" in rate
    figures = {figure.title: figure for figure in model_figures(result, "M3", protocol())}
    assert rests in figures["ROC"].caption and rests in figures["ROC"].alt
    assert rests in forest_figure(result, protocol()).caption and rests in models_table(result).caption
    assert rests in figures_table(result, "M3").caption and rests in delta_table(result, "M3").caption
    assert all(re.search(r"\(0\.\d\d to [01]\.\d\d\)", row[2]) for row in delta_table(result, "M3").rows)
    tile = champion_tile(result)
    assert rests in tile.note and tile.note.count(" to ") >= 3


def test_average_precision_stands_beside_the_event_rate() -> None:
    result = trainings()["MRD36@6"]
    labels = [row[0] for row in figures_table(result, "M3").rows]
    assert labels[labels.index("Average precision") + 1] == "Event rate (average precision by chance)"


def test_what_the_marker_adds_is_shown_with_p_values_and_the_sequence() -> None:
    result = trainings()["MRD36@6"]
    added = differences_table(result, "M3")
    names = [row[0] for row in added.rows]
    assert {"AUC", "Brier score (Mc minus model)", "Net benefit at 30%", "NPV at 50%"} <= set(names)
    assert differences_table(result, "Mc") is None
    steps = confirmatory_table(trainings(), protocol())
    assert [row[0] for row in steps.rows] == ["1. MRD36@6", "2. ER12@12", "3. MRD36@12", "4. ER12@6"]
    assert steps.rows[1][4] == "not trained in this run" and "Benjamini-Hochberg" in steps.caption


def test_both_estimands_are_told_apart_and_the_primary_is_named() -> None:
    table = estimands_table(trainings()["MRD36@6"], "M3")
    assert [row[0] for row in table.rows] == ["recurrence, death competes (primary)", "recurrence or death"]
    assert table.caption.startswith("The primary estimand is the cumulative incidence")


def test_without_enough_events_the_page_says_why_there_is_no_smooth_curve() -> None:
    result = trainings()["MRD36@6"]
    figure = next(one for one in model_figures(result, "M3", protocol()) if one.title == "Calibration")
    assert f"No smooth curve: {result.counts['events']} events, 300 are needed." in figure.caption


def test_no_champion_is_said_and_the_prespecified_model_is_shown() -> None:
    result = replace(trainings()["MRD36@6"], champion="", policy_reason="no champion: sensitivity and never promoted")
    page = check(model_page(result, protocol()))
    assert "No champion: sensitivity and never promoted." in page.text
    assert "prespecified, not promoted" in page.text


def test_warnings_and_hostile_words_stay_words() -> None:
    result = replace(trainings()["MRD36@6"], warnings=(HOSTILE,), policy_reason=HOSTILE)
    text = model_page(result, protocol(), data_cut=HOSTILE)
    assert "<script>alert('x')</script>" in check(text).text
    assert "<script" not in text


def test_the_card_says_how_far_to_trust_it() -> None:
    result = trainings()["MRD36@6"]
    opinion = result.models["M3"].second_opinion
    assert opinion is not None
    text = check(model_page(result, protocol())).text
    assert "Second opinion" in text and "Harrell, 5 resamples" in text and f"{opinion.corrected['auc']:.2f}" in text
    assert "Learning curve" not in text and "Permutation null" not in text
    assert "5-fold cross-validation by patient" in text
    curve = pd.DataFrame(
        {"model": ["M3", "M3", "Mc", "Mc"], "share": [0.4, 1.0] * 2, "patients": [26.0, 64.0] * 2}
        | {"events": [15.0, 37.0] * 2, "auc": [0.61, 0.72, 0.55, np.nan]}
        | {f"auc_{side}": [0.5, 0.6, 0.4, np.nan] for side in ("lo", "hi")}
        | {name: [0.25, 0.21, 0.26, 0.24] for name in ("brier", "brier_lo", "brier_hi")}
    )
    row = {"model": "M3", "statistic": "auc_minus_mc", "observed": 0.043, "null_mean": 0.002, "null_sd": 0.02}
    null = PermutationNull(pd.DataFrame([row | {"null_95": 0.031, "p": 0.01, "permutations": 99}]), pd.DataFrame())
    asked = replace(result, learning_curve=curve, permutation=null, facts=result.facts | {"blocks": "site", "sites": 9})
    page = check(model_page(asked, protocol()))
    for words in ("M3, 40%", "0.61 (0.50 to 0.50)", "M3: AUC minus Mc", "0.010", "with whole sites (9) left out"):
        assert words in page.text
    assert len(page.images) == 6


def test_same_input_same_bytes(tmp_path: Path) -> None:
    result = trainings()["MRD36@6"]
    first, second = (write_model_report(result, protocol(), tmp_path / f"{i}.html").read_bytes() for i in range(2))
    assert first == second
