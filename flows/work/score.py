"""Scoring: every patient with the champions, from data dated up to each landmark only."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import PublicError
from flows.home import Home
from flows.work import Progress
from flows.work.kept import kept_trainings
from flows.work.prepared import Prepared, prepare
from flows.work.registry import has_champion, load_champions

if TYPE_CHECKING:
    import pandas as pd

    from models.result import TrainingResult

NO_CHAMPION = "no champion yet; `netest train` makes the first one"


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores and the file that holds them.

    Parameters
    ----------
    frame : DataFrame
        Columns of :data:`models.scoring.COLUMNS`.
    path : Path
    calls : tuple of str
        The protocol's words for a probability, low to high.
    """

    frame: pd.DataFrame
    path: Path
    calls: tuple[str, ...]

    @property
    def header(self) -> tuple[str, ...]:
        return ("endpoint", "model", "scored", *self.calls, "no call")

    def counts(self) -> list[tuple[str, ...]]:
        """One row per endpoint: model, patients, patients per call."""
        rows = []
        for endpoint, part in self.frame.groupby("endpoint_id", sort=False):
            model = " ".join(filter(None, (part["model_name"].iloc[0], part["model_version"].iloc[0]))) or "none"
            found = part["call"].value_counts()
            rows.append(
                (str(endpoint), model, str(len(part)), *(str(found.get(word, 0)) for word in (*self.calls, "no call")))
            )
        return rows

    @property
    def called(self) -> int:
        return int((self.frame["call"] != "no call").sum())

    @property
    def sentence(self) -> str:
        """One sentence without names."""
        patients, missing = self.frame["patient_id"].nunique(), len(self.frame) - self.called
        return f"{patients} patients, {self.called} calls, {missing} no calls"

    def record(self) -> dict[str, Any]:
        """The result for a script."""
        return {
            "file": str(self.path),
            "endpoints": [dict(zip(self.header, row, strict=True)) for row in self.counts()],
        }


def run_score(
    home: Home, out: str | Path | None = None, data_cut: dt.date | None = None, progress: Progress | None = None
) -> Scored:
    """Score every patient and write the file.

    Parameters
    ----------
    home : Home
    out : path, optional
        A ``.csv`` or ``.parquet`` file; a dated one under ``reports/scores`` when omitted.
    data_cut : date, optional
        Use only what the store knew at the end of that day (UTC).
    progress : callable, optional

    Returns
    -------
    Scored

    Raises
    ------
    ValueError
        When there is no champion yet, or the file's kind is unknown.
    """
    path = Path(out) if out else home.reports / "scores" / f"scores-{time.strftime('%Y%m%dT%H%M%S')}.csv"
    write = _writer(path)
    if not has_champion(home):
        raise PublicError(NO_CHAMPION)
    if progress is not None:
        progress(0, 2, "features")
    prepared = prepare(home, data_cut)
    if progress is not None:
        progress(1, 2, "champions")
    frame = score_all(home, prepared)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    write(frame, temporary)
    temporary.replace(path)
    return Scored(frame, path, tuple(prepared.protocol["calls.labels"]))


def _writer(path: Path) -> Callable[[pd.DataFrame, Path], None]:
    writers: dict[str, Callable[[pd.DataFrame, Path], None]] = {
        ".csv": lambda frame, place: frame.to_csv(place, index=False),
        ".parquet": lambda frame, place: frame.to_parquet(place, index=False),
    }
    if path.suffix not in writers:
        raise PublicError(f"{path}: scores are written as .csv or .parquet")
    return writers[path.suffix]


def score_all(home: Home, prepared: Prepared) -> pd.DataFrame:
    """Scores of a prepared trial; an endpoint without champion says why.

    Raises
    ------
    ValueError
        When no endpoint has a champion.
    """
    from features.clock import origin_dates
    from models.scoring import score

    champions = load_champions(home, prepared.protocol)
    if not champions:
        raise PublicError(NO_CHAMPION)
    reasons = {name: why_no_champion(result) for name, result in kept_trainings(home).items()}
    return score(
        prepared.tables,
        prepared.protocol,
        champions,
        origin=origin_dates(prepared.trial, prepared.protocol),
        data_cut=prepared.data_cut,
        absent={name: reasons.get(name, "not trained yet") for name in prepared.protocol.endpoints},
    )


def why_no_champion(result: TrainingResult) -> str:
    """Why nobody is called at an endpoint: what stood in the way of a fit, else what the policy says."""
    return result.policy_reason if result.models else result.reason
