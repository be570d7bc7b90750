"""Whole sites dealt into folds: how well a model carries to a hospital that it was not fitted on."""

from __future__ import annotations

import numpy as np

from data.findings import Finding, Refused

PATIENT, SITE = "patient", "site"
BLOCKS = (PATIENT, SITE)
UNBLOCKABLE = "M105"
# A deal is balanced, not exact: another order of the sites may give every fold both classes where one order does not.
DEALS = 20


def deal_sites(site: np.ndarray, label: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """Deal whole sites into folds that are alike in patients, labelled patients and events.

    Sites come in order of size (classes of a factor of two, in random order within a class), each to the fold where it
    adds least to the sum of squared shares; with no more sites than folds every site is a fold. A deal that leaves a
    fold without events or non-events is dealt again, a few times.

    Parameters
    ----------
    site : ndarray of str, shape (n_patients,)
    label : ndarray of float, shape (n_patients,)
        1 event, 0 none, NaN unknown.
    folds : int
    rng : Generator

    Returns
    -------
    ndarray of int, shape (n_patients,)
        Fold 0 ... min(folds, sites) - 1.
    """
    names, code = np.unique(site, return_inverse=True)
    folds = min(folds, len(names))
    count = np.bincount(code)
    share = np.column_stack([count, *(np.bincount(code, weights=rows) for rows in (~np.isnan(label), label == 1))])
    share = share / np.maximum(share.sum(axis=0), 1)
    for _ in range(DEALS):
        load, given = np.zeros((folds, share.shape[1])), np.empty(len(names), dtype=int)
        for place in np.lexsort((rng.random(len(names)), -np.floor(np.log2(count)))):
            given[place] = np.argmin(load @ share[place])
            load[given[place]] += share[place]
        fold = rng.permutation(folds)[given][code]
        if classes(fold, label).all():
            break
    return fold


def classes(fold: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Number of events and of non-events in each fold, shape (2, folds)."""
    return np.array([np.bincount(fold[label == y], minlength=fold.max() + 1) for y in (1, 0)])


def assign_sites(site: np.ndarray, label: np.ndarray, folds: int, repeats: int, seed: int) -> np.ndarray:
    """Leave-sites-out folds of every patient, a new deal of the sites in each repeat.

    With no more sites than folds each site is left out once; a second repeat would be the first again, so there is one.

    Parameters
    ----------
    site : ndarray of str, shape (n_patients,)
        Empty where unknown.
    label : ndarray of float, shape (n_patients,)
    folds, repeats, seed : int

    Returns
    -------
    ndarray of int, shape (repeats, n_patients)

    Raises
    ------
    Refused
        M105 with fewer than two sites, a patient without one, or a fold that would hold no event or no non-event.
    """
    sites = np.unique(site[site != ""])
    unknown = int((site == "").sum())
    if len(sites) < 2 or unknown:
        raise _refused(f"needs at least two sites and the site of every patient; {len(sites)} known, {unknown} unknown")
    deals = range(1 if len(sites) <= folds else repeats)
    return np.stack([_complete(site, label, folds, np.random.default_rng([seed, repeat])) for repeat in deals])


def _complete(site: np.ndarray, label: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """A deal that leaves every fold with both classes."""
    fold = deal_sites(site, label, folds, rng)
    count = classes(fold, label)
    if count.all():
        return fold
    lacking = int(np.flatnonzero(~count.all(axis=0))[0])
    what = "non-event" if count[0, lacking] else "event"
    names = ", ".join(np.unique(site[fold == lacking]))
    raise _refused(f"would leave a fold (site {names}) without a labelled {what}")


def _refused(words: str) -> Refused:
    remedy = "take fewer folds, or block by patient (netest train --blocks patient)"
    return Refused(Finding(UNBLOCKABLE, "reject", f"cross-validation blocked by site {words}", remedy=remedy))
