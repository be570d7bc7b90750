"""A fitted accelerated failure time model: coefficients, hazard ratios, survival and quantiles with limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from models.estimates.cox.design import Terms
from models.estimates.interval_censored.families import FAMILIES
from models.estimates.values import Test


@dataclass(frozen=True)
class ParametricFit:
    """log T = intercept + x beta + scale W, fitted by maximum likelihood.

    Attributes
    ----------
    distribution : str
    table : DataFrame
        Rows (intercept), one per coefficient and, unless exponential, log(scale); columns coef (on log months: a
        negative one shortens the time), se (observed information), lower, upper, p (Wald; NaN for log(scale)).
    covariance : ndarray
        Of the rows of the table.
    scale : float
        1 for the exponential; a Weibull has the shape 1 / scale.
    loglik, loglik_null : float
        At the maximum, and with an intercept (and scale) alone.
    n, events : int
        Patients, and those whose event has an upper bound.
    """

    distribution: str
    table: pd.DataFrame
    covariance: np.ndarray
    scale: float
    loglik: float
    loglik_null: float
    n: int
    events: int
    terms: Terms
    level: float

    @property
    def lr(self) -> Test:
        """Likelihood ratio test of all covariates together."""
        df = len(self.terms.columns)
        statistic = 2 * (self.loglik - self.loglik_null)
        return Test(statistic, float(df), float(chi2.sf(statistic, df)) if df else float("nan"))

    def hazard_ratios(self) -> pd.DataFrame:
        """Hazard ratios of a Weibull or exponential fit: hr, lower, upper, p; the only ones with constant ratios.

        Raises
        ------
        ValueError
            For a log-logistic or log-normal fit, whose hazard ratios change with time.
        """
        if self.distribution not in ("weibull", "exponential"):
            raise ValueError(
                f"a {self.distribution} model has no constant hazard ratio; report the time ratio exp(coef)"
            )
        p = len(self.terms.columns)
        beta = self.table["coef"].to_numpy()[1 : p + 1]
        slopes = np.zeros((p, len(self.table)))
        slopes[np.arange(p), 1 + np.arange(p)] = -1 / self.scale
        if self.distribution == "weibull":
            slopes[:, -1] = beta / self.scale
        log_ratio, error = -beta / self.scale, np.sqrt(np.diag(slopes @ self.covariance @ slopes.T))
        reach = norm.ppf(0.5 + self.level / 2) * error
        return pd.DataFrame(
            {
                "hr": np.exp(log_ratio),
                "lower": np.exp(log_ratio - reach),
                "upper": np.exp(log_ratio + reach),
                "p": 2 * norm.sf(np.abs(log_ratio / error)),
            },
            index=pd.Index(self.terms.columns, name="term"),
        )

    def at(self, months: float | np.ndarray, profiles: pd.DataFrame | None = None) -> pd.DataFrame:
        """Survival at months with limits, for each profile (none needed without covariates).

        Limits are symmetric for z = (log t - eta) / scale, hence within 0 to 1.

        Returns
        -------
        DataFrame
            profile (index label), month, value, lower, upper.
        """
        wanted = np.atleast_1d(np.asarray(months, dtype=float))
        eta, design, labels = self._predictors(profiles)
        with np.errstate(divide="ignore"):
            z = (np.log(wanted)[None, :] - eta[:, None]) / self.scale
        finite = np.where(np.isfinite(z), z, 0.0)
        slopes = np.repeat(-design[:, None, :] / self.scale, len(wanted), axis=1)
        if self.distribution != "exponential":
            slopes = np.concatenate([slopes, -finite[:, :, None]], axis=2)
        reach = norm.ppf(0.5 + self.level / 2) * np.sqrt(np.einsum("gtp,pq,gtq->gt", slopes, self.covariance, slopes))
        survival = FAMILIES[self.distribution].log_survival
        values = {"value": z, "lower": z + reach, "upper": z - reach}
        return pd.DataFrame(
            {
                "profile": np.repeat(labels, len(wanted)),
                "month": np.tile(wanted, len(labels)),
                **{name: np.exp(survival(value)).ravel() for name, value in values.items()},
            }
        )

    def quantile(self, p: float = 0.5, profiles: pd.DataFrame | None = None) -> pd.DataFrame:
        """Month by which a share ``p`` has had the event (the median by default): profile, value, lower, upper."""
        eta, design, labels = self._predictors(profiles)
        z = float(FAMILIES[self.distribution].quantile(np.asarray(p)))
        slopes = (
            design
            if self.distribution == "exponential"
            else np.column_stack([design, np.full(len(design), self.scale * z)])
        )
        error = np.sqrt(np.einsum("gp,pq,gq->g", slopes, self.covariance, slopes))
        reach, center = norm.ppf(0.5 + self.level / 2) * error, eta + self.scale * z
        return pd.DataFrame(
            {
                "profile": labels,
                "value": np.exp(center),
                "lower": np.exp(center - reach),
                "upper": np.exp(center + reach),
            }
        )

    def _predictors(self, profiles: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if profiles is None:
            if self.terms.columns:
                raise ValueError("this fit has covariates: give the profiles to predict for")
            profiles = pd.DataFrame(index=["all"])
        design = np.column_stack([np.ones(len(profiles)), self.terms.values(profiles)])
        return design @ self.table["coef"].to_numpy()[: design.shape[1]], design, profiles.index.to_numpy()
