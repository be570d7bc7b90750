"""``netest simulate``: knobs are listed, set and refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from flows.cli import main


def answer(*words: str):
    return CliRunner().invoke(main, ["simulate", *words])


def test_knobs_are_listed_with_unit_range_and_source() -> None:
    made = answer("--knobs", "--world", "null", "--set", "missed_scan=0.5")
    lines = made.output.splitlines()
    assert made.exit_code == 0 and lines[0].split() == ["knob", "value", "unit", "allowed", "source"]
    assert any(line.split()[:3] == ["missed_scan", "0.5", "share"] and line.endswith("as set") for line in lines)
    rows = json.loads(answer("--knobs", "--json").output)
    assert len(rows) == len(lines) - 1 and {"knob", "value", "unit", "allowed", "source"} == set(rows[0])


def test_a_knob_that_is_set_is_written_into_the_manifest(tmp_path: Path) -> None:
    made = answer("--out", str(tmp_path / "d"), "--patients", "4", "--world", "contemporary", "--set", "lock_months=60")
    assert made.exit_code == 0
    assert "world=contemporary lock_months=60.0" in (tmp_path / "d" / "delivery.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--set", "missed_scan=2"), 1, "missed_scan 2.0 is not a number from 0 to 1"),
        (("--set", "missed_scam=0"), 1, "did you mean missed_scan"),
        (("--world", "mars"), 1, "choose one of protocol, contemporary, developer, independent, null"),
        (("--cohort", "advanced", "--set", "missed_scan=0"), 2, "belong to the resected cohort"),
    ],
)
def test_what_cannot_be_is_refused(words: tuple[str, ...], code: int, said: str, tmp_path: Path) -> None:
    made = answer("--out", str(tmp_path / "d"), *words)
    assert made.exit_code == code and said in made.output
    assert not (tmp_path / "d").exists()
