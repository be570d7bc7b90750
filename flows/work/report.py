"""Reports: what each kind of page is made from, and where it goes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from flows.errors import PublicError
from flows.home import Home
from flows.services import api_url, mlflow_url
from flows.work import Progress
from flows.work.kept import kept_trainings
from flows.work.prepared import Prepared, load_trial, prepare
from flows.work.registry import has_champion
from flows.work.score import score_all

if TYPE_CHECKING:
    import pandas as pd

    from data.trial import Trial
    from models.result import TrainingResult


class Material:
    """What pages are made from; each part is gathered when a page first needs it.

    Parameters
    ----------
    home : Home
    prepared : Prepared, optional
        Read from the store when omitted.
    scores : DataFrame, optional
        Made with the champions when omitted; empty where there is none.
    """

    def __init__(self, home: Home, prepared: Prepared | None = None, scores: pd.DataFrame | None = None) -> None:
        self.home = home
        self._given, self._scores = prepared, scores

    @cached_property
    def prepared(self) -> Prepared:
        return self._given or prepare(self.home)

    @cached_property
    def trial(self) -> Trial:
        return self.prepared.trial if self._given else load_trial(self.home)[0]

    @cached_property
    def trainings(self) -> dict[str, TrainingResult]:
        """The newest trainings by endpoint id."""
        return kept_trainings(self.home)

    @cached_property
    def scores(self) -> pd.DataFrame:
        import pandas as pd

        if self._scores is not None:
            return self._scores
        return score_all(self.home, self.prepared) if has_champion(self.home) else pd.DataFrame()

    @cached_property
    def files(self) -> pd.DataFrame:
        """What was delivered, the rejected too."""
        with self.home.store() as store:
            return store.files()

    @cached_property
    def links(self) -> dict[str, str]:
        found = {"Prefect": api_url(self.home).removesuffix("/api"), "MLflow": mlflow_url(self.home)}
        return {name: url for name, url in found.items() if url}


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
    material = material or Material(home)
    if kind == "patients":
        return write_patients(home, material, list(material.trial.patients["patient_id"]), out, progress)
    if kind != "cohort" and not name:
        raise PublicError(f"a report of a {kind} needs its name")
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
    from flows.reports.cohort.report import write_cohort_report

    prepared, trainings = material.prepared, list(material.trainings.values())
    return write_cohort_report(
        prepared.trial, prepared.protocol, prepared.outcome, trainings, material.scores, out,
        links=material.links, files=material.files,
    )  # fmt: skip


def _patient(material: Material, name: str, out: Path) -> Path:
    from flows.reports.patient.report import UnknownPatient, write_patient_report

    if not material.trial.patients["patient_id"].eq(name).any():
        # Said before anything is computed.
        raise UnknownPatient(name)
    prepared = material.prepared
    return write_patient_report(
        prepared.trial, prepared.protocol, prepared.outcome, material.scores, name, out, tables=prepared.tables
    )


def _plate(material: Material, name: str, out: Path) -> Path:
    from flows.reports.plate.report import write_stored_plate_report

    return write_stored_plate_report(material.trial, material.home.protocol(), name, out)


def _model(material: Material, name: str, out: Path) -> Path:
    from flows.reports.model.report import write_model_report

    found = [result for result in material.trainings.values() if name in (result.endpoint.slug, result.endpoint.id)]
    if not found:
        known = ", ".join(result.endpoint.slug for result in material.trainings.values())
        raise PublicError(f"no trained model {name!r}; " + (f"trained are {known}" if known else "run `netest train`"))
    facts = found[0].facts
    return write_model_report(
        found[0], material.home.protocol(), out,
        simulated=material.trial.simulated, data_cut=str(facts.get("data_cut", "")),
        data_digest=str(facts.get("data_digest", "")), links=material.links,
    )  # fmt: skip
