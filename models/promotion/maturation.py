"""Calendar maturation: a label counts from the day its horizon closes, for events as for everyone else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.censoring import VisitCensoring, VisitStates
from models.promotion.registration import CONTENT, NO_LABEL, TWICE, check_frozen, refused
from models.promotion.weights import weights_from_past

PAIR = ["arm", "landmark_closes_on", "horizon_closes_on"]


@dataclass(frozen=True)
class Matured:
    """Patients whose horizon has closed, in the order in which it closed (that of enrolment); arrays of length n.

    Attributes
    ----------
    day : ndarray of datetime64[D]
        Day on which each patient matured.
    arm : ndarray of str
    label : ndarray of float
        1 event, 0 none, NaN censored.
    weight, bound : ndarray of float
        From the past only (:func:`models.promotion.weights.weights_from_past`).
    champion, challenger : ndarray of float
        Frozen probabilities.
    """

    day: np.ndarray
    arm: np.ndarray
    label: np.ndarray
    weight: np.ndarray
    bound: np.ndarray
    champion: np.ndarray
    challenger: np.ndarray

    @property
    def known(self) -> np.ndarray:
        return ~np.isnan(self.label) & (self.weight > 0)

    @property
    def labels(self) -> int:
        """Known labels: the information of the test."""
        return int(self.known.sum())

    def only(self, rows: np.ndarray) -> Matured:
        """Some of the patients."""
        return Matured(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def exchanged(self) -> Matured:
        """The same patients with champion and challenger in each other's place."""
        return Matured(self.day, self.arm, self.label, self.weight, self.bound, self.challenger, self.champion)


def paired(frozen: pd.DataFrame, champion: str, challenger: str) -> pd.DataFrame:
    """Patients for whom both specifications froze a prediction.

    Parameters
    ----------
    frozen : DataFrame
        As :func:`models.promotion.registration.freeze` returns it. Who has both was known when the landmark closed, so
        leaving out the others does not depend on the outcome.

    Returns
    -------
    DataFrame
        Indexed by ``patient_id``: ``arm``, ``landmark_closes_on``, ``horizon_closes_on``, ``champion``, ``challenger``.

    Raises
    ------
    Refused
        M201-M203 (:func:`models.promotion.registration.freeze`); M202 also when the two do not agree about the patient.
    """
    check_frozen(frozen)
    one, two = (
        frozen.loc[frozen["specification"] == name, CONTENT].set_index("patient_id") for name in (champion, challenger)
    )
    both = one.index.intersection(two.index).sort_values()
    one, two = one.loc[both], two.loc[both]
    differ = (one[PAIR] != two[PAIR]).any(axis=1)
    if differ.any():
        raise refused(
            TWICE,
            f"{champion} and {challenger} hold different dates or arms for patient {differ.idxmax()}",
            "freeze all specifications of a landmark from the same table",
        )
    return one[PAIR].assign(champion=one["probability"], challenger=two["probability"])


def mature(
    pairs: pd.DataFrame,
    labels: pd.DataFrame,
    on: pd.Timestamp,
    *,
    censoring: VisitCensoring,
    before: VisitStates,
    lag_days: int = 0,
) -> Matured:
    """Who counts on a day: everyone whose horizon H(tau) = tau + 1 month from surgery has closed, and nobody else.

    An event is known years before its horizon closes and a non-event is not; counting labels as they become known
    would fill the first look with events. Here both wait for the same day.

    Parameters
    ----------
    pairs : DataFrame
        From :func:`paired`.
    labels : DataFrame
        Indexed by ``patient_id``: ``y``, ``status``, ``resolved`` (``features.outcomes.label``). Rows of patients who
        are not mature are not looked at.
    on : Timestamp
        The night.
    censoring : VisitCensoring
        Visits and floor of the endpoint.
    before : VisitStates
        The cohort of development, for the weights of the first patients; may be empty.
    lag_days : int
        Days after the horizon until the results of its visit are in the delivery (``gate.reporting_lag_days``).

    Returns
    -------
    Matured
        Sorted by the day of maturation, then by patient: the order of rows given is irrelevant.

    Raises
    ------
    Refused
        M202 a patient twice in the labels; M205 a mature patient without a row in the labels, or with one that says
        not at risk: what becomes known later removes nobody from the risk set.
    """
    ready = pairs["horizon_closes_on"] + pd.Timedelta(days=lag_days)
    rows = pairs.assign(ready=ready.dt.normalize())[(ready <= on).to_numpy()]
    rows = rows.rename_axis("patient_id").sort_values(["ready", "patient_id"], kind="stable")
    if labels.index.has_duplicates:
        twice = labels.index[labels.index.duplicated()][0]
        raise refused(TWICE, f"patient {twice} has more than one label", "give the labels of one endpoint")
    missing = rows.index.difference(labels.index[(labels["status"] != "").to_numpy()])
    if len(missing):
        raise refused(
            NO_LABEL,
            f"patient {missing[0]} has a mature prediction and no label ({len(missing)} such patients)",
            "give a row for everyone at risk at the landmark, censored patients included",
        )
    outcome = labels.loc[rows.index].assign(arm=rows["arm"])
    day = rows["ready"].to_numpy().astype("datetime64[D]")
    weight, bound = weights_from_past(censoring.states(outcome), day, before, censoring)
    return Matured(
        day=day,
        arm=rows["arm"].astype(str).to_numpy(),
        label=outcome["y"].to_numpy(dtype=float),
        weight=weight,
        bound=bound,
        champion=rows["champion"].to_numpy(dtype=float),
        challenger=rows["challenger"].to_numpy(dtype=float),
    )
