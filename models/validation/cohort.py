"""The rows an endpoint is learned from and judged on, with outcomes, patients and no-calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from data.findings import Finding, Refused
from data.protocol import Endpoint, Protocol
from data.protocol_values import CHOICES
from features.landmark import LandmarkTable
from features.outcomes import Outcome, composite_label, label
from models.censoring import VisitCensoring, VisitStates
from models.estimators.base import CENSORED, DEATH, OUTCOME, RECURRENCE
from models.estimators.encoding import encode, has_blood
from models.estimators.specification import stack
from models.validation.blocks import PATIENT
from models.validation.leakage import check_one_version, check_risk_set, check_table

STRATA = ("label", "arm")
GROUPED_BY = ("site", "sex", "age", "primary_site", "grade")


@dataclass(frozen=True)
class Cohort:
    """Everything about one endpoint, by patient and by person-landmark row.

    Attributes
    ----------
    endpoint : Endpoint
    labels : DataFrame
        Patients at risk at the endpoint's landmark, indexed by ``patient_id``: status, y, resolved, arm,
        ``composite`` (recurrence or death) and ``called`` (has the landmark blood score).
    rows : DataFrame of float64
        Person-landmark rows of called patients at every landmark of the stack (columns of
        ``models.estimators.encoding``).
    outcome : ndarray of OUTCOME
        One element per row; ``weight`` is NaN until a censoring model is fitted on training patients.
    patient : ndarray of int
        Patient code of each row, 0 ... n_patients - 1.
    patients : Index
        Patient identifiers in code order; the first ``len(labels)`` codes are the patients at risk, in their order.
    censoring : VisitCensoring
        The unfitted censoring model.
    states : VisitStates
        ``labels`` on the visits of the censoring model.
    own : ndarray of bool
        Rows at the endpoint's landmark; one per called patient.
    baseline : DataFrame
        What called patients are grouped by when a model is judged (arm, site, sex, age, primary_site, grade as far as
        the table has them), in the order of their rows. No estimator ever sees it: the site is not a term.
    site : ndarray of str
        Site of each patient, for blocking folds and never for a model; empty where unknown.
    blocks : {"patient", "site"}
        What may not be on both sides of a split.
    strata : tuple of str
        What folds are dealt evenly by: "label", or "label" and "arm".
    """

    endpoint: Endpoint
    labels: pd.DataFrame
    rows: pd.DataFrame
    outcome: np.ndarray
    patient: np.ndarray
    patients: pd.Index
    censoring: VisitCensoring
    states: VisitStates
    own: np.ndarray
    baseline: pd.DataFrame
    site: np.ndarray
    blocks: str = PATIENT
    strata: tuple[str, ...] = STRATA

    @property
    def known_labels(self) -> np.ndarray:
        """Label by patient code: 1 event, 0 none, NaN unknown, without a call or not at risk at the landmark."""
        out = np.full(len(self.patients), np.nan)
        out[self.patient[self.own]] = self.outcome["label"][self.own]
        return out

    @property
    def judged(self) -> pd.DataFrame:
        """Labels of the called patients, in the order of the rows at the endpoint's landmark."""
        return self.labels.loc[self.patients[self.patient[self.own]]]

    def weighted(self, patients: np.ndarray) -> np.ndarray:
        """Outcomes with censoring weights learned from some patients.

        Parameters
        ----------
        patients : ndarray of int
            Codes of the training patients, repeated when resampled; those not at risk at the landmark do not count.

        Returns
        -------
        ndarray of OUTCOME
            Copy with ``weight`` filled for every row of the endpoint's landmark.
        """
        out = self.outcome.copy()
        out["weight"][self.own] = self.evaluation_weights(patients)
        return out

    def evaluation_weights(self, patients: np.ndarray) -> np.ndarray:
        """Weights of the judged patients under the censoring of ``patients``, in the order of their rows."""
        at_risk = patients[patients < len(self.labels)]
        model = replace(self.censoring).fit(self.states.take(at_risk))
        return model.state_weights(self.states.take(self.patient[self.own]))

    def counts(self) -> dict[str, int]:
        """Patients at risk, labelled, events, non-events, deaths, censored and without a call."""
        status, called = self.labels["status"], self.labels["called"]
        judged = status[called]
        return {
            "at_risk": len(status),
            "no_call": int((~called).sum()),
            "judged": int(called.sum()),
            "labelled": int(judged.isin(["event", "nonevent", "death"]).sum()),
            "events": int((judged == "event").sum()),
            "non_events": int(judged.isin(["nonevent", "death"]).sum()),
            "deaths": int((judged == "death").sum()),
            "censored": int(judged.isin(["cens", "straddle_pos", "straddle_neg"]).sum()),
            "straddlers": int(judged.isin(["straddle_pos", "straddle_neg"]).sum()),
        }


