"""Times of recurrence and death on the visit-closed clock: the reading of the headline."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.protocol import Protocol
from features.outcomes import Outcome
from features.outcomes.times import event_times

RECURRENCE, DEATH = 1, 2


def visit_times(outcome: Outcome, protocol: Protocol) -> pd.DataFrame:
    """One row per patient under observation: entry, time and kind of the first event on the visit-closed clock.

    Which event comes first is decided by ``features.outcomes.event_times``. A recurrence counts at the nominal visit
    that shows it (an unscheduled one at the closing visit of its interval), everybody without an event is censored at
    the nominal visit of the last adequate scan, a death counts on its day. Nominal visits keep the last visit of the
    study whole: on actual days a patient who is scanned clear early in the window would leave the risk set before one
    who is scanned late, and the curve would fall too far where imaging ends.

    Parameters
    ----------
    outcome : Outcome
    protocol : Protocol

    Returns
    -------
    DataFrame
        Indexed by patient: arm, entry, time (months), event (0 censored, 1 recurrence, 2 death). Patients who were
        never under observation after entry are left out.
    """
    actual = event_times(outcome, "recurrence", protocol)
    patients = outcome.patients.loc[actual.index]
    last = patients["last_adequate_visit"].fillna(0.0)
    cause = actual["event"]
    time = patients["first_positive_visit"].where(cause.eq(RECURRENCE), last)
    time = time.where(cause.ne(DEATH), np.maximum(patients["death"], last))
    frame = pd.DataFrame(
        {"arm": patients["arm"], "entry": actual["entry"], "time": time.astype(float), "event": cause.astype(int)}
    )
    return frame[frame["time"] > frame["entry"]]
