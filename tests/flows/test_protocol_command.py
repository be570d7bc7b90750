"""Choosing the trial rules of a home."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.protocol import PROTOCOL_FILE, ProtocolError
from data.protocol_source import packaged_protocols
from data.store import FileRecord
from flows.errors import PublicError
from flows.home import Home
from flows.work.protocol import change_protocol, describe_protocol, followed_protocol, use_protocol


def test_a_fresh_home_follows_the_packaged_trial(tmp_path: Path) -> None:
    found = describe_protocol(Home.at(tmp_path / "home"))
    assert (found["trial"], found["origin"], found["file"]) == ("NELMAS", "surgery", "packaged with the software")


@pytest.mark.parametrize("name", sorted(packaged_protocols()))
def test_every_packaged_protocol_can_be_followed(name: str, tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    assert use_protocol(home, name).read_bytes() == packaged_protocols()[name].read_bytes()
    assert describe_protocol(home)["digest"] == home.protocol().digest


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(PROTOCOL_FILE.read_text(encoding="utf-8").replace('"NELMAS"', '"MINE"'), encoding="utf-8")
    home = Home.at(tmp_path / "home")
    use_protocol(home, str(own))
    assert describe_protocol(home)["trial"] == "MINE"


def test_a_protocol_that_is_not_there_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(PublicError, match="nothere: no such protocol; use one of nelmas"):
        use_protocol(Home.at(tmp_path / "home"), "nothere")


BASE = 'extends = "nelmas"\n'
SOURCED = 'source = "us"\nstatus = "assumed"\n'
RULE = (
    '[[eligibility]]\nid = "x"\nkind = "inclusion"\nquantity = "ki67_pct"\ncomparison = "<"\nvalue = 20\n'
    'rule_sets = ["S3"]\nsentence = "Ki-67 below 20%."\n' + SOURCED
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'no record trial.id, trial.name, trial.n_planned and [0-9]+ more; begin the file with extends = "nelmas"'),
        ("[trial\n", "not a readable protocol file"),
        ('extends = ["nelmas"]\n', r"extends \['nelmas'\]: no such packaged protocol"),
        (BASE + "omit = [5]\n", "list the records to leave out"),
        (BASE + 'omit = ["clock"]\n', "no record clock.month_days, clock.origin"),
        (BASE + f'[clock.month_days]\nvalue = "thirty"\n{SOURCED}', "holds 'thirty'; give a number"),
        (
            BASE + f'[kinetics.rcv_sd_biological]\nvalue = "0.3"\n{SOURCED}',
            'give a number from 0 on, or "not estimable"',
        ),
        (BASE + f"[kinetics.rcv_sd_biological]\nvalue = -0.3\n{SOURCED}", "holds -0.3; give a number from 0 on"),
        (BASE + f"[kinetics.cga_cv_analytical]\nvalue = nan\n{SOURCED}", "holds nan; give a number from 0 on"),
        (BASE + f'[batch.bridge]\nvalue = "sometimes"\n{SOURCED}', "holds 'sometimes'; give controls or none"),
        (BASE + f"[signature.minimum_patients]\nvalue = -5\n{SOURCED}", "holds -5; give a whole number from 1 on"),
        (BASE + f"[stable.minimum_patients]\nvalue = 12.5\n{SOURCED}", "holds 12.5; give a whole number from 1 on"),
        (BASE + f"[validation.folds]\nvalue = 1000\n{SOURCED}", "holds 1000; give a whole number from 2 to 20"),
        (BASE + f"[validation.bootstrap]\nvalue = -3\n{SOURCED}", "holds -3; give a whole number from 0 to 10,000"),
        (BASE + f"[validation.repeats]\nvalue = 2.5\n{SOURCED}", "holds 2.5; give a whole number from 1"),
        (BASE + f"[validation.alpha]\nvalue = 5\n{SOURCED}", "holds 5; give a number between 0 and 1"),
        (BASE + f"[validation.strata]\nvalue = []\n{SOURCED}", r'give \["label", "arm"\] or \["label"\]'),
        (BASE + f"[models.elastic_net_penalties]\nvalue = []\n{SOURCED}", "give a list of numbers above 0"),
        (BASE + f"[calls.probability_thresholds]\nvalue = [0.1, 0.5, 1.5]\n{SOURCED}", "numbers between 0 and 1"),
        (BASE + f"[policy.net_benefit_thresholds]\nvalue = [0.6, 0.1]\n{SOURCED}", "give them from low to high"),
        (BASE + f"[calls.probability_thresholds]\nvalue = [0.2]\n{SOURCED}", "calls.labels. holds .*; give 2 words"),
        (BASE + f'[models.aft_error]\nvalue = "cauchy"\n{SOURCED}', "give normal or logistic"),
        (BASE + f"[models.boosting_preset]\nvalue = {{ depth = 2 }}\n{SOURCED}", "give a table of depth, rate"),
        (BASE + f'[models.registered_few]\nvalue = ["M1", "M99"]\n{SOURCED}', "no model 'M99'; registered are M0"),
        (BASE + f"[models.registered]\nvalue = []\n{SOURCED}", "no model ''; registered are M0"),
        (BASE + f'[policy.champion_small_n]\nvalue = "m3"\n{SOURCED}', "no model 'm3'; registered are M0"),
        (BASE + f'[clock.origin]\nvalue = "birth"\n{SOURCED}', "'birth' is not known; use one of surgery"),
        (BASE + '[[endpoint]]\nid = "x"\n', "endpoint x: no family, landmark"),
        (BASE + '[endpoint]\nid = "x"\n', r"write each under \[\[endpoint\]\]"),
        (BASE + "[assay.X]\nfoo = 1\n", "assay X: no analytes"),
        (BASE + '[analyte.X]\nspecimen = "blood"\nunit = "x"\nunits = 5\n', "analyte X: units 5 does not go"),
        (BASE + RULE.replace("ki67_pct", "shoe_size"), "rule x: quantity 'shoe_size' is not known"),
        (BASE + RULE.replace("ki67_pct", "grade"), "grade is a code, so '<' does not go"),
        (BASE + RULE.replace("ki67_pct", "grade").replace('"<"', '"in"').replace("20\n", '["G9"]\n'), "no code 'G9'"),
        (BASE + RULE.replace("= 20", "= nan"), "give one number"),
        (BASE + RULE + "query = 5\n", "query 5: list numbers"),
    ],
)
def test_a_file_that_no_trial_can_follow_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    home, own = Home.at(tmp_path / "home"), tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(ProtocolError, match=words) as refused:
        use_protocol(home, str(own))
    assert "own.toml" in str(refused.value) and len(str(refused.value).splitlines()) == 1
    assert not home.protocol_file.exists()


def test_a_file_edited_by_hand_is_checked_again_before_a_training(tmp_path: Path) -> None:
    home, own = Home.at(tmp_path / "home"), tmp_path / "own.toml"
    own.write_text(BASE, encoding="utf-8")
    use_protocol(home, str(own))
    assert followed_protocol(home).digest == home.protocol().digest
    home.protocol_file.write_text(f"{BASE}[validation.folds]\nvalue = 0\n{SOURCED}", encoding="utf-8")
    with pytest.raises(ProtocolError, match="protocol.toml: .validation.folds. holds 0"):
        followed_protocol(home)


def test_a_change_over_loaded_data_says_what_still_rests_on_the_earlier_rules(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    assert change_protocol(home, "nelmas") == []
    with home.store() as store:
        store.load(FileRecord("a.csv", "a" * 64, "treatments"), {})
    assert change_protocol(home, "nelmas") == []
    (line,) = change_protocol(home, "advanced")
    assert line.startswith("1 files were judged under the earlier rules and are not judged again")


def test_a_damaged_protocol_of_a_home_can_be_replaced(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").create()
    home.protocol_file.write_text("[half", encoding="utf-8")
    assert change_protocol(home, "nelmas") == []
    assert describe_protocol(home)["trial"] == "NELMAS"


def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    use_protocol(home, "nelmas")
    broken = tmp_path / "broken.toml"
    broken.write_text("[clock.origin]\nvalue = 1\n", encoding="utf-8")
    with pytest.raises(ProtocolError):
        use_protocol(home, str(broken))
    assert home.protocol_file.read_bytes() == PROTOCOL_FILE.read_bytes()
    assert [path.name for path in home.root.iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("rcv_sd_biological", "0.3"), ("cga_cv_biological", '"not estimable"'), ("rcv_sd_biological", "0")],
)
def test_the_variation_of_a_marker_can_be_given_or_left_open(key: str, value: str, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(f"{BASE}[kinetics.{key}]\nvalue = {value}\n{SOURCED}", encoding="utf-8")
    home = Home.at(tmp_path / "home")
    use_protocol(home, str(own))
    assert str(home.protocol()[f"kinetics.{key}"]) == value.strip('"')