def structured_outcome(labels: pd.DataFrame, outcome: Outcome, landmark: float) -> np.ndarray:
    """Labels of patients at risk as the structured outcome of ``models.estimators.base``.

    ``time`` is the visit of event, death or last information; ``lower`` and ``upper`` bound the recurrence in months
    (infinite when none was seen).
    """
    out = np.zeros(len(labels), dtype=OUTCOME)
    status = labels["status"].to_numpy()
    out["label"] = labels["y"].to_numpy(dtype=float)
    out["weight"] = np.nan
    out["time"] = labels["resolved"].to_numpy(dtype=float)
    out["event"] = np.select([status == "event", status == "death"], [RECURRENCE, DEATH], CENSORED)
    known = outcome.patients.reindex(labels.index)
    out["lower"] = known["last_clear"].fillna(landmark).clip(lower=landmark).to_numpy(dtype=float)
    out["upper"] = known["first_positive"].fillna(np.inf).to_numpy(dtype=float)
    return out


def _one_landmark(
    table: LandmarkTable, outcome: Outcome, question: Endpoint, protocol: Protocol
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Labels of everybody at risk (with ``called``), encoded rows of the called, and their outcomes."""
    labels = label(outcome, question, protocol)
    labels["composite"] = composite_label(labels, outcome, question, protocol)
    labels = labels[labels["at_risk"]].drop(columns="at_risk")
    check_risk_set(table, labels.index)
    raw = table.rows.reindex(labels.index)
    encoded = encode(raw, question.landmark)
    labels["called"] = has_blood(encoded, raw.assign(has_landmark_blood=_blood(raw)), question.landmark).to_numpy()
    called = labels["called"].to_numpy()
    return labels, encoded[called], structured_outcome(labels[called], outcome, question.landmark)


def _blood(raw: pd.DataFrame) -> pd.Series:
    """Whether the landmark blood sample exists; a patient without a row has none."""
    if "has_landmark_blood" not in raw:
        return pd.Series(True, index=raw.index)
    return raw["has_landmark_blood"].map(bool, na_action="ignore").fillna(False).astype(bool)


def build_cohort(
    tables: Mapping[float, LandmarkTable],
    outcome: Outcome,
    endpoint: Endpoint,
    protocol: Protocol,
    origin: pd.Series | None,
) -> Cohort:
    """Join landmark tables and labels into the rows of an endpoint.

    Parameters
    ----------
    tables : mapping of landmark to LandmarkTable
        Tables of the endpoint's landmark and, where available, of the other landmarks of its stack.
    outcome : Outcome
    endpoint : Endpoint
    protocol : Protocol
    origin : Series of datetime64
        Time zero by patient, against which the stamps of the tables are held.

    Raises
    ------
    Refused
        L101-L104 and L106-L108 when a table is unstamped, altered, holds later records or unknown columns, duplicates a
        patient or has another risk set than the labels; L111 when score versions differ between landmarks; M101 when
        the endpoint's own table is missing.
    """
    if endpoint.landmark not in tables:
        have = ", ".join(f"{landmark:g}" for landmark in tables)
        message = f"{endpoint.id} needs the table of landmark {endpoint.landmark:g}; given are {have}"
        raise Refused(Finding("M101", "reject", message))
    check_one_version([tables[landmark] for landmark, _ in stack(endpoint, protocol) if landmark in tables])
    parts = []
    for landmark, horizon in stack(endpoint, protocol):
        if landmark in tables:
            question = replace(endpoint, landmark=landmark, horizon=horizon)
            check_table(tables[landmark], origin, protocol)
            parts.append(_one_landmark(tables[landmark], outcome, question, protocol))
    labels = parts[0][0]
    rows = pd.concat([part[1] for part in parts])
    others = rows.index.difference(labels.index, sort=False)
    patients = labels.index.append(pd.Index(others.unique()))
    censoring = VisitCensoring.for_endpoint(endpoint, protocol)
    return Cohort(
        endpoint=endpoint,
        labels=labels,
        rows=rows.reset_index(drop=True),
        outcome=np.concatenate([part[2] for part in parts]),
        patient=patients.get_indexer(rows.index),
        patients=patients,
        censoring=censoring,
        states=censoring.states(labels),
        own=rows["landmark"].to_numpy() == endpoint.landmark,
        baseline=_baseline(tables[endpoint.landmark], labels),
        site=_sites([tables[landmark] for landmark, _ in stack(endpoint, protocol) if landmark in tables], patients),
        strata=_strata(protocol),
    )


def _strata(protocol: Protocol) -> tuple[str, ...]:
    """What folds are dealt evenly by; the label always."""
    wanted = tuple(protocol["validation.strata"])
    if list(wanted) not in CHOICES["validation.strata"]:
        raise ValueError(f'validation.strata is {list(wanted)}; expected ["label", "arm"] or ["label"]')
    return wanted


def _baseline(table: LandmarkTable, labels: pd.DataFrame) -> pd.DataFrame:
    """Columns that patients are grouped by, one row per called patient; the arm is that of the labels."""
    called = labels.index[labels["called"]]
    facts = table.rows.reindex(called)[[name for name in GROUPED_BY if name in table.rows]]
    return facts.assign(arm=labels.loc[called, "arm"].astype(object))


def _sites(tables: list[LandmarkTable], patients: pd.Index) -> np.ndarray:
    """Site of each patient as the tables know it, empty where they do not."""
    known = pd.concat(
        [table.rows["site"].dropna() for table in tables if "site" in table.rows] or [pd.Series(dtype=object)]
    )
    return known[~known.index.duplicated()].reindex(patients).fillna("").astype(str).to_numpy(dtype=object)
