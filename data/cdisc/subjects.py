"""Subjects of an SDTM study with the days that time-to-event records start and end with."""

from __future__ import annotations

import pandas as pd
from pandas.api.typing import SeriesGroupBy

from data.cdisc.dates import complete_dates
from data.findings import Finding, Refused

LIVING = (("ae", "AESTDTC"), ("ae", "AEENDTC"), ("lb", "LBDTC"), ("ex", "EXENDTC"))
"""What shows that a subject lived: adverse events, laboratory samples, the end of treatment."""


def subjects(domains: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each subject of DM.

    Parameters
    ----------
    domains : dict of str to DataFrame
        ``dm`` and ``ds``; ``ex``, ``ae``, ``lb`` where there are such.

    Returns
    -------
    DataFrame
        ``patient_id, site, age, sex, arm, randomised_on, first_dose_on, died_on, last_alive_on``. Randomised on the
        day of the disposition RANDOMIZED; ``last_alive_on`` is the last of the days that show life (see
        :data:`LIVING`), a partial date counting as its first possible day; the day of death stays as recorded.

    Raises
    ------
    Refused
        ``C213``: ``dm`` or ``ds`` is missing.
    """
    missing = [name for name in ("dm", "ds") if name not in domains]
    if missing:
        raise Refused(Finding("C213", "reject", f"no domain {missing[0].upper()}", remedy=f"read {missing[0]} as well"))
    dm, ds = domains["dm"], domains["ds"]
    who = pd.Index(dm["USUBJID"], name="patient_id")
    randomised = _days(ds[ds["DSDECOD"].eq("RANDOMIZED")], "DSSTDTC", "none").min()
    alive = [_days(domains[name], column, "first").max() for name, column in LIVING if name in domains]
    last = pd.concat(alive, axis=1).max(axis=1) if alive else pd.Series(dtype="datetime64[ns]")
    dose = _days(domains["ex"], "EXSTDTC", "none").min() if "ex" in domains else pd.Series(dtype="datetime64[ns]")
    return pd.DataFrame(
        {
            "site": dm["SITEID"].to_numpy(),
            "age": dm["AGE"].to_numpy(),
            "sex": dm["SEX"].to_numpy(),
            "arm": dm["ARM"].to_numpy(),
            "randomised_on": pd.to_datetime(randomised.reindex(who)),
            "first_dose_on": pd.to_datetime(dose.reindex(who)),
            "died_on": complete_dates(dm["DTHDTC"], place="DM column DTHDTC")["on"].to_numpy(),
            "last_alive_on": pd.to_datetime(last.reindex(who)),
        },
        index=who,
    ).reset_index()


def _days(frame: pd.DataFrame, column: str, impute: str) -> SeriesGroupBy:
    highest = "month" if impute == "first" else "day"
    days = complete_dates(frame[column], impute=impute, highest=highest, place=f"{column[:2]} column {column}")["on"]
    return days.groupby(frame["USUBJID"])
