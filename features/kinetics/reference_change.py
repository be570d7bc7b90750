"""Reference change value: how much two results of one person must differ to be more than variation.

Asymmetric log-normal form (Fokkema et al. 2006, Clin Chem 52:1602; Lund et al. 2015 for several results).
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd


def ln_sd(cv_analytical: float, cv_within: float) -> float:
    """Standard deviation of one result on the ln scale: sqrt(ln(1 + CV_A^2) + ln(1 + CV_I^2))."""
    return float(np.sqrt(np.log1p(cv_analytical**2) + np.log1p(cv_within**2)))


def rcv_ratio_limits(cv_analytical: float, cv_within: float, z: float) -> tuple[float, float]:
    """Reference change limits of a ratio analyte, rise and fall, as fractions: exp(+-z sqrt(2) s_ln) - 1.

    s_ln^2 = ln(1 + CV_A^2) + ln(1 + CV_I^2). With z = 1.96, CV_A = .053 and CV_I = .20: +.765 and -.433.
    """
    width = z * np.sqrt(2) * ln_sd(cv_analytical, cv_within)
    return float(np.expm1(width)), float(np.expm1(-width))


def rcv_ratio_limit(cv_analytical: float, cv_within: float, z: float) -> float:
    """Upper limit of :func:`rcv_ratio_limits`."""
    return rcv_ratio_limits(cv_analytical, cv_within, z)[0]


def rcv_symmetric(cv_analytical: float, cv_within: float, z: float) -> float:
    """Conventional reference change value, z sqrt(2) sqrt(CV_A^2 + CV_I^2), as a fraction (Harris and Yasaka 1983).

    To check printed values only (CgA: 0.46 in print); it is never the rule of a flag, because it breaks near zero.
    """
    return float(z * np.sqrt(2) * np.hypot(cv_analytical, cv_within))


def rcv_quantile(comparisons: pd.Series, z: float) -> pd.Series:
    """One-sided quantile that keeps the overall error of ``z`` over successive comparisons (Sidak)."""
    return pd.Series(sidak(comparisons.to_numpy(), z), index=comparisons.index)


def sidak(comparisons: np.ndarray, z: float) -> np.ndarray:
    """As :func:`rcv_quantile`, of an array: the quantile of Phi(z)^(1/k), k at least 1."""
    normal = NormalDist()
    level = normal.cdf(z)
    counts, place = np.unique(np.maximum(comparisons, 1), return_inverse=True)
    return np.array([normal.inv_cdf(level ** (1 / count)) for count in counts.tolist()], dtype="float64")[place]
