"""The main job, end to end, on the bundled example trial: the real flows against a temporary Prefect server."""

from __future__ import annotations

import os
import resource
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.home import Home, HomeError
from flows.services import read_services
from flows.work import Progress

if TYPE_CHECKING:
    from flows.work.ingest import Ingested
    from flows.work.score import Scored
    from flows.work.train import Trained
    from models.result import TrainingResult

DEMO_FOLDER = Path("var/demo")
EXAMPLE = Path(__file__).resolve().parent.parent / "data" / "example"
RULE, CLINICAL = "M0", "Mc"
PAGES = 3
NAMED = 6


def run_demo(home: Home, data: Path | None = None, progress: Progress | None = None) -> list[str]:
    """Ingest, train, score and report in a fresh home.

    Parameters
    ----------
    home : Home
        Replaced when an earlier demo made it; must not exist or be empty otherwise.
    data : Path, optional
        A delivery; the bundled, simulated example when omitted.
    progress : callable, optional

    Returns
    -------
    list of str
        What was found and where to look, in ten lines.

    Raises
    ------
    HomeError
        When the folder holds something that no demo made, or the demo home's services run.
    """
    began = time.monotonic()
    fresh(home)
    home.enter()
    # The record keeps every line; the terminal shows the progress and the ten lines.
    os.environ["PREFECT_LOGGING_LEVEL"] = "INFO"
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
    results = _play(home, data or EXAMPLE, progress or (lambda done, total, name: None))
    return ten_lines(home, *results, seconds=time.monotonic() - began)


def fresh(home: Home) -> None:
    """Make the demo home anew; only what an earlier demo made is removed."""
    if home.root.exists() and home.kind != "demo" and (not home.root.is_dir() or any(home.root.iterdir())):
        raise HomeError(f"{home.root}: not made by an earlier demo, so it is left alone; choose another --home")
    if any(service.running for service in read_services(home).values()):
        raise HomeError(f"{home.root}: its services run; stop them first: netest down --home {home.root}")
    if home.root.exists():
        shutil.rmtree(home.root)
    home.create("demo")


def _play(home: Home, data: Path, progress: Progress) -> tuple[Ingested, Trained, Scored, list[Path]]:
    from flows import ingest, report, score, train
    from flows.shell import play

    progress(0, 4, "ingest (a temporary Prefect server starts first)")
    _, ingested = play(ingest.ingest, paths=[str(data)])
    progress(1, 4, "train")
    _, trained = play(train.train)
    progress(2, 4, "score")
    _, scored = play(score.score)
    progress(3, 4, "report")
    _, pages = play(report.report, kind="cohort")
    return ingested, trained, scored, [*pages, *_patient_pages(home, trained, scored)]


def _patient_pages(home: Home, trained: Trained, scored: Scored) -> list[Path]:
    """Pages of the patients at both ends of the first primary endpoint, and of one without a call."""
    from flows.work.report import Material, write_patients

    part = scored.frame[scored.frame["endpoint_id"] == primary(trained)[0].endpoint.id].sort_values("probability")
    called, uncalled = part[part["probability"].notna()], part[part["probability"].isna()]
    chosen = [*called["patient_id"].iloc[[-1, 0]], *uncalled["patient_id"].iloc[:1]] if len(called) else []
    return write_patients(home, Material(home, trained.prepared, scored.frame), chosen[:PAGES])


def primary(trained: Trained) -> list[TrainingResult]:
    """Results of the protocol's primary endpoints; of all when it names none."""
    results = list(trained.results.values())
    return [result for result in results if result.endpoint.primary] or results


