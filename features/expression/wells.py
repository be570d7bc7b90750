"""Which qPCR wells count: patient samples on their latest accepted plate, and what the laboratory said of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.measurements import FAILED_VERDICTS

READ_STATES = ("value", "undetermined")


@dataclass(frozen=True)
class Coded:
    """A text column as numbers: ``names[codes]`` gives it back, -1 stands for missing."""

    codes: np.ndarray
    names: pd.Index

    def number(self, names: Any) -> np.ndarray:
        """Numbers of some names; -1 for names that do not occur."""
        return self.names.get_indexer(pd.Index(names, dtype=object))


def coded(column: pd.Series) -> Coded:
    """Number the texts of a column; a categorical column has its numbers already."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return Coded(column.cat.codes.to_numpy().astype(np.intp), pd.Index(column.cat.categories, dtype=object))
    codes, names = pd.factorize(column.to_numpy(dtype=object), use_na_sentinel=True)
    return Coded(codes, pd.Index(names, dtype=object))


def accepted(wells: pd.DataFrame, verdicts: pd.DataFrame, sample: Coded | None = None) -> np.ndarray:
    """Whether each well counts (see :func:`accepted_wells`).

    Parameters
    ----------
    wells, verdicts : DataFrame
        Tables of a trial.
    sample : Coded, optional
        ``wells["sample_id"]``, when the caller has numbered it already.

    Returns
    -------
    ndarray of bool
    """
    sample = sample or coded(wells["sample_id"])
    plate = coded(wells["plate"])
    keep = (sample.codes >= 0) & (wells["task"] == "unknown").to_numpy(dtype=bool)
    failed = verdicts[verdicts["verdict"].isin(FAILED_VERDICTS)]
    if len(failed):
        of, on = sample.number(failed["sample_id"]), plate.number(failed["plate"])
        here = (of >= 0) & (on >= 0)
        keep &= ~np.isin(sample.codes * len(plate.names) + plate.codes, of[here] * len(plate.names) + on[here])
    # The last well of a sample names the plate that was loaded last: a repeated index keeps its last value. One place
    # more, for wells without a sample (-1).
    latest = np.full(len(sample.names) + 1, -1, dtype=np.intp)
    latest[sample.codes[keep]] = plate.codes[keep]
    keep &= latest[sample.codes] == plate.codes
    return keep & ~wells["omit"].to_numpy(dtype=bool)


def accepted_wells(wells: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Wells that count: patient samples, not omitted, on the latest plate that the laboratory accepted.

    A plate is out for a sample whose verdict there is repeat or reject; a sample that was run on several
    accepted plates is read from the one that was loaded last (later in ``wells``). A sample without a verdict
    is accepted.
    """
    return wells[accepted(wells, verdicts)]


def sample_quality(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Quality figures of each sample on its latest accepted plate.

    Returns
    -------
    DataFrame
        Indexed by ``sample_id``: ``reference_cq`` (cycles), ``replicate_sd`` (cycles),
        ``undetermined_fraction``.
    """
    passed = verdicts[~verdicts["verdict"].isin(FAILED_VERDICTS)].drop_duplicates("sample_id", keep="last")
    return passed.set_index("sample_id")[["reference_cq", "replicate_sd", "undetermined_fraction"]]


def wells_of(wells: pd.DataFrame, samples: pd.Series) -> pd.DataFrame:
    """Wells of some samples, with the control wells (those without a sample) of their plates, in the same order.

    The frame itself when it holds nothing else.
    """
    sample, plate = coded(wells["sample_id"]), coded(wells["plate"])
    wanted = np.zeros(len(sample.names) + 1, dtype=bool)
    wanted[sample.number(samples)] = True
    wanted[-1] = False
    own = wanted[sample.codes]
    beside = np.zeros(len(plate.names) + 1, dtype=bool)
    beside[plate.codes[own]] = True
    keep = own | ((sample.codes < 0) & beside[plate.codes])
    return wells if keep.all() else wells[keep].reset_index(drop=True)
