"""Write a simulated trial as a site would deliver it: CSV tables, qPCR exports, and the truth aside."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.findings import Finding, Refused
from data.protocol import Protocol, load_protocol
from data.simulate.exports import export_text, file_name
from data.simulate.generate import STUDY, Simulated, generate
from data.simulate.plates import Plate, run_plates

NOTE = "Simulated by netest simulate: no patient behind any record. See data/simulate/worlds.toml."
DEFAULT_SEED = 20261121
DEFAULT_N = 106
TABLE_DECIMALS = 2
TRUTH_DECIMALS = 4


@dataclass(frozen=True)
class SimulationSummary:
    """What a simulation wrote.

    Parameters
    ----------
    out, truth : Path
        Folder of the delivery, and the file with the truth outside of it.
    n, seed, world : int, int, str
        What was asked for.
    counts : dict of str to int
        Rows per table, ``plates``, and special cases: deaths, lost to follow-up, recurrences, ...
    sha256 : str
        Digest of every file of the delivery with its name.
    """

    out: Path
    truth: Path
    n: int
    seed: int
    world: str
    counts: dict[str, int] = field(default_factory=dict)
    sha256: str = ""


def simulate(
    out: Path,
    *,
    n: int = DEFAULT_N,
    seed: int = DEFAULT_SEED,
    world: str = "protocol",
    qpcr: bool = True,
    truth: Path | None = None,
    protocol: Protocol | None = None,
    **knobs: Any,
) -> SimulationSummary:
    """Simulate a trial and write it as a delivery.

    The folder appears complete or not at all, and the same arguments give the same bytes on any machine.

    Parameters
    ----------
    out : Path
        Folder of the delivery. An earlier simulated delivery there is replaced.
    n, seed, world
        See :func:`data.simulate.generate.generate`.
    qpcr : bool
        Whether to run the blood samples on plates (about 24 kB of text per two samples).
    truth : Path, optional
        File for the truth; ``<out>_truth.csv`` beside the folder when absent. Never inside ``out``.
    protocol : Protocol, optional
        Calendar, panel and endpoints; the packaged protocol when absent.
    **knobs
        Single beliefs of the world to change.

    Returns
    -------
    SimulationSummary

    Raises
    ------
    Refused
        When ``out`` holds something that is not a simulated delivery.
    ValueError
        When n, seed, world or a knob is not usable, or ``truth`` lies inside ``out``.
    """
    out = Path(out)
    aside = checked_aside(out, truth)
    rules = protocol or load_protocol()
    simulated = generate(n, seed, world, rules, **knobs)
    plates = run_plates(simulated, rules) if qpcr else []
    if simulated.lock_on is not None:
        plates = [plate for plate in plates if plate.run_on <= simulated.lock_on]
    files = {"delivery.toml": _manifest(n, seed, world, knobs)}
    files |= {f"{name}.csv": csv_text(frame) for name, frame in simulated.frames.items()}
    files |= {f"qpcr/{file_name(plate)}": export_text(plate) for plate in plates}
    sha256 = write_delivery(out, files)
    write_aside(aside, csv_text(simulated.truth, TRUTH_DECIMALS))
    return SimulationSummary(out, aside, n, seed, world, count_cases(simulated, plates), sha256)


def checked_aside(out: Path, truth: Path | None) -> Path:
    """File for the truth: as asked for, or beside the delivery.

    Raises
    ------
    Refused
        When ``out`` holds something that is not a simulated delivery.
    ValueError
        When the truth would lie inside the delivery.
    """
    aside = Path(truth) if truth else out.with_name(f"{out.name}_truth.csv")
    if aside.resolve().is_relative_to(out.resolve()):
        raise ValueError(f"the truth must lie outside the delivery, got {aside} inside {out}")
    _check_replaceable(out)
    return aside


def _check_replaceable(out: Path) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    manifest = out / "delivery.toml"
    if manifest.is_file() and tomllib.loads(manifest.read_text(encoding="utf-8")).get("simulated") is True:
        return
    message = "holds something that is not a simulated delivery, so it is not replaced"
    raise Refused(Finding("D190", "reject", message, file=str(out), remedy="choose another folder with --out"))


def _manifest(n: int, seed: int, world: str, knobs: dict[str, Any]) -> str:
    changed = "".join(f" {name}={value}" for name, value in sorted(knobs.items()))
    made = f"n={n} seed={seed} world={world}{changed}"
    return f'study = "{STUDY}"\nsimulated = true\nnote = "{NOTE}"\nmade_with = "{made}"\n'


def csv_text(frame: pd.DataFrame, decimals: int = TABLE_DECIMALS) -> str:
    """A table as CSV text: ISO dates, rounded numbers without trailing zeros, missing = empty, LF."""
    return frame.apply(lambda column: _cells(column, decimals)).to_csv(index=False, lineterminator="\n")


def _cells(column: pd.Series, decimals: int) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column):
        text = column.to_numpy().astype("datetime64[D]").astype(str)
        return pd.Series(np.where(column.isna(), "", text), index=column.index)
    if pd.api.types.is_float_dtype(column):
        return pd.Series([_number(value, decimals) for value in column.tolist()], index=column.index, dtype=object)
    return column.astype(object).where(column.notna(), "").astype(str)


def _number(value: float, decimals: int) -> str:
    if value != value:
        return ""
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def write_delivery(out: Path, files: dict[str, str]) -> str:
    """Write files (by name) into a folder beside ``out`` and put it in place at once; returns the digest."""
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    digest = hashlib.sha256()
    try:
        for name in sorted(files):
            content = files[name].encode("utf-8")
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            path = fresh / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        fresh.chmod(0o755)
        _swap(fresh, out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return digest.hexdigest()


def _swap(fresh: Path, out: Path) -> None:
    if out.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        os.replace(out, old / out.name)
        os.replace(fresh, out)
        shutil.rmtree(old)
    else:
        os.replace(fresh, out)


def write_aside(path: Path, text: str) -> None:
    """Write one file so that a reader sees the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(text.encode("utf-8"))
    os.replace(part, path)


def count_cases(simulated: Simulated, plates: list[Plate]) -> dict[str, int]:
    """Rows per table and how often each special case occurs."""
    frames, truth = simulated.frames, simulated.truth
    results, imaging = frames["results"], frames["imaging"]
    measured = set(results.loc[results["analyte"] == "creatinine", "sample_id"])
    urine = frames["samples"].loc[frames["samples"]["specimen"] == "urine", "sample_id"]
    dead = frames["followup"]["status"].eq("dead").to_numpy()
    recurred = truth["first_positive_month"].notna().to_numpy()
    counts = {name: len(frame) for name, frame in frames.items()}
    return counts | {
        "plates": len(plates),
        "recurrences": int(recurred.sum()),
        "deaths": int(dead.sum()),
        "deaths_without_recurrence": int((dead & ~recurred).sum()),
        "lost_to_follow_up": int(truth["dropout_month"].notna().sum()),
        "equivocal_scans": int(imaging["finding"].eq("equivocal").sum()),
        "inadequate_scans": int(imaging["adequate"].eq("no").sum()),
        "unscheduled_scans": int(imaging["scheduled_month"].isna().sum()),
        "withdrawn_results": int(results["qc"].eq("fail").sum()),
        "below_limit_results": int(results["comparator"].eq("<").sum()),
        "urine_without_creatinine": int((~urine.isin(measured)).sum()),
    }
