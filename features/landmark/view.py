"""What the blocks of a landmark table look at, and what they give back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from data.protocol import Assay, Protocol
from data.trial import Trial
from features.clock import origin_dates
from features.landmark.window import Place, Window, latest_in, sample_place, sample_window, valid_results
from features.measurements import sample_days
from features.outcomes.readings import adequate_scans


@dataclass(frozen=True)
class Block:
    """Columns by patient, and the dates they rest on.

    Parameters
    ----------
    columns : DataFrame
        Indexed by ``patient_id``; names of :data:`features.registry.FEATURES`.
    stamps : DataFrame of datetime64[ns]
        Same index, one column per stamp that the features of the block name (``Feature.stamp``): collection date of
        the latest record that such a column rests on, so that deleting everything dated later leaves the column as it
        is; NaT for none.
    """

    columns: pd.DataFrame
    stamps: pd.DataFrame


@dataclass(frozen=True)
class View:
    """The trial as known when a landmark closed, and what several blocks need of it.

    Parameters
    ----------
    trial : Trial
        Truncated at the landmark.
    protocol : Protocol
    landmark : float
        Months from time zero.
    index : Index
        Patients at risk, in the order of the patients table.
    measured : DataFrame
        From :func:`features.measurements.measurements`.
    assay : Assay
        Version of the blood score.
    analyte : str
        The blood score.
    drawn, read : DataFrame, optional
        :attr:`samples` and :attr:`scans`, when they are known already.
    """

    trial: Trial
    protocol: Protocol
    landmark: float
    index: pd.Index
    measured: pd.DataFrame
    assay: Assay
    analyte: str
    drawn: pd.DataFrame | None = None
    read: pd.DataFrame | None = None

    @cached_property
    def zero(self) -> pd.Series:
        """Day of time zero by patient."""
        return origin_dates(self.trial, self.protocol)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """Samples with their days (:func:`features.measurements.sample_days`)."""
        return sample_days(self.trial, self.protocol) if self.drawn is None else self.drawn

    @cached_property
    def scans(self) -> pd.DataFrame:
        """Adequate scans after surgery (:func:`features.outcomes.readings.adequate_scans`)."""
        return adequate_scans(self.trial, self.protocol) if self.read is None else self.read

    @cached_property
    def place(self) -> Place:
        """Window and visits of the landmark sample."""
        return sample_place(self.protocol, self.landmark)

    @cached_property
    def before(self) -> Window:
        """Window of the pre-operative sample."""
        return sample_window(self.protocol, 0)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Valid blood scores, at most one a day."""
        return valid_results(self.measured[self.measured["specimen"] == "blood"], self.analyte)

    @cached_property
    def anchor(self) -> pd.DataFrame:
        """The landmark blood sample of each patient at risk (row of :attr:`scores`), all NaN where there is none."""
        return latest_in(self.scores, self.place.window).reindex(self.index)
