"""Scores of patients: probability, interval, call and the reason where there is no call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.findings import Finding, Refused
from data.protocol import Endpoint, Protocol
from features.landmark import LandmarkTable
from features.outcomes import label_version
from models.estimators.base import RiskModel
from models.estimators.encoding import encode, has_blood
from models.validation.leakage import check_table

COLUMNS = (
    "patient_id endpoint endpoint_id landmark_month horizon_month probability lower upper call reason "
    "model_name model_version data_cut"
).split()
OTHER_RULES = "the model was trained under other label rules: run netest train"
NO_CALL = "no call"
WRONG_VERSION = "M102"


@dataclass(frozen=True)
class Champion:
    """A model ready to score: the fitted estimator, its registered name and version, and what it is ("M3")."""

    estimator: RiskModel
    model_name: str
    model_version: str
    specification: str = ""


def calls(probability: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Words for probabilities: the protocol's labels between its thresholds; a threshold belongs to the band above.

    Returns
    -------
    ndarray of str
        "no call" where the probability is NaN.
    """
    labels = np.asarray(protocol["calls.labels"], dtype=object)
    band = np.digitize(np.nan_to_num(probability), [float(t) for t in protocol["calls.probability_thresholds"]])
    return np.where(np.isnan(probability), NO_CALL, labels[band])


def _check_version(table: LandmarkTable, champion: Champion, endpoint: Endpoint) -> None:
    trained = getattr(champion.estimator, "assay_version_", table.version)
    if trained != table.version:
        raise Refused(
            Finding(
                WRONG_VERSION,
                "reject",
                f"{endpoint.id}: the champion was trained on NETest version {trained}, these scores are version "
                f"{table.version}",
                remedy="train a model for this version",
            )
        )


def _other_rules(champion: Champion, endpoint: Endpoint, protocol: Protocol) -> bool:
    """Whether a champion learnt labels that today's protocol would not give."""
    today = label_version(protocol, endpoint.id)
    return getattr(champion.estimator, "label_version_", today) != today


def _why_not(rows: pd.DataFrame, called: np.ndarray, landmark: float) -> np.ndarray:
    """Reason of each no-call, "" for the called."""
    known = rows["missing_netest"] if "missing_netest" in rows else pd.Series("", index=rows.index)
    words = known.fillna("").astype(str).str.replace("_", " ").replace("", "not available")
    return np.where(called, "", f"no blood score at month {landmark:g}: " + words.to_numpy(dtype=object))


def score_endpoint(
    table: LandmarkTable,
    endpoint: Endpoint,
    protocol: Protocol,
    champion: Champion | None,
    *,
    origin: pd.Series,
    data_cut: str = "",
    absent: str = "no champion",
) -> pd.DataFrame:
    """Score every patient of a landmark table for one endpoint.

    The table holds the patients at risk who have reached the landmark, from data dated up to it; nothing else is
    looked at, so a later record can never change a score.

    Parameters
    ----------
    table : LandmarkTable
    endpoint : Endpoint
    protocol : Protocol
    champion : Champion or None
        Without one every row is a no-call for the reason ``absent``; likewise when it was trained under other rules of
        labels than the protocol holds now.
    origin : Series of datetime64
        Time zero by patient.
    data_cut : str
        Carried into the rows.

    Returns
    -------
    DataFrame
        Columns ``COLUMNS``.

    Raises
    ------
    Refused
        L101-L107 when the table cannot prove that it ends at L(s); M102 when the champion was trained on another
        assay version.
    """
    check_table(table, origin, protocol)
    rows = table.rows
    probability, lower, upper = (np.full(len(rows), np.nan) for _ in range(3))
    reason = np.full(len(rows), absent, dtype=object)
    if champion is not None and _other_rules(champion, endpoint, protocol):
        reason = np.full(len(rows), OTHER_RULES, dtype=object)
    elif champion is not None:
        _check_version(table, champion, endpoint)
        encoded = encode(rows, endpoint.landmark)
        called = has_blood(encoded, rows, endpoint.landmark).to_numpy()
        reason = _why_not(rows, called, endpoint.landmark)
        if called.any():
            probability[called] = champion.estimator.predict_proba(encoded[called])[:, 1]
            lower[called], upper[called] = champion.estimator.predict_interval(encoded[called])
    return pd.DataFrame(
        {
            "patient_id": rows.index.to_numpy(),
            "endpoint": endpoint.family,
            "endpoint_id": endpoint.id,
            "landmark_month": endpoint.landmark,
            "horizon_month": endpoint.horizon,
            "probability": probability,
            "lower": lower,
            "upper": upper,
            "call": calls(probability, protocol),
            "reason": reason,
            "model_name": champion.model_name if champion else "",
            "model_version": champion.model_version if champion else "",
            "data_cut": data_cut,
        },
        columns=COLUMNS,
    )


def score(
    tables: Mapping[float, LandmarkTable],
    protocol: Protocol,
    champions: Mapping[str, Champion],
    *,
    origin: pd.Series,
    data_cut: str = "",
    absent: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Score every patient for every endpoint whose landmark table is given.

    Parameters
    ----------
    tables : mapping of landmark to LandmarkTable
    champions : mapping of endpoint id to Champion
    absent : mapping of endpoint id to reason, optional
        Why an endpoint has no champion.

    Returns
    -------
    DataFrame
        One row per patient and endpoint, endpoints in protocol order.
    """
    reasons = absent or {}
    parts = [
        score_endpoint(
            tables[endpoint.landmark],
            endpoint,
            protocol,
            champions.get(endpoint.id),
            origin=origin,
            data_cut=data_cut,
            absent=reasons.get(endpoint.id, "no champion"),
        )
        for endpoint in protocol.endpoints.values()
        if endpoint.landmark in tables
    ]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS)
