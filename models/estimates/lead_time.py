"""Lead time of a marker over imaging, beside a random flag of equal positivity.

A lead time alone measures the calendar: any flag raised at the first sample precedes a recurrence found years later
(statistical design, section 4.3). So every figure stands beside the same figure of shuffled markers that raise as
many flags at each visit of each arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from models.estimates.restricted_mean import restricted_mean_difference
from models.estimates.values import Difference

FIGURES = ("lead_lower", "lead_upper", "lead", "led", "warning", "ppv")
COURSE = ["patient_id", "arm", "visit", "month", "value", "positive"]


@dataclass(frozen=True)
class LeadTime:
    """Lead time of a marker and of random flags of equal positivity.

    Parameters
    ----------
    table : DataFrame
        Indexed by figure: ``marker`` (observed), ``random`` (mean over shuffled markers), ``random_lower,
        random_upper`` (their 95% range), ``difference`` (marker - random), ``lower, upper`` (difference less the
        range of what shuffling alone gives) and ``p`` (two-sided, by permutation). Figures: *lead_lower, lead_upper*
        and *lead* (months, mean over recurrences led, from the last clear scan, the first positive scan and the
        middle of the two); *led* (share of recurrences with a flag before); *warning* (months, mean of ``lead`` over
        all recurrences, 0 where no flag came before); *ppv* (share of flagged patients in whom imaging found a
        recurrence so far).
    recurrences, flagged, patients : int
        Recurrences with a sample before, patients ever flagged, patients with a sample.
    """

    table: pd.DataFrame
    recurrences: int
    flagged: int
    patients: int


@dataclass(frozen=True)
class _Courses:
    """Samples as patients by visits, patients sorted by arm: month and level (NaN where absent) and flag.

    ``level`` is the normal score of the value within its visit and arm, ``arm`` the number of the arm.
    """

    month: np.ndarray
    level: np.ndarray
    flag: np.ndarray
    arm: np.ndarray
    last_clear: np.ndarray
    first_positive: np.ndarray


def lead_time(
    flags: pd.DataFrame,
    intervals: pd.DataFrame,
    *,
    draws: int = 1000,
    seed: int = 20261121,
    level: float = 0.95,
) -> LeadTime:
    """Lead time of a marker beside a random flag of equal positivity.

    A random flag is the marker shuffled: within an arm every patient gets the course of another patient (so that a
    level which persists from visit to visit persists in the random flag, too), and at every visit the patients of the
    arm who have a sample are flagged from the highest down until there are as many flags as the marker raised. Where
    the other patient has no sample of a visit, a level is drawn given that of the nearest visit, with the correlation
    of the levels between visits.

    A marker that flags those close to their recurrence can have a *shorter* lead among the recurrences it leads than
    a random flag; *led*, *warning* and *ppv* say whether its flags fall on those who recur.

    Parameters
    ----------
    flags : DataFrame
        One row per sample: ``patient_id, arm, visit, month, value, positive``
        (:func:`features.cohort.marker_flags`); of several samples of a visit the first positive one counts, else the
        last.
    intervals : DataFrame
        Indexed by ``patient_id``, in months: ``lower`` (last clear scan) and ``upper`` (first positive scan, inf when
        none); patients without a sample have no part.
    draws : int
        Shuffled markers.
    seed : int

    Returns
    -------
    LeadTime

    Raises
    ------
    ValueError
        When there are no samples, a patient with samples has no interval, or draws is below 2.
    """
    if draws < 2:
        raise ValueError(f"draws {draws}: at least 2 shuffled markers are needed")
    if flags.empty:
        raise ValueError("no sample: there is no lead time without a marker")
    courses = _courses(flags, intervals)
    observed = _figures(courses, courses.flag)
    generator = np.random.default_rng(seed)
    counts = _counts(courses)
    levels = _filled(courses)
    random = np.array([_figures(courses, _shuffled(courses, levels, counts, generator)) for _ in range(draws)])
    return LeadTime(
        _compare(observed, random, level),
        recurrences=int(np.isfinite(courses.first_positive).sum()),
        flagged=int(courses.flag.any(axis=1).sum()),
        patients=len(courses.arm),
    )


def imaging_free_difference(times: pd.DataFrame, tau: float, *, level: float = 0.95) -> Difference:
    """Restricted mean imaging-free time up to tau, flagged minus not flagged, by arm and pooled over arms.

    Months; negative: the flagged recur sooner. The arms are weighted by their patients, because treatment may move
    both the marker and the recurrence; an arm in which all or none are flagged says nothing and is left out.

    Parameters
    ----------
    times : DataFrame
        ``arm, time`` (months from the closed landmark), ``event`` (1 recurrence or death), ``positive`` (bool), as of
        :func:`features.cohort.imaging_free_times`.
    tau : float
        Months from the closed landmark.

    Raises
    ------
    ValueError
        When no arm holds both flagged and unflagged patients, or tau is beyond the follow-up of a group (see
        :func:`models.estimates.restricted_mean.restricted_mean`).
    """
    mixed = times.groupby("arm")["positive"].transform("nunique").eq(2)
    parts = []
    for _, rows in times[mixed].groupby("arm"):
        group = np.where(rows["positive"].astype(bool), "positive", "negative")
        found = restricted_mean_difference(
            rows["time"].to_numpy(), rows["event"].to_numpy(), group, tau, reference="negative"
        )
        parts.append((len(rows), found.value, found.error))
    if not parts:
        raise ValueError("no arm holds both flagged and unflagged patients: nothing can be compared")
    size, value, error = np.array(parts).T
    weight = size / size.sum()
    pooled, spread = float(weight @ value), float(np.sqrt(weight**2 @ error**2))
    width = norm.ppf(0.5 + level / 2) * spread
    p = 2 * norm.sf(abs(pooled) / spread) if spread > 0 else float("nan")
    return Difference(pooled, pooled - width, pooled + width, spread, float(p))


def _courses(flags: pd.DataFrame, intervals: pd.DataFrame) -> _Courses:
    strange = flags.loc[~flags["patient_id"].isin(intervals.index), "patient_id"]
    if len(strange):
        raise ValueError(f"patient {strange.iloc[0]}: has samples but no interval; give one for every patient")
    rows = flags[COURSE].sort_values(["patient_id", "visit", "month"], kind="stable")
    positive = rows[rows["positive"].astype(bool)].drop_duplicates(["patient_id", "visit"])
    last = rows.drop_duplicates(["patient_id", "visit"], keep="last")
    rows = pd.concat([positive, last]).drop_duplicates(["patient_id", "visit"])
    places = rows.groupby(["arm", "visit"])["value"]
    rows = rows.assign(level=norm.ppf((places.rank() - 0.5) / places.transform("size")))
    wide = {
        name: rows.pivot(index="patient_id", columns="visit", values=name).astype("float64")
        for name in ("month", "level", "positive")
    }
    index = wide["month"].index
    arm = rows.drop_duplicates("patient_id").set_index("patient_id")["arm"].reindex(index)
    order = np.argsort(arm.astype(str).to_numpy(), kind="stable")
    bounds = intervals.reindex(index)
    return _Courses(
        month=wide["month"].to_numpy()[order],
        level=wide["level"].to_numpy()[order],
        flag=wide["positive"].fillna(0.0).gt(0).to_numpy()[order],
        arm=np.unique(arm.astype(str).to_numpy()[order], return_inverse=True)[1],
        last_clear=bounds["lower"].to_numpy(dtype="float64")[order],
        first_positive=bounds["upper"].to_numpy(dtype="float64")[order],
    )


def _counts(courses: _Courses) -> np.ndarray:
    """Flags that the marker raised in the arm of each patient, by visit."""
    totals = np.zeros((courses.arm.max() + 1, courses.flag.shape[1]))
    np.add.at(totals, courses.arm, courses.flag.astype("float64"))
    return totals[courses.arm]


def _filled(courses: _Courses) -> tuple[np.ndarray, np.ndarray]:
    """Expected level at every visit, and the standard deviation around it (0 where there is a sample).

    A gap takes the level of the visit before, else after, times the correlation of levels between visits.
    """
    before = np.stack([courses.level[:, :-1].ravel(), courses.level[:, 1:].ravel()])
    pairs = before[:, ~np.isnan(before).any(axis=0)]
    varied = pairs.shape[1] > 2 and bool((pairs.std(axis=1) > 0).all())
    rho = float(np.corrcoef(pairs)[0, 1]) if varied else 0.0
    near = pd.DataFrame(courses.level).ffill(axis=1).bfill(axis=1).to_numpy()
    gap = np.isnan(courses.level)
    return np.where(gap, rho * near, courses.level), np.where(gap, np.sqrt(1.0 - rho**2), 0.0)


def _shuffled(
    courses: _Courses,
    levels: tuple[np.ndarray, np.ndarray],
    counts: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """Flags of one shuffled marker: the same number at each visit of each arm."""
    here = ~np.isnan(courses.month)
    # Patients are sorted by arm, so sorting random numbers within arms permutes patients within arms.
    donor = np.lexsort((generator.random(len(courses.arm)), courses.arm))
    # The least of the noise only breaks ties.
    spread = np.maximum(levels[1][donor], 1e-9)
    received = np.where(here, levels[0][donor] + spread * generator.standard_normal(here.shape), -np.inf)
    flag = np.zeros_like(courses.flag)
    for arm in range(courses.arm.max() + 1):
        own = courses.arm == arm
        place = np.argsort(np.argsort(-received[own], axis=0, kind="stable"), axis=0)
        flag[own] = (place < counts[own]) & here[own]
    return flag


def _figures(courses: _Courses, flag: np.ndarray) -> np.ndarray:
    """The figures of :data:`FIGURES` of one marker; NaN where nobody is flagged or nobody recurs."""
    first = np.where(flag, courses.month, np.inf).min(axis=1)
    flagged, recurred = np.isfinite(first), np.isfinite(courses.first_positive)
    led = flagged & recurred
    started = first[led]
    lower, upper = courses.last_clear[led] - started, courses.first_positive[led] - started
    middle = (lower + upper) / 2

    def share(top: float, bottom: float) -> float:
        return top / bottom if bottom else float("nan")

    n = float(led.sum())
    return np.array(
        [
            share(lower.sum(), n),
            share(upper.sum(), n),
            share(middle.sum(), n),
            share(n, float(recurred.sum())),
            share(middle.sum(), float(recurred.sum())),
            share(n, float(flagged.sum())),
        ]
    )


def _compare(observed: np.ndarray, random: np.ndarray, level: float) -> pd.DataFrame:
    """Observed figures beside the shuffled ones."""
    tail = 100 * (1 - level) / 2
    usable = np.isfinite(random).all(axis=0) & np.isfinite(observed)
    safe = np.where(usable, random, 0.0)
    low, high = np.percentile(safe, [tail, 100 - tail], axis=0)
    middle = safe.mean(axis=0)
    away = np.abs(observed - middle)
    p = (1 + (np.abs(safe - middle) >= away - 1e-12).sum(axis=0)) / (1 + len(random))
    difference = observed - middle
    table = pd.DataFrame(
        {
            "marker": observed,
            "random": middle,
            "random_lower": low,
            "random_upper": high,
            "difference": difference,
            "lower": difference - (high - middle),
            "upper": difference + (middle - low),
            "p": p,
        },
        index=pd.Index(FIGURES, name="figure"),
    )
    columns = [column for column in table.columns if column != "marker"]
    table.loc[~usable, columns] = np.nan
    return table
