"""The thresholds of RECIST 1.1 as exact rules on sums of diameters, and how the parts combine to one response.

Lengths are compared as whole micrometres, so that 24 mm + 20% is 28.8 mm and not 28.799999.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from data.protocol import Protocol

MICROMETRES = 1000
COMPLETE, PARTIAL, STABLE, PROGRESSION, NOT_EVALUABLE = "CR", "PR", "SD", "PD", "NE"
NEITHER, NOT_DONE, NO_DISEASE = "NON-CR/NON-PD", "ND", "NED"
RESPONSES = (COMPLETE, PARTIAL, STABLE, NEITHER, NO_DISEASE, PROGRESSION, NOT_EVALUABLE, NOT_DONE)
"""Overall responses, best first. ``NED``: no lesion was followed and no new one seen; ``ND``: nothing was assessed."""


def micrometres(mm: pd.Series) -> pd.Series:
    """Lengths in mm as whole micrometres (float64 holding integers; NaN stays NaN), exact under sums and comparison."""
    return (mm.astype("float64") * MICROMETRES).round()


def _share_reached(part: pd.Series, whole: pd.Series, percent: float) -> pd.Series:
    """``part / whole >= percent / 100`` in integers: no division, no rounding."""
    return part * 100 * MICROMETRES >= whole * round(percent * MICROMETRES)


def has_progressed(sum_mm: pd.Series, reference_mm: pd.Series, protocol: Protocol) -> pd.Series:
    """Increase that is progression of the target lesions.

    At least ``response.progression_percent`` **and** at least ``response.progression_mm`` above the reference, both
    inclusive; above a reference of 0 any measurable rest is progression (RECIST 1.1; EORTC clarifications).

    Parameters
    ----------
    sum_mm, reference_mm : Series of float
        Sum of diameters now, and the smallest sum before (mm). False where either is missing.

    Returns
    -------
    Series of bool
    """
    now, before = micrometres(sum_mm), micrometres(reference_mm)
    rise = now - before
    floor = round(float(protocol["response.progression_mm"]) * MICROMETRES)
    grown = _share_reached(rise, before, float(protocol["response.progression_percent"])) & (rise >= floor)
    return (before.eq(0) & now.gt(0)) | (grown & before.gt(0))


def has_shrunk(sum_mm: pd.Series, baseline_mm: pd.Series, protocol: Protocol) -> pd.Series:
    """Partial response of the target lesions: at least ``response.partial_percent`` below the **baseline** sum.

    Never measured from the nadir (RECIST 1.1). False where a sum is missing or the baseline is 0.
    """
    now, before = micrometres(sum_mm), micrometres(baseline_mm)
    return _share_reached(before - now, before, float(protocol["response.partial_percent"])) & before.gt(0)


def target_response(
    sums: pd.DataFrame,
    protocol: Protocol,
    *,
    reference: str = "nadir_mm",
) -> pd.Series:
    """Response of the target lesions at each assessment.

    Parameters
    ----------
    sums : DataFrame
        ``sum_mm`` (of what was measured), ``baseline_mm``, ``nadir_mm``; ``complete`` (bool: every target lesion was
        measured) and ``cleared`` (bool: every target lesion is gone, nodes below the normal short axis).
    reference : {"nadir_mm", "baseline_mm"}
        What progression is measured from. RECIST 1.1 says the nadir; the baseline is here to recognise records that
        were derived by the wrong rule.

    Returns
    -------
    Series of {"CR", "PR", "SD", "PD", "NE"}
        Progression first (also when a target lesion is missing but those measured exceed already); then not evaluable
        when a lesion or the baseline sum is missing; then complete, partial, stable. Source: RECIST 1.1.
    """
    grown = has_progressed(sums["sum_mm"], sums[reference], protocol)
    unknown = ~sums["complete"].astype(bool) | sums["baseline_mm"].isna()
    shrunk = has_shrunk(sums["sum_mm"], sums["baseline_mm"], protocol)
    gone = sums["cleared"].astype(bool)
    # A cleared set cannot progress: nodes that stay below the normal short axis are not disease.
    conditions = [grown & ~gone, unknown, gone, shrunk]
    values = np.select(conditions, [PROGRESSION, NOT_EVALUABLE, COMPLETE, PARTIAL], STABLE)
    return pd.Series(values, index=sums.index, dtype="object")


def overall_response(target: pd.Series, non_target: pd.Series, new_lesion: pd.Series) -> pd.Series:
    """Overall response at one assessment out of its three parts (RECIST 1.1, tables 1 and 2).

    Parameters
    ----------
    target, non_target : Series of str
        Response of each set; empty where the patient has no lesion of that kind.
    new_lesion : Series of bool
        An unequivocal new lesion.

    Returns
    -------
    Series of str
        With target lesions: CR needs both sets complete; CR beside non-target disease that stays, or was not
        evaluated, is PR. Without target lesions: the non-target response. Without any: ``NED``.
    """
    progressed = target.eq(PROGRESSION) | non_target.eq(PROGRESSION) | new_lesion.astype(bool)
    rest_gone = non_target.isin([COMPLETE, ""])
    conditions = [
        progressed,
        target.eq("") & non_target.eq(""),
        target.eq(""),
        target.eq(COMPLETE) & ~rest_gone,
    ]
    choices: list[Any] = [PROGRESSION, NO_DISEASE, non_target.to_numpy(), PARTIAL]
    values = np.select([c.to_numpy() for c in conditions], choices, target.to_numpy())
    return pd.Series(values, index=target.index, dtype="object")
