"""The data dictionary as people see it: on the command line and in the docs."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from features.registry import FEATURES, LEARNT, dictionary
from flows.cli import main
from flows.reports.dictionary import GROUPS, as_markdown, as_text, matching

PAGE = Path(__file__).resolve().parents[2] / "docs" / "dictionary.md"


def test_words_narrow_the_dictionary_and_all_must_be_found():
    assert set(matching(["netest_slope"])["name"]) == {"netest_slope"}
    assert matching(["MONTH", "logit", "netest"])["unit"].str.contains("logit").any()
    assert matching(["slope", "no such word"]).empty
    assert len(matching([])) == len(FEATURES) + len(LEARNT)


def test_every_column_stands_in_the_text_and_in_one_group():
    assert set(dictionary()["source"]) <= set(GROUPS)
    text = as_text(dictionary())
    for name, feature in FEATURES.items():
        assert f"  {name} " in text or f"  {name}\n" in text or feature.kind == "material", name


def test_the_page_of_the_docs_is_the_dictionary():
    assert PAGE.read_text(encoding="utf-8") == as_markdown(dictionary()) + "\n", (
        "run: netest dictionary --markdown > docs/dictionary.md"
    )


def test_command_for_people_and_for_scripts():
    run = CliRunner().invoke(main, ["dictionary", "netest_slope"])
    assert run.exit_code == 0 and "netest_slope [logit/month]" in run.output
    rows = json.loads(CliRunner().invoke(main, ["dictionary", "--json", "netest_slope"]).output)
    assert [row["name"] for row in rows] == ["netest_slope"] and rows[0]["formula"]
    wrong = CliRunner().invoke(main, ["dictionary", "nonsense"])
    assert wrong.exit_code == 2 and "no column holds 'nonsense'" in wrong.output


def test_the_symbols_of_the_formulas_are_explained_on_the_page_and_in_the_terminal():
    for shown in (as_markdown(dictionary()), as_text(matching(["netest_slope"]))):
        assert all(word in " ".join(shown.split()) for word in ("v ", "index s", "u the post-operative", "pre the pre"))
