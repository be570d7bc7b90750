"""``netest plan``: from a protocol alone to a verdict, tables, a page and a file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import browser
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from flows.cli import main
from flows.home import Home
from flows.work.plan import PlanRequest, run_plan, write_plan


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["plan", "--home", str(home), *words])


def test_a_home_without_data_gets_the_verdict_first(tmp_path: Path) -> None:
    found = run(tmp_path / "nothing", "--simulate", "0")
    assert found.exit_code == 0, found.output
    first = found.output.splitlines()[0]
    assert re.fullmatch(
        r"106 patients give \d+ labelled, \d+ events at MRD36@6: enough for 2 parameters \(shrinkage 0\.9\); "
        r"a validation with an AUC interval 0\.1 wide needs \d+ patients\.",
        first,
    )
    assert "! The quoted 0.27 is not the hazard ratio of 44% against 25% at 36 months: that is 0.592." in found.output
    assert not (tmp_path / "nothing").exists()


def test_develop_and_validate_leave_the_other_out(tmp_path: Path) -> None:
    develop = run(tmp_path, "--simulate", "0", "--develop", "--endpoint", "MRD36@6").output
    validate = run(tmp_path, "--simulate", "0", "--validate", "--endpoint", "MRD36@6").output
    assert "Develop 4 parameters" in develop and "Validate:" not in develop and "wide needs" not in develop
    assert "Validate:" in validate and "Develop" not in validate and "enough for" not in validate


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--prevalence", "1.2"), "prevalence 1.2 is impossible; give a number between 0 and 1"),
        (("--auc", "0.4"), "AUC 0.4 gives no model to plan for"),
        (("--r2", "0.85"), "this event rate allows at most"),
        (("--endpoint", "MRD99@6"), "no endpoint 'MRD99@6'"),
        (("--simulate", "1", "--world", "nowhere", "--endpoint", "MRD36@6"), "unknown world 'nowhere'"),
        (("--simulate", "0", "--world", "nowhere", "--endpoint", "MRD36@6"), "unknown world 'nowhere'"),
    ],
)
def test_impossible_input_ends_in_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    found = run(tmp_path, *(() if "--simulate" in words else ("--simulate", "0")), *words)
    assert found.exit_code == 1 and said in found.output
    assert len(found.output.strip().splitlines()) == 1


def test_json_holds_every_number(tmp_path: Path) -> None:
    record = json.loads(run(tmp_path, "--simulate", "0", "--endpoint", "ER12@12", "--json").output)
    assert record["verdict"].startswith("106 patients give") and record["trial"] == "NELMAS"
    rows = {(row["question"], row["scenario"], row["quantity"]): row["value"] for row in record["rows"]}
    assert rows["trial", "", "hazard ratio"] == pytest.approx(0.5922, abs=5e-5)
    assert rows["trial", "one-sided 0.1", "with_loss"] == pytest.approx(105.6, abs=0.05)
    assert ("develop", "contemporary", "parameters supported") in rows


def test_simulated_trials_reach_terminal_and_file(tmp_path: Path) -> None:
    out = tmp_path / "plan.csv"
    words = ("--simulate", "2", "--world", "protocol", "--endpoint", "MRD36@6", "--out", str(out))
    found = run(tmp_path / "home", *words)
    assert found.exit_code == 0, found.output
    assert "Simulated, 2 trials of 106 a world (seed 1)" in found.output and f"Written: {out}" in found.output
    table = pd.read_csv(out)
    own = table[table["question"].eq("simulated") & table["quantity"].eq("labelled")]
    assert len(own) == 1 and own["lower"].iloc[0] <= own["value"].iloc[0] <= own["upper"].iloc[0]


def test_another_protocol_says_what_does_not_apply(tmp_path: Path) -> None:
    home = tmp_path / "advanced"
    CliRunner().invoke(main, ["protocol", "--home", str(home), "--use", "advanced"])
    found = run(home)
    assert found.exit_code == 0, found.output
    assert "hazard ratio 0.192" in found.output and "0.27" not in found.output
    assert "simulation: the simulated worlds follow patients from surgery" in found.output
    assert "no endpoint of this protocol may be promoted" in found.output


def page_of(tmp_path: Path, simulate: int = 1) -> str:
    request = PlanRequest(endpoints=("MRD36@6",), simulate=simulate, worlds=("protocol",))
    planned = run_plan(Home.at(tmp_path / "home"), request)
    return write_plan(planned, tmp_path / "plan.html").read_text(encoding="utf-8")


def test_the_page_is_whole_without_simulation(tmp_path: Path) -> None:
    text = page_of(tmp_path, 0)
    assert "hazard ratio of 0.592" in text and "Added value" not in text
    assert "planning.dropout_per_year" in text and "nan" not in re.sub(r"<style>.*?</style>", "", text, flags=re.S)


@pytest.mark.skipif(browser.FOUND is None, reason="no Chromium on this machine: pages are not looked at")
def test_the_page_is_readable_at_both_widths_and_on_paper(tmp_path: Path) -> None:
    seen = browser.look(page_of(tmp_path), tmp_path)
    assert not seen.all, "\n".join(seen.all)
