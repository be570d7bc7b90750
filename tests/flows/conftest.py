"""Shared by the tests of the top floor: a home of one's own, and an environment that no test leaves changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.home import FOREIGN, Home


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Commands give their process the home's environment; every test gets the old one back."""
    before = dict(os.environ)
    for name in ("NETEST_HOME", "NETEST_STORE_URL", "NETEST_MLFLOW_URI", "NETEST_ARTIFACT_URI", *FOREIGN):
        os.environ.pop(name, None)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home").create()


PATIENTS = (
    "patient_id,site,sex,birth_year,surgery_on,arm,primary_site,grade,margin\n"
    "T001,A,F,1960,2024-01-10,control,ileum,G1,R0\n"
    "T002,A,M,1955,2024-02-12,prrt,pancreas,G2,R1\n"
)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """Two patients as a site would send them."""
    folder = tmp_path / "delivery"
    folder.mkdir()
    (folder / "patients.csv").write_text(PATIENTS, encoding="utf-8")
    return folder
