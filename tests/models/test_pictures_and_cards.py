"""Figures, model card and run files: what they must show, and whom they must not name."""

from __future__ import annotations

import json

import pytest

from models.tracking.artifacts import subject_keys, write_endpoint_files, write_model_files
from models.tracking.figures import SIMULATED, alt_text, caption, figures_of, forest_figure
from models.tracking.model_card import BANNER, endpoint_note, model_card
from models.tracking.run_fields import RunContext, metrics_of, params_of, tags_of


@pytest.fixture(scope="module")
def result(trained):
    return trained[0]


def words(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text")))


def test_every_figure_says_numbers_and_that_it_is_simulated(result):
    numbers = f"{result.counts['labelled']} labelled patients, {result.counts['events']} events"
    assert numbers in caption(result)
    for kind, figure in {**figures_of(result, "M3", True), "forest": forest_figure(result, True)}.items():
        shown = words(figure)
        assert numbers in shown and SIMULATED in shown and "MRD36@6" in shown
        assert numbers in alt_text(kind, result, "M3")
    assert SIMULATED not in words(forest_figure(result))


def test_a_rule_has_no_calibration(result):
    assert set(figures_of(result, "M0")) == {"roc"}
    assert set(figures_of(result, "M5")) == {"roc", "calibration", "net_benefit"}


def test_the_card_opens_with_the_warning_and_names_limits(result, protocol):
    card = model_card(result, "M3", protocol, simulated=True)
    assert card.splitlines()[2] == BANNER
    for heading in ("Purpose", "Data", "Outcome", "Predictors", "Method", "Results", "Limits"):
        assert f"## {heading}" in card
    assert "not a medical device" in card and "performance had no part in the choice" in card
    assert BANNER not in model_card(result, "M0", protocol, simulated=False)


def test_a_rule_is_judged_over_all_pairs_and_the_card_says_so(result, protocol):
    card = model_card(result, "M0", protocol, simulated=False)
    assert "AUC (fixed score, all pairs)" in card and "pairs within folds" not in card
    assert "AUC (pairs within folds)" in model_card(result, "M3", protocol, simulated=False)


def test_the_note_puts_the_verdict_first(result):
    lines = endpoint_note(result, simulated=True).splitlines()
    assert lines[0].startswith("## MRD36@6: M3, AUC 0.") and lines[2] == BANNER
    assert "| --- |" in endpoint_note(result, False)


def test_run_tables_stay_narrow(result, protocol):
    for name in result.models:
        metrics, params = metrics_of(result, name), params_of(result, name)
        assert len(metrics) < 25 and len(params) < 20
        assert {"auc", "auc_lo", "auc_hi", "n_events", "n_labelled", "prevalence"} <= set(metrics)
    tags = tags_of(result, protocol, RunContext(simulated=True), "M3")
    assert tags["simulated"] == "yes" and tags["role"] == "champion" and tags["landmark"] == "6"


def test_subject_keys_are_opaque_and_keyed():
    import pandas as pd

    patients = pd.Index(["P0001", "P0002"])
    one, again, other = subject_keys(patients, "a"), subject_keys(patients, "a"), subject_keys(patients, "b")
    assert one.equals(again) and not one.equals(other) and one.is_unique
    assert all(len(key) == 16 and "P0" not in key for key in one)


def test_no_file_of_a_run_names_a_patient(result, protocol, tmp_path):
    for name in result.models:
        (tmp_path / name).mkdir()
        write_model_files(result, name, protocol, tmp_path / name, key="secret", simulated=True)
    write_endpoint_files(result, protocol, tmp_path, key="secret", simulated=True, fingerprint={"data": "abc"})
    patients = list(result.models["M3"].oof.index)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"out_of_fold.csv", "folds.csv", "model_card.md", "config.json"}
    assert {path.name for path in files} >= {"roc.png", "forest.png", "fingerprint.json", "alt_text.json"}
    for path in files:
        content = path.read_bytes()
        assert not any(patient.encode() in content for patient in patients), path.name
        if path.suffix == ".json":
            json.loads(content)
