"""The design check of a two-arm trial: hazard ratio, events, patients and power of the log-rank test."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import norm

from models.planning.checks import loss, positive, share


def hazard_ratio(control: float, treated: float) -> float:
    """Hazard ratio of two survivals at one time under proportional hazards: ln S_treated / ln S_control.

    Raises
    ------
    ValueError
        A survival not in (0, 1).
    """
    return math.log(share(treated, "treated survival")) / math.log(share(control, "control survival"))


def annual_rate(survival: float, years: float) -> float:
    """Constant hazard per year that leaves this share after ``years``: -ln S / t."""
    return -math.log(share(survival, "survival")) / positive(years, "time")


def treated_survival(control: float, ratio: float) -> float:
    """Treated survival that a hazard ratio makes of a control survival: S^HR."""
    return share(control, "control survival") ** positive(ratio, "hazard ratio")


def control_survival(treated: float, ratio: float) -> float:
    """Control survival behind a treated survival: S^(1/HR)."""
    return share(treated, "treated survival") ** (1 / positive(ratio, "hazard ratio"))


def _quantile(alpha: float, sided: int) -> float:
    if sided not in (1, 2):
        raise ValueError(f"a test is one-sided or two-sided, not {sided}-sided")
    return float(norm.isf(share(alpha, "alpha") / sided))


def log_rank_events(ratio: float, alpha: float, power: float, sided: int = 2) -> float:
    """Events that a log-rank test with equal arms needs: 4 (z_alpha + z_power)^2 / ln(HR)^2 (not rounded).

    References
    ----------
    Schoenfeld, Biometrika 1981; 68: 316-319.
    """
    if positive(ratio, "hazard ratio") == 1:
        raise ValueError("hazard ratio 1 is no difference: no number of events shows it")
    gained = _quantile(alpha, sided) + float(norm.isf(1 - share(power, "power")))
    return 4 * gained**2 / math.log(ratio) ** 2


def log_rank_power(ratio: float, events: float, alpha: float, sided: int = 2) -> float:
    """Power of a log-rank test with equal arms: PHI(sqrt(events / 4) |ln HR| - z_alpha)."""
    moved = math.sqrt(positive(events, "number of events") / 4) * abs(math.log(positive(ratio, "hazard ratio")))
    return float(norm.cdf(moved - _quantile(alpha, sided)))


def two_proportion_patients(control: float, treated: float, alpha: float, power: float, sided: int = 2) -> float:
    """Patients in both arms for comparing two survivals at one time as proportions (pooled variance, no continuity).

    References
    ----------
    Fleiss, Levin, Paik, Statistical Methods for Rates and Proportions, 2003, chapter 4.
    """
    middle = (share(control, "control survival") + share(treated, "treated survival")) / 2
    if control == treated:
        raise ValueError("equal survivals are no difference: no number of patients shows it")
    apart = control * (1 - control) + treated * (1 - treated)
    spread = _quantile(alpha, sided) * math.sqrt(2 * middle * (1 - middle))
    spread += float(norm.isf(1 - share(power, "power"))) * math.sqrt(apart)
    return 2 * (spread / (treated - control)) ** 2


@dataclass(frozen=True)
class Design:
    """Survivals of two arms at one time, and what follows from them under proportional hazards.

    Parameters
    ----------
    control, treated : float
        Survivals at ``month``.
    month : float
    """

    control: float
    treated: float
    month: float

    @property
    def ratio(self) -> float:
        return hazard_ratio(self.control, self.treated)

    @property
    def rates(self) -> tuple[float, float]:
        """Hazard per year of control and treated arm."""
        return annual_rate(self.control, self.month / 12), annual_rate(self.treated, self.month / 12)

    @property
    def event_share(self) -> float:
        """Share of patients with the event by ``month``, equal arms."""
        return 1 - (self.control + self.treated) / 2

    def patients(self, alpha: float, power: float, sided: int, lost: float = 0.0) -> tuple[float, float, float]:
        """Events, patients, and patients with a share ``lost`` added (none of them rounded)."""
        events = log_rank_events(self.ratio, alpha, power, sided)
        kept = events / self.event_share
        return events, kept, kept / (1 - loss(lost, "loss"))

    def power(self, patients: float, alpha: float, sided: int, lost: float = 0.0) -> float:
        """Power when everybody is followed to ``month``, less a share ``lost``."""
        events = positive(patients, "number of patients") * (1 - loss(lost, "loss")) * self.event_share
        return log_rank_power(self.ratio, events, alpha, sided)


def quoted_ratio_words(design: Design, quoted: float) -> list[str]:
    """Whether a quoted hazard ratio is one, in sentences.

    Returns
    -------
    list of str
        Empty when the quoted ratio agrees with the survivals to two decimals.
    """
    if abs(design.ratio - quoted) < 0.005:
        return []
    survivals = f"{design.treated:.0%} against {design.control:.0%} at {design.month:g} months"
    words = [f"The quoted {quoted:g} is not the hazard ratio of {survivals}: that is {design.ratio:.3f}."]
    names = (("control", design.rates[0]), ("treated", design.rates[1]))
    alike = [(arm, rate) for arm, rate in names if abs(rate - quoted) < 0.005]
    words += [
        f"{quoted:g} equals the {arm} hazard per year, -ln({survival:g})/{design.month / 12:g} = {rate:.4f}: "
        "a rate, no ratio."
        for arm, rate in alike
        for survival in [design.control if arm == "control" else design.treated]
    ]
    words.append(
        f"A hazard ratio of {quoted:g} would mean {treated_survival(design.control, quoted):.1%} treated with "
        f"{design.control:.0%} control, or {control_survival(design.treated, quoted):.1%} control with "
        f"{design.treated:.0%} treated."
    )
    return words
