"""An anytime-valid e-process for H0: E[d | past] <= 0, by betting against it; may be looked at every night."""

from __future__ import annotations

import numpy as np

STAKES = 3


def capital(d: np.ndarray, bound: np.ndarray, day: np.ndarray, largest: float) -> tuple[np.ndarray, np.ndarray]:
    """Capital at the end of each day of someone who bets that the challenger is better.

    For a stake g the capital grows by 1 + g d_i / b_i with every patient. Under H0, with g and b_i known before the
    outcome, its expectation never grows, nor does that of the mean over three stakes (a third, two thirds and the whole
    of ``largest``): a supermartingale that starts at 1. By Ville's inequality it ever reaches 1/alpha with probability
    at most alpha. A mixture of constant stakes is chosen because it does not depend on the order within a day.

    Parameters
    ----------
    d : ndarray of float, shape (n,)
        Loss differences, |d_i| <= b_i.
    bound : ndarray of float, shape (n,)
        b_i: the largest weight possible on that day, from the past only (a difference of squared errors is at most 1).
    day : ndarray, shape (n,)
        Day on which each patient matured. Within a day the order of patients is irrelevant.
    largest : float
        Largest stake, in (0, 1).

    Returns
    -------
    days : ndarray
        Distinct days, ascending.
    value : ndarray of float
        Capital at the end of each.

    Raises
    ------
    ValueError
        When a difference exceeds its bound: the capital would prove nothing.

    References
    ----------
    Waudby-Smith, Ramdas, J R Stat Soc B 2024; 86: 1-27 (arXiv 2010.09686); Ville 1939.
    """
    share = d / bound if len(d) else d
    if (np.abs(share) > 1 + 1e-12).any():
        raise ValueError("a loss difference exceeds its bound; the bound must hold before the outcome is known")
    order = np.argsort(day, kind="stable")
    days, first = np.unique(day[order], return_index=True)
    if not len(days):
        return days, np.array([])
    stakes = largest * np.arange(1, STAKES + 1) / STAKES
    growth = np.add.reduceat(np.log1p(stakes[:, None] * share[order]), first, axis=1).cumsum(axis=1)
    return days, np.exp(np.logaddexp.reduce(growth, axis=0) - np.log(STAKES))
