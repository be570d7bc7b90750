"""The real longitudinal cohort through features, model and metrics meets every R answer."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "pbcseq.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("pbcseq_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_quantity_meets_its_r_answer(script, realdata, reference, capsys):
    table = script.run(realdata, reference)
    assert len(table) > 450 and table["R"].notna().all()
    worst = table.loc[table["difference"].idxmax()]
    assert worst["difference"] <= script.TOLERANCE, worst.to_string()


def test_a_wrong_answer_fails_the_script(script, realdata, reference, tmp_path, capsys):
    for file in reference.glob("*pbcseq*.csv"):
        text = file.read_text(encoding="utf-8")
        if file.name.startswith("ref_"):
            text = text.replace("lm6m.death_or_tx.n,", "lm6m.death_or_tx.n,1", 1)
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    assert script.main(["--realdata", str(realdata), "--reference", str(tmp_path)]) == 1
    assert "largest difference" in capsys.readouterr().out
