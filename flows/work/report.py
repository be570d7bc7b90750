"""Reports: what each kind of page is made from, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.home import Home
from flows.services import api_url, mlflow_url
from flows.work import Progress
from flows.work.kept import kept_trainings
from flows.work.prepared import Prepared, prepare
from flows.work.score import score_all

if TYPE_CHECKING:
    import pandas as pd

    from models.result import TrainingResult


@dataclass(frozen=True, eq=False)
class Material:
    """What pages are made from: the prepared trial, the newest trainings by endpoint id, the scores, and links."""

    prepared: Prepared
    trainings: dict[str, TrainingResult]
    scores: pd.DataFrame
    links: Mapping[str, str]


def gather(home: Home, prepared: Prepared | None = None, scores: pd.DataFrame | None = None) -> Material:
    """Collect what pages are made from; without a champion the scores are empty."""
    prepared = prepared or prepare(home)
    if scores is None:
        scores = _scores(home, prepared)
    links = {"Prefect": api_url(home).removesuffix("/api"), "MLflow": mlflow_url(home)}
    return Material(prepared, kept_trainings(home), scores, {name: url for name, url in links.items() if url})


def _scores(home: Home, prepared: Prepared) -> pd.DataFrame:
    import pandas as pd

    from flows.work.registry import has_champion

    return score_all(home, prepared) if has_champion(home) else pd.DataFrame()


def run_report(
    home: Home,
    kind: str,
    name: str = "",
    out: Path | None = None,
    progress: Progress | None = None,
    material: Material | None = None,
) -> list[Path]:
    """Write pages.

    Parameters
    ----------
    home : Home
    kind : {"cohort", "patient", "patients", "plate", "model"}
    name : str
        Patient, plate or registered model; ``patients`` takes nothing and writes a page for everybody.
    out : Path, optional
        File, or folder for ``patients``; under ``reports`` when omitted.
    progress : callable, optional
    material : Material, optional
        Gathered when omitted.

    Returns
    -------
    list of Path

    Raises
    ------
    ValueError
        When the store is empty, or the plate, patient or model is unknown.
    """
    material = material or gather(home)
    if kind == "patients":
        return write_patients(home, material, list(material.prepared.trial.patients["patient_id"]), out, progress)
    writers: dict[str, Callable[[Material, str, Path], Path]] = {
        "cohort": _cohort,
        "patient": _patient,
        "plate": _plate,
        "model": _model,
    }
    target = out or page_place(home, kind, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    return [writers[kind](material, name, target)]


def write_patients(
    home: Home, material: Material, patients: list[str], out: Path | None = None, progress: Progress | None = None
) -> list[Path]:
    """A page for each of these patients."""
    folder = out or page_place(home, "patient").parent
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for done, patient in enumerate(patients):
        if progress is not None:
            progress(done, len(patients), patient)
        paths.append(_patient(material, patient, folder / f"{_safe(patient)}.html"))
    return paths


def page_place(home: Home, kind: str, name: str = "") -> Path:
    """Where a page lies when nobody says otherwise; its folder is made."""
    folder = home.reports if kind == "cohort" else home.reports / f"{kind}s"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{_safe(name or kind)}.html"


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)


def _cohort(material: Material, name: str, out: Path) -> Path:
    from flows.reports.cohort import write_cohort_report

    prepared, trainings = material.prepared, list(material.trainings.values())
    return write_cohort_report(
        prepared.trial, prepared.protocol, prepared.outcome, trainings, material.scores, out, links=material.links
    )


def _patient(material: Material, name: str, out: Path) -> Path:
    from flows.reports.patient import write_patient_report

    prepared = material.prepared
    return write_patient_report(prepared.trial, prepared.protocol, prepared.outcome, material.scores, name, out)


def _plate(material: Material, name: str, out: Path) -> Path:
    from flows.reports.plate import write_stored_plate_report

    return write_stored_plate_report(material.prepared.trial, material.prepared.protocol, name, out)


def _model(material: Material, name: str, out: Path) -> Path:
    from flows.reports.model import write_model_report

    found = [result for result in material.trainings.values() if name in (result.endpoint.slug, result.endpoint.id)]
    if not found:
        known = ", ".join(result.endpoint.slug for result in material.trainings.values())
        raise ValueError(f"no trained model {name!r}; " + (f"trained are {known}" if known else "run `netest train`"))
    prepared = material.prepared
    return write_model_report(
        found[0], prepared.protocol, out,
        simulated=prepared.trial.simulated, data_cut=prepared.data_cut, data_digest=prepared.trial.digest,
        links=material.links,
    )  # fmt: skip
