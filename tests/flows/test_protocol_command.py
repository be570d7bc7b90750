"""Choosing the trial rules of a home."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.protocol import PROTOCOL_FILE, ProtocolError
from data.protocol_source import packaged_protocols
from flows.errors import PublicError
from flows.home import Home
from flows.work.protocol import describe_protocol, use_protocol


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


def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    use_protocol(home, "nelmas")
    broken = tmp_path / "broken.toml"
    broken.write_text("[clock.origin]\nvalue = 1\n", encoding="utf-8")
    with pytest.raises(ProtocolError):
        use_protocol(home, str(broken))
    assert home.protocol_file.read_bytes() == PROTOCOL_FILE.read_bytes()
    assert [path.name for path in home.root.iterdir() if path.suffix == ".part"] == []
