"""The reference delivery of 106 patients loads whole and comes back equal to its files."""

import os
from pathlib import Path

import pandas as pd
import pytest

from data.contracts import TABLES
from data.ingest import ingest
from data.protocol import load_protocol
from data.store import Store
from data.trial import typed

ROOT = Path(__file__).parents[2]
REALDATA = Path(os.environ.get("NETEST_REALDATA", ROOT.parent / "shared" / "realdata"))
GOLD = REALDATA.parent / "reference" / "labels" / "delivery"

pytestmark = pytest.mark.skipif(not GOLD.is_dir(), reason="the reference delivery is not on this machine")


def as_delivered(name: str) -> pd.DataFrame:
    raw = pd.read_csv(GOLD / f"{name}.csv", dtype=str, keep_default_na=False)
    return typed(name, raw.where(raw != "", None))


def test_the_reference_delivery_loads_and_comes_back_equal(tmp_path):
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:
        report = ingest(store, [GOLD], load_protocol(), tmp_path / "quarantine")
        assert report.exit_code == 0, report.files["reason"].tolist()
        assert report.counts == {"loaded": 7, "unchanged": 0, "rejected": 0}
        trial = store.trial()
        for path in GOLD.glob("*.csv"):
            name = path.stem
            columns = list(TABLES[name].key) or list(TABLES[name].columns)
            expected = as_delivered(name).sort_values(columns, kind="stable").reset_index(drop=True)
            found = getattr(trial, name).sort_values(columns, kind="stable").reset_index(drop=True)
            pd.testing.assert_frame_equal(found, expected)
        again = ingest(store, [GOLD], load_protocol(), tmp_path / "quarantine")
        assert again.counts == {"loaded": 0, "unchanged": 7, "rejected": 0}
        assert store.digest() == trial.digest
