"""The landmark tables of one patient, and why a landmark has no row of the patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.findings import Refused
from data.protocol import Protocol
from data.trial import Trial
from features.clock import origin_dates
from features.kinetics import MarkerRules, marker_rules, score_rules
from features.landmark import LandmarkTable, table_at
from features.landmark.sampling import why_absent
from features.outcomes import Outcome
from features.urine import urine_rules
from flows.reports import timeline
from flows.reports.page import number


@dataclass(frozen=True)
class Marker:
    """One marker of the kinetics, and how it is read.

    Parameters
    ----------
    prefix : str
        Of its columns in a landmark table: ``netest_``.
    name, unit, short : str
        For people; ``short`` inside a sentence.
    missing : str
        Column that says why a landmark has no value.
    rules : MarkerRules
    variation : tuple of str
        Records of the protocol for the analytical and the within-person variation.
    digits : int
        Decimals of a value.
    """

    prefix: str
    name: str
    unit: str
    short: str
    missing: str
    rules: MarkerRules
    variation: tuple[str, str]
    digits: int = 0

    @property
    def is_score(self) -> bool:
        """Whether it is a score from 0 to 100: what doubles are its odds."""
        return self.rules.scale == "logit"

    @property
    def has_cutoff(self) -> bool:
        """Whether results are called positive or negative."""
        return bool(np.isfinite(self.rules.cutoff))


@dataclass(frozen=True)
class Landmarks:
    """What the landmark tables hold of one patient.

    Parameters
    ----------
    reached : dict of float to Series
        Row of each landmark at which the patient was at risk, by month.
    absent : dict of float to (str, str)
        A word and a sentence for each other landmark: why there is no row.
    markers : tuple of Marker
    """

    reached: dict[float, pd.Series]
    absent: dict[float, tuple[str, str]]
    markers: tuple[Marker, ...]

    @property
    def after(self) -> dict[float, pd.Series]:
        """Landmarks after surgery that were reached, in order."""
        return {month: row for month, row in self.reached.items() if month > 0}

    @property
    def months(self) -> tuple[float, ...]:
        """All landmarks after surgery, reached or not, in order."""
        return tuple(sorted(month for month in {*self.reached, *self.absent} if month > 0))


def landmarks_of(
    trial: Trial,
    protocol: Protocol,
    outcome: Outcome,
    patient_id: str,
    tables: Mapping[float, LandmarkTable] | None = None,
) -> Landmarks:
    """Landmark rows of one patient.

    Parameters
    ----------
    trial : Trial
        Of this patient, with all plate controls.
    outcome : Outcome
        Of the same trial.
    patient_id : str
    tables : mapping of landmark to LandmarkTable, optional
        Of the whole trial, where they have been built already; the rows of a patient do not depend on the others.
    """
    reached: dict[float, pd.Series] = {}
    absent: dict[float, tuple[str, str]] = {}
    for month in protocol.landmarks:
        try:
            rows = (tables[month] if tables and month in tables else table_at(trial, protocol, month)).rows
        except Refused as error:
            absent[month] = ("refused", f"refused: {error.findings[0].message}")
            continue
        if patient_id in rows.index:
            reached[month] = rows[rows.index == patient_id].iloc[0]
        else:
            absent[month] = _why_absent(trial, protocol, outcome, month)
    return Landmarks(reached, absent, markers(trial, protocol))


def _why_absent(trial: Trial, protocol: Protocol, outcome: Outcome, month: float) -> tuple[str, str]:
    if month == 0:
        return "not at risk", "not randomised, or with recurrence before that"
    row = outcome.patients.iloc[0]
    why = str(why_absent(outcome, origin_dates(trial, protocol), month, protocol, trial.data_cut)[0])
    seen = "" if pd.isna(row["last_seen"]) else f"last seen at month {number(row['last_seen'], 1)}"
    words = {
        "dead": ("dead", f"died at month {number(row['death'], 1)}"),
        "recurred": ("recurred", f"recurrence seen at month {number(row['first_positive'], 1)}"),
        "not_reached": ("not reached", "the data cut lies before it closes"),
        "withdrawn": ("withdrawn or lost", seen or "no follow-up has been delivered"),
    }
    return words[why]


def markers(trial: Trial, protocol: Protocol) -> tuple[Marker, ...]:
    """The four markers with the rules of the protocol; the score by the version that the trial uses."""
    analyte, version = timeline.score_analyte(trial, protocol)
    version = version or str(protocol["assay_default.version"])
    assay = protocol.assays[version]
    score = score_rules(assay, analyte or assay.analytes[0], protocol)
    return (
        Marker("netest_", "NETest", "score 0 to 100", "NETest", "missing_netest", score, _records("rcv_sd")),
        Marker("cga_", "Chromogranin A", "ng/mL", "chromogranin A", "missing_cga", marker_rules("cga", protocol),
               _records("cga_cv")),
        Marker(
            "hiaa_creatinine_", "Urine 5-HIAA / creatinine", "µmol/mmol", "5-HIAA / creatinine", "missing_5hiaa",
            urine_rules(protocol), _records("hiaa_creatinine_cv"), 1,
        ),
        Marker(
            "urine_score_", "Urine score", "0 to 100", "the urine score", "missing_urine_score",
            marker_rules("urine_score", protocol), _records("urine_score_sd"),
        ),
    )  # fmt: skip


def _records(stem: str) -> tuple[str, str]:
    return f"kinetics.{stem}_analytical", f"kinetics.{stem}_biological"
