"""The house itself: four floors, imports that only run down, no addresses or machine paths in what we ship."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("data", "features", "models", "flows")
SOURCES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return names


def test_imports_only_run_down() -> None:
    climbs = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in SOURCES
        for name in imported_modules(path)
        if name.split(".")[0] in FLOORS
        and FLOORS.index(name.split(".")[0]) > FLOORS.index(path.relative_to(ROOT).parts[0])
    ]
    assert not climbs


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("prefect", "flows/"),
        ("mlflow", "models/tracking"),
        ("sqlalchemy", "data/store/"),
        ("alembic", "data/store/"),
    ],
)
def test_each_heavy_library_lives_in_one_room(library: str, allowed: str) -> None:
    strays = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if library in {name.split(".")[0] for name in imported_modules(path)}
        and not str(path.relative_to(ROOT)).startswith(allowed)
    ]
    assert not strays


def test_features_and_models_never_read_or_write_the_disk_directly() -> None:
    pattern = re.compile(r"\bopen\(|\.read_csv\(|\.to_csv\(|\.read_parquet\(|sqlite3")
    strays = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] == "features" and pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert not strays


def test_rooms_stay_small() -> None:
    crowded = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCES
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 300
    }
    assert not crowded


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-pip.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://|file:", text)
        pins = re.findall(r"^[a-z0-9-]+==\S+", text, flags=re.M)
        assert pins and text.count("--hash=sha256:") >= len(pins)


def test_nothing_gpl_at_run_time() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"^(scikit-survival|ecos|nvidia-)", lock, flags=re.M)


def test_cores_load_without_prefect_or_mlflow() -> None:
    code = (
        "import sys, data.ingest, features.landmark, features.outcomes, models.training, models.scoring;"
        "print([name for name in ('prefect', 'mlflow') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert out.stdout.strip() == "[]"
