"""Last values at or before a landmark, for cohorts whose records lie on irregular days."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.clock import closing_day, origin_dates
from features.measurements import measurements
from features.truncate import truncate


def last_values(trial: Trial, protocol: Protocol, landmark: float, analytes: Sequence[str]) -> pd.DataFrame:
    """Last valid value of each analyte at or before L(s), whatever its specimen, visit or window.

    For cohorts whose records lie on irregular days.

    Returns
    -------
    DataFrame
        Indexed by ``patient_id``, every patient of the trial; for each analyte a column of its name
        (canonical unit) and ``<analyte>__days_before`` (days from the sample to L(s)). NaN when there is
        none.

    Raises
    ------
    Refused
        When a unit is not in the protocol.
    """
    measured = measurements(truncate(trial, protocol, landmark), protocol)
    measured = measured[measured["valid"] & measured["analyte"].isin(list(analytes))]
    last = measured.drop_duplicates(["patient_id", "analyte"], keep="last")
    index = origin_dates(trial, protocol).index
    limit = closing_day(protocol, landmark)
    columns: dict[str, pd.Series] = {}
    for analyte in analytes:
        rows = last[last["analyte"] == analyte].set_index("patient_id")
        columns[analyte] = rows["value"].reindex(index)
        columns[f"{analyte}__days_before"] = limit - rows["day"].reindex(index)
    return pd.DataFrame(columns, index=index)
