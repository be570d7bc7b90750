"""Open signature score: the trial's own genes against the trial's own outcome. It is not the NETest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from features.learnt.clusters import GENE, mean_and_sd
from features.learnt.rows import Rows, columns

SIGNATURE = "signature_score"


@dataclass(frozen=True)
class Signature:
    """Ridge logistic regression of the outcome on standardised dCq, weighted for censoring.

    The score is the linear predictor without intercept: the log odds that the genes add. The penalty is set in
    advance, one for each gene: then all genes together move the log odds by about one standard deviation a priori
    (coefficients ~ N(0, 1/p)). Nothing is searched.

    Parameters
    ----------
    genes : ndarray of str, shape (g,)
    mean, scale : ndarray, shape (g,)
        Of dCq (cycles).
    coefficients : ndarray, shape (g,)
        Log odds per standard deviation; NaN while not estimable.

    References
    ----------
    Ridge: le Cessie, van Houwelingen, Appl Stat 1992; 41: 191-201. Cross-fitting: Stone, J R Stat Soc B 1974; 36:
    111-147; Wolpert, Neural Networks 1992; 5: 241-259 (what a second model learns from must be predicted out of
    sample). Never 51 genes below 1000 patients: statistical design, section 2.
    """

    genes: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray

    @classmethod
    def none(cls, genes: Sequence[str]) -> Signature:
        """A signature that is not estimable."""
        return cls(np.array(list(genes)), *(np.full(len(genes), np.nan) for _ in range(3)))

    @classmethod
    def fit(
        cls,
        rows: Rows,
        genes: Sequence[str],
        label: np.ndarray,
        weight: np.ndarray,
        held: np.ndarray,
        minimum: int,
    ) -> tuple[Signature, np.ndarray]:
        """Learn the signature, and score the rows it is learnt from without their own label.

        Learnt from the labelled training rows of the landmark that is predicted; those without any gene are left out.

        Parameters
        ----------
        rows : mapping of name to array
            ``gene_<SYMBOL>``, dCq (cycles).
        genes : sequence of str
        label, weight : ndarray, shape (n,)
            0 or 1, and the censoring weight; every row has both.
        held : ndarray of bool, shape (folds, n)
            Rows that are held out together: a partition by patient.
        minimum : int
            Rows with genes that are needed.

        Returns
        -------
        tuple of Signature and ndarray, shape (n,)
            The signature of all rows, for others; and the score of each row from the folds that it is not in.
            All NaN below ``minimum`` or when a fold has one class only.
        """
        names = np.array(list(genes))
        values = _values(rows, names)
        there = np.isfinite(values).any(axis=1)
        parts = [there, *(there & ~fold for fold in held)]
        if there.sum() < minimum or any(len(np.unique(label[part])) < 2 for part in parts):
            return cls.none(genes), np.full(len(label), np.nan)
        own = np.full(len(label), np.nan)
        for fold in held:
            learnt = _ridge(names, values, label, weight, there & ~fold)
            own[fold] = learnt._score(values[fold])
        return _ridge(names, values, label, weight, there), own

    def apply(self, rows: Rows) -> dict[str, np.ndarray]:
        """``signature_score`` of each row (log odds); a missing gene counts as average, NaN without any gene."""
        values = _values(rows, self.genes)
        estimable = np.isfinite(self.coefficients).all()
        return {SIGNATURE: self._score(values) if estimable else np.full(len(values), np.nan)}

    def _score(self, values: np.ndarray) -> np.ndarray:
        z = (values - self.mean) / self.scale
        known = np.isfinite(z)
        score = np.where(known, z, 0.0) @ self.coefficients
        return np.where(known.any(axis=1), score, np.nan)

    def describe(self) -> dict[str, float]:
        """Spread of the coefficients; NaN while not estimable."""
        return {"signature: root sum of squares": float(np.sqrt((self.coefficients**2).sum()))}


def _values(rows: Rows, genes: np.ndarray) -> np.ndarray:
    return np.column_stack(columns(rows, tuple(GENE + str(gene) for gene in genes)))


def _ridge(names: np.ndarray, values: np.ndarray, label: np.ndarray, weight: np.ndarray, used: np.ndarray) -> Signature:
    """The penalised fit on some rows, everything standardised by them."""
    mean, sd = mean_and_sd(values[used])
    z = (values[used] - mean) / sd
    design = np.where(np.isfinite(z), z, 0.0)
    model = LogisticRegression(C=1 / len(names), solver="newton-cholesky", tol=1e-8, max_iter=100)
    model.fit(design, label[used], sample_weight=weight[used])
    return Signature(names, mean, sd, model.coef_[0])
