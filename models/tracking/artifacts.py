"""Files of a run: predictions under opaque subject keys, fold table, figures, model card, configuration."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.protocol import Protocol
from models.result import TrainingResult
from models.tracking.figures import alt_text, figures_of, forest_figure
from models.tracking.model_card import endpoint_note, model_card
from models.tracking.validation_files import write_validation_files

FIGURE_KINDS = ("roc", "calibration", "net_benefit", "forest")


def subject_keys(patients: pd.Index, key: str) -> pd.Index:
    """Opaque keys of patients: HMAC-SHA-256 of the identifier, 16 hexadecimal digits.

    Without the key nobody can tell, not even by trying all identifiers, whose row it is; with the same key the same
    patient has the same name in every run.
    """
    secret = key.encode()
    digests = [hmac.new(secret, str(patient).encode(), hashlib.sha256).hexdigest()[:16] for patient in patients]
    return pd.Index(digests, name="subject")


def _csv(frame: pd.DataFrame, path: Path, key: str) -> None:
    """A per-patient frame under subject keys, sorted by them so that the order gives nothing away."""
    frame.set_axis(subject_keys(frame.index, key)).sort_index().to_csv(path, float_format="%.6g")


def _json(content: Any, path: Path) -> None:
    path.write_text(json.dumps(_plain(content), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """JSON-safe copy: NaN becomes null, numpy numbers become numbers."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def write_model_files(
    result: TrainingResult, name: str, protocol: Protocol, folder: Path, *, key: str, simulated: bool
) -> None:
    """Write everything that belongs to one model's run into a folder."""
    model = result.models[name]
    _csv(model.oof, folder / "out_of_fold.csv", key)
    model.by_arm.to_csv(folder / "by_arm.csv", index=False)
    model.cutoffs.to_csv(folder / "cutoffs.csv", index=False)
    model.composite.to_csv(folder / "composite.csv", index=False)
    model.subgroups.to_csv(folder / "subgroups.csv", index=False)
    if "net_benefit" in model.curves:
        model.curves["net_benefit"].to_csv(folder / "net_benefit.csv", index=False)
    (folder / "model_card.md").write_text(model_card(result, name, protocol, simulated), encoding="utf-8")
    settings = model.estimator.settings()
    config = {"model": name, "settings": settings, "fitted": model.facts, "training": result.facts}
    _json(config, folder / "config.json")
    opinion = None if model.second_opinion is None else vars(model.second_opinion)
    intervals = {k: list(v) for k, v in model.intervals.items()}
    figures = {"metrics": model.metrics, "intervals": intervals, "decisions": model.decisions, "sites": model.sites}
    _json(figures | {"second_opinion": opinion}, folder / "metrics.json")
    texts = {}
    for kind, figure in figures_of(result, name, simulated).items():
        figure.savefig(folder / f"{kind}.png")
        texts[f"{kind}.png"] = alt_text(kind, result, name)
    _json(texts, folder / "alt_text.json")


def write_endpoint_files(
    result: TrainingResult, protocol: Protocol, folder: Path, *, key: str, simulated: bool, fingerprint: dict[str, Any]
) -> None:
    """Write everything that belongs to the training of an endpoint into a folder."""
    (folder / "README.md").write_text(endpoint_note(result, simulated), encoding="utf-8")
    _json({**fingerprint, "training": result.facts, "protocol": protocol.digest}, folder / "fingerprint.json")
    assumptions = [vars(record) for record in protocol.assumptions()]
    _json({"endpoint": vars(result.endpoint), "not stated in a source": assumptions}, folder / "protocol.json")
    if not result.models:
        return
    _csv(result.folds, folder / "folds.csv", key)
    result.comparisons.to_csv(folder / "comparisons.csv", index=False)
    forest_figure(result, simulated).savefig(folder / "forest.png")
    texts = {"forest.png": alt_text("forest", result), **write_validation_files(result, folder, simulated)}
    _json(texts, folder / "alt_text.json")
