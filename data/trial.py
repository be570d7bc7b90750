"""The records of a trial as a value: data frames that follow the delivery contract, frozen at a data cut."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import pandas as pd

from data.contracts import TABLES

WELL_COLUMNS = {
    "plate": "text",
    "instrument": "text",
    "file": "text",
    "row": "number",
    "well": "text",
    "sample_id": "id",
    "target": "text",
    "task": "text",
    "cq": "number",
    "state": "text",
    "omit": "flag",
}
VERDICT_COLUMNS = {
    "plate": "text",
    "sample_id": "id",
    "verdict": "text",
    "codes": "text",
    "reference_cq": "number",
    "replicate_sd": "number",
    "undetermined_fraction": "number",
}


def table_columns(name: str) -> dict[str, str]:
    """Column names and kinds of a trial table.

    Parameters
    ----------
    name : str
        A table of the delivery contract, ``wells`` or ``verdicts``.

    Returns
    -------
    dict of str to str
        Column name to kind (id, code, date, number, text, flag).
    """
    if name == "wells":
        return WELL_COLUMNS
    if name == "verdicts":
        return VERDICT_COLUMNS
    return {column: rule.kind for column, rule in TABLES[name].columns.items()}


def typed(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Bring a frame to the columns and types of a trial table.

    Missing columns are added empty, unknown ones dropped. Dates become ``datetime64[ns]``, numbers ``float64``,
    everything else Python strings with ``None`` for missing. A date is a day: time of day and time zone are dropped, so
    that a sample of the last day of a landmark belongs to it whatever the hour, and two of one day stay of one day.

    Parameters
    ----------
    name : str
        Table name.
    frame : DataFrame
        Rows in any column order.

    Returns
    -------
    DataFrame
        A new frame with a fresh integer index.
    """
    out: dict[str, pd.Series] = {}
    rows = len(frame)
    for column, kind in table_columns(name).items():
        values = frame[column].reset_index(drop=True) if column in frame else pd.Series([None] * rows, dtype=object)
        if kind == "date":
            out[column] = _days(pd.to_datetime(values))
        elif kind == "number":
            out[column] = pd.to_numeric(values).astype("float64")
        elif kind == "flag":
            out[column] = values.map(bool, na_action="ignore").astype("boolean").fillna(False).astype(bool)
        else:
            text = values.astype(object)
            out[column] = text.where(text.notna(), None).map(str, na_action="ignore")
    return pd.DataFrame(out, columns=list(table_columns(name)))


def _days(moments: pd.Series) -> pd.Series:
    """Calendar days of moments, by the clock on the spot."""
    local = moments.dt.tz_localize(None) if isinstance(moments.dtype, pd.DatetimeTZDtype) else moments
    return local.astype("datetime64[ns]").dt.normalize()


def with_categories(wells: pd.DataFrame) -> pd.DataFrame:
    """Wells with their text columns as categories, sorted; a frame that has them already is given back as it is.

    Millions of rows repeat a few thousand names: as numbers they are compared and grouped many times faster, in a
    fraction of the memory.
    """
    texts = [
        column
        for column in map(str, wells)
        if WELL_COLUMNS.get(column) in ("text", "id") and not isinstance(wells[column].dtype, pd.CategoricalDtype)
    ]
    return wells.assign(**{column: wells[column].astype("category") for column in texts}) if texts else wells


@dataclass(frozen=True)
class Trial:
    """Every table of a trial as known at one data cut.

    Parameters
    ----------
    patients, samples, results, controls, imaging, lesions, treatments, followup : DataFrame
    quality_of_life, adverse_events : DataFrame
        Tables of the delivery contract (``data/delivery_contract.toml``).
    wells : DataFrame
        One row per qPCR well and target: ``cq`` in cycles, NaN unless ``state`` is ``value``; texts as categories
        (:func:`with_categories`).
    verdicts : DataFrame
        One row per plate and sample: the laboratory verdict and its quality figures.
    data_cut : Timestamp or None
        Instant at which the world is frozen; None for all that is known.
    digest : str
        SHA-256 of the content.
    simulated : bool
        Whether the delivery declared itself simulated.
    study : str
        Name of the study.
    """

    patients: pd.DataFrame
    samples: pd.DataFrame
    results: pd.DataFrame
    controls: pd.DataFrame
    imaging: pd.DataFrame
    lesions: pd.DataFrame
    treatments: pd.DataFrame
    followup: pd.DataFrame
    quality_of_life: pd.DataFrame
    adverse_events: pd.DataFrame
    wells: pd.DataFrame
    verdicts: pd.DataFrame
    data_cut: pd.Timestamp | None = None
    digest: str = ""
    simulated: bool = False
    study: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "wells", with_categories(self.wells))

    @classmethod
    def from_frames(cls, **values: Any) -> Trial:
        """Build a trial from some frames; tables that are not given are empty."""
        empty = pd.DataFrame()
        frames: dict[str, Any] = {name: typed(name, values.pop(name, empty)) for name in TRIAL_TABLES}
        return cls(**frames, **values)

    @classmethod
    def empty(cls) -> Trial:
        """A trial without a single record."""
        return cls.from_frames()

    def replace(self, **values: Any) -> Trial:
        """A copy with some tables or facts exchanged."""
        return replace(self, **values)

    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables by name."""
        return {name: getattr(self, name) for name in TRIAL_TABLES}


TRIAL_TABLES = tuple(
    field.name for field in fields(Trial) if field.name not in ("data_cut", "digest", "simulated", "study")
)
