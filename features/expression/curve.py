"""Efficiency of an assay from a standard curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

CURVE_COLUMNS = ["slope", "intercept", "r_squared", "efficiency", "lower", "upper", "n"]


def standard_curve(standards: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Amplification factor of each gene from its dilution series.

    Cq = intercept + slope log10(quantity) by least squares; E = 10^(-1 / slope), the factor of one cycle (2 when every
    cycle doubles). The interval of E is that of the slope, t with n - 2 degrees of freedom, put through the formula.

    Parameters
    ----------
    standards : DataFrame
        One row per standard well: ``target``, ``quantity`` (any unit, above 0), ``cq`` (cycles, NaN = no Cq).
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        Indexed by gene: ``slope, intercept, r_squared, efficiency, lower, upper, n`` (wells with a Cq). NaN with fewer
        than three wells, fewer than two quantities, or a slope that does not fall; ``upper`` is infinite when the slope
        may be flat.

    References
    ----------
    Rasmussen 2001 (Rapid cycle real-time PCR, 21-34); MIQE 2.0 asks for the efficiency with its interval.
    """
    used = standards[standards["cq"].notna() & (standards["quantity"] > 0)]
    gene, names = pd.factorize(used["target"].to_numpy(dtype=object), sort=True)
    x, y = np.log10(used["quantity"].to_numpy(dtype="float64")), used["cq"].to_numpy(dtype="float64")
    n = np.bincount(gene, minlength=len(names)).astype("float64")

    def of_gene(values: np.ndarray) -> np.ndarray:
        return np.bincount(gene, weights=values, minlength=len(names))

    mean_x, mean_y = of_gene(x) / n, of_gene(y) / n
    dx, dy = x - mean_x[gene], y - mean_y[gene]
    sxx, sxy, syy = of_gene(dx * dx), of_gene(dx * dy), of_gene(dy * dy)
    usable = (n >= 3) & (sxx > 0) & (sxy < 0)
    sxx, sxy, syy, free = (np.where(usable, values, np.nan) for values in (sxx, sxy, syy, n - 2))
    slope = sxy / sxx
    half = stdtrit(free, (1 + level) / 2) * np.sqrt(np.maximum(syy - slope * sxy, 0) / free / sxx)
    steep, flat = slope - half, slope + half
    with np.errstate(over="ignore", divide="ignore"):
        upper = np.where(flat < 0, 10.0 ** (-1 / flat), np.where(usable, np.inf, np.nan))
    columns = {
        "slope": slope,
        "intercept": mean_y - slope * mean_x,
        "r_squared": sxy**2 / (sxx * np.where(syy > 0, syy, np.nan)),
        "efficiency": 10.0 ** (-1 / slope),
        "lower": 10.0 ** (-1 / steep),
        "upper": upper,
        "n": n.astype(int),
    }
    return pd.DataFrame(columns, index=pd.Index(names, dtype=object, name="gene"), columns=CURVE_COLUMNS)