def ten_lines(
    home: Home, ingested: Ingested, trained: Trained, scored: Scored, pages: list[Path], *, seconds: float
) -> list[str]:
    """What the demo found and where to look."""
    heads = primary(trained)[:2]
    lines = [
        loaded_line(home, ingested, trained),
        "Labels    " + "; ".join(label_words(result) for result in heads),
        *(f"{result.endpoint.id:<9} {verdict_words(result)}" for result in heads),
        "Others    " + "; ".join(short_words(result) for result in trained.results.values() if result not in heads),
        "Calls     " + calls_words(scored, heads[0].endpoint.id),
        note_line(trained),
        f"Report    {near(pages[0])} and {len(pages) - 1} patient pages; scores in {near(scored.path)}",
        f"Look      netest up --home {near(home.root)}    then MLflow http://127.0.0.1:5000 and Prefect http://127.0.0.1:4200",
        f"Took      {seconds:.0f} s, at most {peak_megabytes():.0f} MB in one process",
    ]
    return lines if len(heads) > 1 else [*lines[:2], lines[2], "", *lines[3:]]


def near(path: Path) -> Path:
    """A path as one would type it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def loaded_line(home: Home, ingested: Ingested, trained: Trained) -> str:
    """What was loaded and what was rejected."""
    trial = trained.prepared.trial
    files = ingested.report.files
    rejected = (
        ", ".join(files.loc[files["status"] == "rejected", "file"].map(lambda name: Path(str(name)).name)) or "none"
    )
    size = f"{len(trial.patients)} patients, {len(trial.samples)} samples, {len(ingested.report.plates)} plates"
    return f"Loaded    {ingested.loaded} files ({size}); rejected: {rejected} (reasons in {near(home.quarantine)})"


def label_words(result: TrainingResult) -> str:
    """Labels of one endpoint, e.g. ``MRD36@6 57 events, 25 none, 6 unknown, 13 without blood``."""
    counts = result.counts
    unknown = f"{counts['censored']} unknown, {counts['no_call']} without blood sample"
    return f"{result.endpoint.id} {counts['events']} events, {counts['non_events']} none, {unknown}"


def verdict_words(result: TrainingResult) -> str:
    """Champion beside the prespecified cut-off and the clinical comparator."""
    if not result.champion:
        return result.reason or result.policy_reason
    beside = [(RULE, "score above the cut-off"), (CLINICAL, "clinical only")]
    shown = [f"champion {result.champion} AUC {result.models[result.champion].cell('auc', 2)}"]
    shown += [
        f"{words} ({name}) {result.models[name].cell('auc', 2)}" for name, words in beside if name in result.models
    ]
    rests = f"{result.counts['events']} events among {result.counts['labelled']} labelled, {result.event_rate()}"
    return "; ".join([*shown, rests])


def short_words(result: TrainingResult) -> str:
    """One endpoint in few words."""
    if not result.champion:
        return f"{result.endpoint.id} {'no champion' if result.models else 'not estimable'}"
    area = result.models[result.champion].cell("auc", 2)
    size = f"{result.counts['events']}/{result.counts['labelled']} events"
    return f"{result.endpoint.id} {result.champion} AUC {area}, {size}, {result.event_rate()}"


def calls_words(scored: Scored, endpoint: str) -> str:
    """Calls of one endpoint, the highest by name."""
    part = scored.frame[scored.frame["endpoint_id"] == endpoint]
    found = part["call"].value_counts()
    counts = ", ".join(f"{found.get(word, 0)} {word}" for word in (*reversed(scored.calls), "no call"))
    top = part.sort_values("probability", ascending=False).loc[
        lambda rows: rows["call"] == scored.calls[-1], "patient_id"
    ]
    named = ", ".join(top[:NAMED]) + (" ..." if len(top) > NAMED else "")
    return f"{endpoint} {counts}; {scored.calls[-1]}: {named or 'nobody'}"


def note_line(trained: Trained) -> str:
    """Whether the records are simulated, and alarms."""
    alarms = sum(len(result.warnings) for result in trained.fitted)
    note = "these records are simulated: nothing here is evidence about patients, nor a medical device"
    told = note if trained.prepared.trial.simulated else "research software, not a medical device"
    return f"Mind      {told}" + (f"; {alarms} AUC alarms (see the report)" if alarms else "")


def peak_megabytes() -> float:
    """Largest resident memory of this process or a child it waited for, in MB."""
    usage: Any = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return float(usage) / 1024.0
