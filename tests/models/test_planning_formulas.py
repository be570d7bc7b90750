"""Formulas of a plan: golden numbers of the design documents, published examples, invariants."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data.protocol import Endpoint, Protocol
from models.planning.availability import Losses, available, exponential, mixture_cure
from models.planning.development import (
    binary_criteria,
    expected_shrinkage,
    for_overall_risk,
    largest_r2,
    largest_r2_survival,
    parameters_supported,
    per_parameter,
    r2_from_auc,
    survival_criteria,
)
from models.planning.linear_predictor import LinearPredictor
from models.planning.trial_design import (
    Design,
    annual_rate,
    control_survival,
    hazard_ratio,
    log_rank_events,
    quoted_ratio_words,
    treated_survival,
    two_proportion_patients,
)
from models.planning.validation import (
    Targets,
    auc_error,
    auc_width,
    n_for_auc,
    n_for_oe,
    n_for_proportion,
    n_for_slope,
    oe_width,
    proportion_width,
    sizes,
    slope_width,
    widths,
)

NELMAS = Design(0.25, 0.44, 36)
ARMS = ("control", "prrt")
MRD36 = 47 / 82
ER12 = 17 / 72


# ---- golden numbers: the design of the trial ------------------------------------------------------------------------
def test_hazard_ratio_and_rates_of_the_survivals() -> None:
    assert hazard_ratio(0.25, 0.44) == pytest.approx(0.5922, abs=5e-5)
    assert NELMAS.rates == pytest.approx((0.4621, 0.2737), abs=5e-5)
    assert annual_rate(0.44, 3) == pytest.approx(0.2737, abs=5e-5)


def test_log_rank_size_of_the_trial() -> None:
    events, patients, with_loss = NELMAS.patients(0.10, 0.80, 1, 0.05)
    assert (events, patients) == pytest.approx((65.7, 100.3), abs=0.05)
    assert math.ceil(with_loss) == 106 and NELMAS.event_share == pytest.approx(0.655)


@pytest.mark.parametrize(
    ("patients", "alpha", "sided", "power"),
    [(106, 0.05, 2, 0.588), (106, 0.10, 1, 0.816), (90, 0.10, 1, 0.77), (90, 0.05, 2, 0.52)],
)
def test_power_of_the_trial(patients: int, alpha: float, sided: int, power: float) -> None:
    digits = 3 if patients == 106 else 2
    assert round(NELMAS.power(patients, alpha, sided), digits) == power


def test_two_proportions_give_the_same_size_so_that_alpha_is_only_inferred() -> None:
    assert two_proportion_patients(0.25, 0.44, 0.15, 0.85, 1) == pytest.approx(105.4, abs=0.05)


def test_what_027_would_mean_and_that_it_is_said() -> None:
    assert treated_survival(0.25, 0.27) == pytest.approx(0.688, abs=5e-4)
    assert control_survival(0.44, 0.27) == pytest.approx(0.048, abs=5e-4)
    first, second, third = quoted_ratio_words(NELMAS, 0.27)
    assert first == "The quoted 0.27 is not the hazard ratio of 44% against 25% at 36 months: that is 0.592."
    assert "treated hazard per year" in second and "a rate, no ratio" in second
    assert "68.8% treated" in third and "4.8% control" in third
    assert quoted_ratio_words(NELMAS, 0.592) == []
    # A wrong ratio that is no rate either gets no explanation it does not deserve.
    assert len(quoted_ratio_words(NELMAS, 0.35)) == 2


def test_netter_1_shows_that_the_formula_behaves() -> None:
    assert hazard_ratio(0.108, 0.652) == pytest.approx(0.192, abs=5e-4)


def test_schoenfeld_is_symmetric_in_the_arms() -> None:
    assert log_rank_events(0.5, 0.05, 0.8) == pytest.approx(log_rank_events(2.0, 0.05, 0.8))


# ---- golden numbers: patients available -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("patients", "scenario", "at_risk", "events"),
    [
        (106, "design", (88, 74), (69, 52, 37)),
        (106, "contemporary", (94, 85), (43, 31, 22)),
        (90, "design", (75, 63), (59, 44, 32)),
        (90, "contemporary", (80, 72), (37, 26, 19)),
    ],
)
def test_the_table_of_events_available(
    protocol: Protocol, patients: int, scenario: str, at_risk: tuple[int, ...], events: tuple[int, ...]
) -> None:
    cure = mixture_cure(**protocol["planning.contemporary"], ratio=NELMAS.ratio, arms=ARMS)
    way = {"design": exponential(NELMAS, ARMS), "contemporary": cure}[scenario]
    found = [
        available(Endpoint("x", "mrd", landmark, 36.0, "", False, ""), protocol, way, patients)
        for landmark in (0.0, 6.0, 12.0)
    ]
    assert tuple(round(one.events) for one in found) == events
    assert tuple(round(one.at_risk) for one in found[1:]) == at_risk
    # Without losses everybody at risk is labelled.
    assert all(one.labelled == pytest.approx(one.at_risk) for one in found)


def test_contemporary_curve_is_the_published_one(protocol: Protocol) -> None:
    control = mixture_cure(**protocol["planning.contemporary"], ratio=1.0, arms=ARMS).curves["control"]
    years = np.array([0.5, 1, 2, 3, 5, 10])
    assert control(12 * years) == pytest.approx([0.858, 0.755, 0.609, 0.513, 0.404, 0.319], abs=6e-4)
    assert float(control(np.array(12 * 3.17))) == pytest.approx(0.5, abs=5e-4)


def test_losses_by_hand(protocol: Protocol) -> None:
    """ER12@6 of one hazard: visits 9, 12, 18; MRI only at 9 and 18, MRI and PET at 12."""
    one = Design(0.5, 0.5 - 1e-12, 12)
    endpoint = protocol.endpoint("ER12@6")
    lost = Losses(dropout=0.1, missing_blood=0.2, missed_scan=0.3)
    found = available(endpoint, protocol, exponential(one, ARMS), 100, lost)
    free = {month: 0.5 ** (month / 12) for month in (6, 9, 12, 18)}
    stay = {month: math.exp(-0.1 * month / 12) for month in free}
    miss = {9: 0.3, 12: 0.09, 18: 0.3}
    new = {9: free[6] - free[9], 12: free[9] - free[12], 18: free[12] - free[18]}
    at9 = new[9] * 0.7
    at12 = (new[9] * 0.3 + new[12]) * (1 - miss[12])
    at18 = ((new[9] * 0.3 + new[12]) * miss[12] + new[18]) * 0.7
    events = 80 * (at9 * stay[9] + at12 * stay[12] + at18 * stay[18])
    assert found.events == pytest.approx(events)
    assert found.at_risk == pytest.approx(100 * free[6] * stay[6])
    assert found.labelled == pytest.approx(events + 80 * free[18] * stay[18] * 0.7)


@pytest.mark.parametrize("name", ["dropout", "missing_blood", "missed_scan"])
def test_every_loss_costs_labelled_patients(protocol: Protocol, name: str) -> None:
    way, endpoint = exponential(NELMAS, ARMS), protocol.endpoint("MRD36@6")
    labelled = [available(endpoint, protocol, way, 106, Losses(**{name: x})).labelled for x in (0, 0.1, 0.3)]
    assert labelled[0] > labelled[1] > labelled[2]


def test_deaths_are_labelled_and_no_events(protocol: Protocol) -> None:
    way, endpoint = exponential(NELMAS, ARMS), protocol.endpoint("MRD36@6")
    plain, dying = (available(endpoint, protocol, way, 106, Losses(death=x)) for x in (0.0, 0.02))
    assert dying.labelled == pytest.approx(plain.labelled) and dying.deaths > 0
    assert dying.events + dying.deaths == pytest.approx(plain.events)


# ---- golden numbers: development ------------------------------------------------------------------------------------
@pytest.mark.parametrize(("parameters", "n"), [(1, 40), (3, 119), (5, 199), (52, 2069)])
def test_shrinkage_criterion_at_r2_of_one_fifth(parameters: int, n: int) -> None:
    assert round(parameters * per_parameter(0.2, 0.9)) == n


@pytest.mark.parametrize(("labelled", "prevalence", "supported"), [(82, MRD36, 2.4), (72, ER12, 1.6)])
def test_parameters_that_the_labelled_support(labelled: int, prevalence: float, supported: float) -> None:
    """At the AUC of 0.78 that an independent group reports."""
    assert round(parameters_supported(labelled, r2_from_auc(0.78, prevalence)), 1) == supported


@pytest.mark.parametrize(
    ("parameters", "rate", "r2", "shrinkage", "optimism"),
    [(25, 0.065, 0.051, 4286, 866), (25, 0.065, 0.065, 3335, 859), (50, 0.065, 0.051, 8572, 1731),
     (25, 0.1, 0.051, 4286, 731)],
)  # fmt: skip
def test_time_to_event_as_pmsampsize_publishes(
    parameters: int, rate: float, r2: float, shrinkage: int, optimism: int
) -> None:
    """Unit tests of the R package pmsampsize (CRAN), which rounds the events of 10,000 patients up: one patient."""
    found = survival_criteria(parameters, rate, 2.07, 2, r2)
    assert math.ceil(found.shrinkage) == shrinkage
    assert abs(math.ceil(found.optimism) - optimism) <= 1


def test_binary_as_the_worked_example() -> None:
    """Riley 2020, 24 parameters, R2 0.288, prevalence 0.174: 623, 662 and 221 (from memory, unverified)."""
    found = binary_criteria(24, 0.174, 0.288)
    assert [math.ceil(x) for x in (found.shrinkage, found.optimism, found.overall_risk)] == [623, 662, 221]
    assert found.needed == 662 and found.binding == "optimism"


def test_overall_risk_and_largest_r2() -> None:
    assert [math.ceil(for_overall_risk(x, 0.05)) for x in (0.5, 0.2, 0.1)] == [385, 246, 139]
    assert largest_r2(0.5) == pytest.approx(0.75) and largest_r2(0.1) == pytest.approx(0.48, abs=0.005)
    assert largest_r2_survival(0.065, 2.07) == pytest.approx(0.555, abs=5e-4)


@pytest.mark.parametrize("parameters", [1, 4, 20])
@pytest.mark.parametrize("r2", [0.05, 0.2, 0.5])
def test_expected_shrinkage_inverts_the_criterion(parameters: int, r2: float) -> None:
    for aim in (0.75, 0.9, 0.97):
        n = parameters * per_parameter(r2, aim)
        assert expected_shrinkage(n, parameters, r2) == pytest.approx(aim, abs=1e-6)


def test_r2_rises_with_the_auc_and_stays_below_its_largest() -> None:
    found = [r2_from_auc(auc, 0.3) for auc in (0.51, 0.6, 0.7, 0.8, 0.9, 0.99)]
    assert found == sorted(found) and 0 < found[0] and found[-1] < largest_r2(0.3)
    assert r2_from_auc(0.78, 0.3) == pytest.approx(r2_from_auc(0.78, 0.7))


# ---- validation -----------------------------------------------------------------------------------------------------
def test_published_validation_sizes() -> None:
    """Example of the package pmvalsampsize: prevalence 0.018, C 0.8, O/E width 1 (sizes from memory, unverified).

    The package searches the standard error of O/E in steps and so stops one patient earlier.
    """
    assert n_for_auc(0.8, 0.018, 0.1, scale="wald") == 4252
    assert abs(n_for_oe(0.018, 1.0) - 905) <= 1


@pytest.mark.parametrize("scale", ["logit", "wald"])
@pytest.mark.parametrize("method", ["newcombe", "hanley_mcneil"])
def test_size_is_the_smallest_that_meets_the_width(scale: str, method: str) -> None:
    n = n_for_auc(0.78, 0.4, 0.12, scale, method)
    assert auc_width(0.78, 0.4, n, scale, method) <= 0.12 < auc_width(0.78, 0.4, n - 1, scale, method)


def test_hanley_and_mcneil_by_hand() -> None:
    """AUC 0.80, 20 events, 30 others: Q1 = 2/3, Q2 = 32/45."""
    variance = (0.16 + 19 * (2 / 3 - 0.64) + 29 * (32 / 45 - 0.64)) / 600
    assert auc_error(0.80, 0.4, 50, "hanley_mcneil") == pytest.approx(math.sqrt(variance))
    assert auc_error(0.80, 0.4, 50) == pytest.approx(auc_error(0.80, 0.4, 50, "hanley_mcneil"), rel=0.05)


def test_proportions_agree_with_the_intervals_of_the_reports() -> None:
    from models.estimates.proportions import proportion

    for method in ("exact", "wilson"):
        limits = proportion(20, 25, method)
        assert proportion_width(0.8, 25, method) == pytest.approx(limits.upper - limits.lower)
    n = n_for_proportion(0.8, 0.2, 0.5)
    assert proportion_width(0.8, n / 2) <= 0.2 < proportion_width(0.8, n / 2 - 1)


def test_slope_and_oe_by_their_formulas() -> None:
    predictor = LinearPredictor.from_auc(0.78, 0.4)
    n = n_for_slope(predictor, 0.4)
    assert slope_width(predictor, n) <= 0.4 < slope_width(predictor, n - 1)
    assert oe_width(0.5, 100) == pytest.approx(2 * math.sinh(1.959964 * 0.1), rel=1e-6)


def test_the_linear_predictor_of_an_auc_is_calibrated_and_has_it() -> None:
    predictor = LinearPredictor.from_auc(0.78, 0.3)
    assert predictor.prevalence == pytest.approx(0.3, abs=1e-9)
    assert predictor.weight.sum() == pytest.approx(1)
    # Calibration means that the slope of y on LP is 1 at the true distribution: the score equation vanishes.
    probability = 1 / (1 + np.exp(-predictor.value))
    events = np.concatenate([np.ones(len(probability) // 2), np.zeros(len(probability) // 2)])
    assert predictor.weight @ ((events - probability) * predictor.value) == pytest.approx(0, abs=1e-9)


def test_widths_shrink_with_the_size_and_sizes_meet_the_targets() -> None:
    targets = Targets()
    small, large = (widths(0.78, 0.5, n, targets) for n in (80, 800))
    assert all(large[name] < small[name] for name in small)
    for name, n in sizes(0.78, 0.5, targets).items():
        assert widths(0.78, 0.5, n, targets)[name] <= getattr(targets, name) + 1e-9


# ---- impossible input -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: binary_criteria(2, 1.2, 0.2), "prevalence 1.2 is impossible"),
        (lambda: r2_from_auc(0.4, 0.3), "AUC 0.4 gives no model"),
        (lambda: r2_from_auc(1.0, 0.3), "AUC 1 gives no model"),
        (lambda: binary_criteria(2, 0.02, 0.4), "R2 0.4 is impossible: this event rate allows at most 0.178"),
        (lambda: per_parameter(0.95, 0.9), "not below the shrinkage"),
        (lambda: largest_r2_survival(3.0, 1.0), "leave no R2"),
        (lambda: hazard_ratio(0.0, 0.4), "control survival 0 is impossible"),
        (lambda: log_rank_events(1.0, 0.05, 0.8), "no difference"),
        (lambda: two_proportion_patients(0.3, 0.3, 0.05, 0.8), "no difference"),
        (lambda: NELMAS.power(106, 0.05, 3), "not 3-sided"),
        (lambda: Losses(dropout=-1), "dropout -1 per year is impossible"),
        (lambda: Losses(missing_blood=1.0), "missing blood 1 is impossible"),
        (lambda: n_for_auc(0.78, 0.4, 0.0), "width of the AUC interval 0 is impossible"),
        (lambda: n_for_auc(0.78, 0.4, 1e-5), "ask for less precision"),
        (lambda: auc_error(0.78, 0.4, 50, "other"), "use newcombe or hanley_mcneil"),
        (lambda: auc_width(0.78, 0.4, 50, "other"), "use logit or wald"),
        (lambda: proportion_width(0.8, 50, "other"), "use exact or wilson"),
    ],
)
def test_impossible_input_is_refused_in_one_line(call, words: str) -> None:
    with pytest.raises(ValueError, match=words) as found:
        call()
    assert "\n" not in str(found.value)
