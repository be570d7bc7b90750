"""The analysis set at a data cut: features per landmark, labels and weights per endpoint, and a dictionary."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.home import Home, write_json
from flows.work.prepared import Prepared, prepare

if TYPE_CHECKING:
    import pandas as pd

FORMS = ("parquet", "csv")
ABANDONED_SECONDS = 3600
LABEL_COLUMNS = (
    ("patient_id", "", "pseudonym of the patient"),
    ("endpoint_id", "", "endpoint of the protocol, e.g. MRD36@6"),
    ("landmark_month", "month", "month from surgery at which the prediction is made"),
    ("horizon_month", "month", "month from surgery by which the event counts"),
    ("at_risk", "", "alive, followed and clear at the closed landmark"),
    ("status", "", "event, nonevent, death, cens, straddle_pos or straddle_neg; empty when not at risk"),
    ("y", "", "1 event, 0 none (death without recurrence counts as 0), empty when unknown"),
    ("resolved", "month", "visit at which the status was settled, or of the last adequate scan when censored"),
    ("label_version", "", "rule set of the labels and a digest of the protocol records they rest on"),
    ("weight", "", "inverse probability of being observed, by arm; empty when the label is unknown"),
)
SAMPLE_COLUMNS = (
    ("patient_id", "", "pseudonym of the patient"),
    ("visit", "", "visit of calendar.sample_month"),
    ("month", "month", "nominal month of that visit from time zero"),
    ("specimen", "", "blood or urine"),
    (
        "status",
        "",
        "collected (a valid result), failed_qc, not_measured, outside_window, not_collected (due, not drawn), dead, "
        "recurred, withdrawn (or lost), not_reached (the visit closes after the data cut), not_due (no time zero)",
    ),
)


def run_dataset(
    home: Home, out: Path | None = None, form: str = "parquet", data_cut: dt.date | None = None
) -> tuple[Path, list[str]]:
    """Write the analysis set.

    Parameters
    ----------
    home : Home
    out : Path, optional
        Folder; one named by the data cut under ``reports/dataset`` when omitted.
    form : {"parquet", "csv"}
    data_cut : date, optional

    Returns
    -------
    folder : Path
    files : list of str
        ``features`` (a row per patient and landmark), ``labels`` (a row per patient and endpoint), ``samples`` (a row
        per patient, scheduled visit and specimen), ``dictionary.csv`` and ``manifest.json`` with the fingerprint and
        the SHA-256 of each file. The same tables of an earlier export in the other form are removed.
    """
    prepared = prepare(home, data_cut)
    folder = out or home.reports / "dataset" / prepared.data_cut[:10]
    frames = {
        "features": feature_rows(prepared),
        "labels": label_rows(prepared),
        "samples": sample_rows(prepared),
    }
    files = [*(f"{name}.{form}" for name in frames), "dictionary.csv", "manifest.json"]
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    # Written aside and moved when all of it is there, the manifest last: a folder whose manifest fits is whole.
    aside = Path(tempfile.mkdtemp(prefix=".dataset-", dir=folder))
    try:
        _write(aside, frames, form, prepared)
        (folder / "manifest.json").unlink(missing_ok=True)
        for stale in (f"{name}.{other}" for name in frames for other in FORMS if other != form):
            (folder / stale).unlink(missing_ok=True)
        for name in files:
            os.replace(aside / name, folder / name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder, files


def _sweep(folder: Path) -> None:
    """Remove what an export that was killed left behind; a younger folder may belong to one that still runs."""
    for left in folder.glob(".dataset-*"):
        if left.is_dir() and time.time() - left.stat().st_mtime > ABANDONED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _write(folder: Path, frames: dict[str, pd.DataFrame], form: str, prepared: Prepared) -> None:
    for name, frame in frames.items():
        if form == "csv":
            frame.to_csv(folder / f"{name}.csv", index=False)
        else:
            frame.to_parquet(folder / f"{name}.parquet", index=False)
    dictionary().to_csv(folder / "dictionary.csv", index=False)
    facts = {
        "study": prepared.trial.study,
        "simulated": prepared.trial.simulated,
        "data_cut": prepared.data_cut,
        "fingerprint": prepared.fingerprint,
        "rows": {name: len(frame) for name, frame in frames.items()},
        "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())},
    }
    write_json(folder / "manifest.json", facts)


def feature_rows(prepared: Prepared) -> pd.DataFrame:
    """Landmark tables below each other, with ``landmark_month``."""
    import pandas as pd

    parts = [
        table.rows.rename_axis("patient_id").reset_index().assign(landmark_month=landmark)
        for landmark, table in prepared.tables.items()
        if len(table.rows)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["patient_id", "landmark_month"])


def label_rows(prepared: Prepared) -> pd.DataFrame:
    """Labels of every patient and endpoint with their weights."""
    import pandas as pd

    from features.outcomes import label, label_version
    from models.censoring import VisitCensoring

    parts = []
    for endpoint in prepared.protocol.endpoints.values():
        labels = label(prepared.outcome, endpoint, prepared.protocol)
        at_risk = labels[labels["at_risk"]]
        weight = pd.Series(dtype=float)
        if len(at_risk):
            weight = VisitCensoring.for_endpoint(endpoint, prepared.protocol).fit(at_risk).weights(at_risk)
        facts: dict[str, Any] = {
            "endpoint_id": endpoint.id,
            "landmark_month": endpoint.landmark,
            "horizon_month": endpoint.horizon,
            "label_version": label_version(prepared.protocol, endpoint.id),
        }
        known = weight.reindex(labels.index).where(labels["y"].notna())
        parts.append(labels.assign(**facts, weight=known).rename_axis("patient_id").reset_index())
    return pd.concat(parts, ignore_index=True)[[name for name, _, _ in LABEL_COLUMNS]]


def sample_rows(prepared: Prepared) -> pd.DataFrame:
    """What became of every sample of the calendar, as known at the data cut.

    For people who ask how much is missing and why; never for a model: *recurred* and *dead* are outcomes. What a model
    may know at a landmark stands in the reason columns ``sample_<visit>_<specimen>`` of the features.
    """
    import numpy as np

    from features.landmark import sample_accounting

    rows = sample_accounting(prepared.trial, prepared.outcome, prepared.protocol, np.inf)
    return rows[[name for name, _, _ in SAMPLE_COLUMNS]]


def dictionary() -> pd.DataFrame:
    """What each column means: table, name, unit, formula, source, look-back.

    ``table`` is *features*, *labels*, *samples*, or *model* for columns that are learnt inside a training fold and
    stand in no file.
    """
    import numpy as np
    import pandas as pd

    from features.registry import dictionary as features

    heads = ["name", "unit", "formula"]
    own = features()
    own = own.assign(table=np.where(own["source"] == "fold", "model", "features"))
    keys = pd.DataFrame(LABEL_COLUMNS[:1] + LABEL_COLUMNS[2:3], columns=heads).assign(table="features")
    others = {"labels": LABEL_COLUMNS, "samples": SAMPLE_COLUMNS}
    rest = [pd.DataFrame(columns, columns=heads).assign(table=name) for name, columns in others.items()]
    rows = pd.concat([keys, own, *rest], ignore_index=True)
    return rows[["table", *(column for column in rows.columns if column != "table")]]
