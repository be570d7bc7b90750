"""What training, scores, exports and reports share: the trial with its outcome and landmark tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.errors import PublicError
from flows.home import Home

if TYPE_CHECKING:
    from data.protocol import Protocol
    from data.trial import Trial
    from features.landmark import LandmarkTable
    from features.outcomes import Outcome


@dataclass(frozen=True, eq=False)
class Prepared:
    """Everything that the endpoints share.

    Parameters
    ----------
    trial, protocol, outcome
    tables : dict of landmark to LandmarkTable
    fingerprint : dict of str to str
    data_cut : str
        The instant (UTC) at which the store knew exactly this; asking for it again gives the same trial.
    """

    trial: Trial
    protocol: Protocol
    outcome: Outcome
    tables: dict[float, LandmarkTable]
    fingerprint: dict[str, str]
    data_cut: str


def load_trial(home: Home, data_cut: dt.date | None = None) -> tuple[Trial, str]:
    """The trial as the store knows it, and the data cut that gives it again.

    Raises
    ------
    PublicError
        When the store holds no patient at this data cut, or the day has not come.
    """
    today = dt.datetime.now(dt.UTC).date()
    if data_cut is not None and data_cut > today:
        raise PublicError(f"the data cut {data_cut} lies ahead; choose one up to {today}, or none for all")
    with home.store() as store:
        trial = store.trial(None if data_cut is None else data_cut.isoformat())
        newest = store.files()["loaded_at"].max()
    if not len(trial.patients):
        when = f" at the data cut {data_cut}" if data_cut else ""
        raise PublicError(f"the store of {home.root} holds no patient{when}; `netest ingest FOLDER` loads a delivery")
    return trial, newest.isoformat() if trial.data_cut is None else trial.data_cut.isoformat()


def prepare(home: Home, data_cut: dt.date | None = None, landmarks: Sequence[float] | None = None) -> Prepared:
    """Read the trial and build what every endpoint needs.

    Parameters
    ----------
    home : Home
    data_cut : date, optional
    landmarks : sequence of float, optional
        Months from surgery; those of the protocol's endpoints when omitted.

    Raises
    ------
    PublicError
        When the store holds no patient, or the cluster of the setting ``NETEST_CLUSTER`` cannot be used.
    Refused
        When records cannot be used together (mixed versions, units that do not convert).
    """
    from features.outcomes import build_outcome
    from flows.cluster import landmark_tables
    from flows.work.fingerprint import fingerprint

    protocol = home.protocol()
    trial, cut = load_trial(home, data_cut)
    chosen = protocol.landmarks if landmarks is None else landmarks
    return Prepared(
        trial=trial,
        protocol=protocol,
        outcome=build_outcome(trial, protocol),
        tables=landmark_tables(trial, protocol, chosen),
        fingerprint=fingerprint(trial.digest, protocol),
        data_cut=cut,
    )
