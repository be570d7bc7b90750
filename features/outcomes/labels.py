"""Three-valued labels of an endpoint: event, no event, or unknown, on the visit-closed clock."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Endpoint, Protocol
from features.outcomes.assessments import Outcome, at_risk

LABELLED = ("event", "nonevent", "death")
CENSORED = ("cens", "straddle_pos", "straddle_neg")


def _visit_after(month: pd.Series, landmark: float, protocol: Protocol) -> pd.Series:
    """Closing visit of a month: the first visit after the landmark that closes late enough."""
    grid = np.asarray([visit for visit in protocol.visit_grid if visit > landmark], dtype="float64")
    values = month.to_numpy(dtype="float64")
    position = np.searchsorted(grid + protocol.closing_months, values, side="left")
    found = np.where(position < len(grid), grid[np.minimum(position, len(grid) - 1)], np.inf)
    return pd.Series(np.where(np.isnan(values), np.nan, found), index=month.index)


def _last_negative(negatives: pd.DataFrame, index: pd.Index, landmark: float, horizon: float) -> pd.Series:
    """Last visit in (landmark, horizon) with an adequate scheduled negative scan, else the landmark."""
    inside = negatives[(negatives["visit"] > landmark) & (negatives["visit"] < horizon)]
    return inside.groupby("patient_id")["visit"].max().reindex(index).fillna(landmark).astype("float64")


def label(outcome: Outcome, endpoint: Endpoint, protocol: Protocol) -> pd.DataFrame:
    """Label every patient for one endpoint.

    Rules (statistical design, section 1): *event*, first positive scan at a visit in (s, tau]; *nonevent*,
    adequate scheduled scan without recurrence at visit tau and none positive before; *death*, without
    recurrence up to H(tau): y = 0 as a competing event. Otherwise unknown, censored at the last adequate scan
    before tau whatever is seen later: *straddle_pos* when a later scan is positive, *straddle_neg* when a
    later one is clear, else *cens*. An equivocal scan is adequate and not positive. An unscheduled positive
    scan is an event at the closing visit of its interval; an unscheduled negative never completes a horizon.

    Parameters
    ----------
    outcome : Outcome
    endpoint : Endpoint
        ``landmark`` s and ``horizon`` tau in months from surgery.
    protocol : Protocol

    Returns
    -------
    DataFrame
        Indexed by ``patient_id``, every patient: ``at_risk`` (bool), ``status`` ("" when not at risk), ``y``
        (1, 0, NaN unknown), ``resolved`` (visit at which the event or the negative scan closed the question,
        closing visit of the interval of a death, last adequate visit before tau when censored; NaN when not
        at risk), ``arm``.

    Raises
    ------
    ProtocolError
        When the horizon is no visit.
    """
    protocol.visits_within(endpoint)
    s, tau = endpoint.landmark, endpoint.horizon
    rows = outcome.patients
    risk = at_risk(outcome, s, protocol)
    # A scan between randomisation and the close of month 0 is after the landmark although its visit is 0.
    first = rows["first_positive_visit"]
    first = first.where(~(first <= s), _visit_after(rows["first_positive"], s, protocol))
    negatives = outcome.scans[outcome.scans["scheduled"] & (outcome.scans["state"] != "recurrence")]
    at_horizon = rows.index.isin(negatives.loc[negatives["visit"] == tau, "patient_id"])
    beyond = rows.index.isin(negatives.loc[negatives["visit"] > tau, "patient_id"])
    last_negative = _last_negative(negatives, rows.index, s, tau)

    status = np.select(
        [~risk, first <= tau, at_horizon, first > tau, beyond, rows["death"] <= protocol.closed(tau)],
        ["", "event", "nonevent", "straddle_pos", "straddle_neg", "death"],
        "cens",
    )
    resolved = np.select(
        [status == "", status == "event", status == "nonevent", status == "death"],
        [np.nan, first, tau, _visit_after(rows["death"], s, protocol)],
        last_negative,
    )
    return pd.DataFrame(
        {
            "at_risk": risk,
            "status": status.astype(object),
            "y": np.select([status == "event", np.isin(status, ("nonevent", "death"))], [1.0, 0.0], np.nan),
            "resolved": resolved.astype("float64"),
            "arm": rows["arm"],
        }
    )


def composite_label(labels: pd.DataFrame, outcome: Outcome, endpoint: Endpoint, protocol: Protocol) -> pd.Series:
    """Recurrence or death by the closed horizon, whichever comes first: the label of disease-free survival.

    Death is an event here where it competes in :func:`label`; who is unknown there is unknown here. A patient whose
    negative scan closed the horizon and who died before the visit closed has the event.

    Parameters
    ----------
    labels : DataFrame
        From :func:`label`, the same endpoint.

    Returns
    -------
    Series of float
        1, 0, NaN unknown; index of ``labels``.
    """
    died = outcome.patients["death"].reindex(labels.index) <= protocol.closed(endpoint.horizon)
    return labels["y"].mask(labels["y"].eq(0) & died, 1.0)
