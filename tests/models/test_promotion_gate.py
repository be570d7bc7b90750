"""The gate: d and z by hand, verdicts in words, invariants of nights, the naive rivals, the campaign in small."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.gate.campaign import campaign, look_rows, share, through_the_gate, unchanged_nights
from benchmarks.gate.rivals import nightly_auc_difference
from benchmarks.gate.streams import World, censoring_of, development, draw, matured
from data.protocol import ProtocolError, load_protocol
from models.metrics.discrimination import delong_covariance, placements
from models.promotion.gate import KEEP, PROMOTE, Checks, Ledger, night
from models.promotion.loss import loss_difference, studentised
from models.promotion.maturation import Matured
from models.promotion.requirements import requirements, slope_interval
from models.promotion.rules import GateRules

PROTOCOL = load_protocol()
RULES = GateRules.from_protocol(PROTOCOL)
PASSED = Checks("tonight", leaks_passed=True)
BETTER = World(challenger=0.804, shared=1.0)

# label, weight, champion, challenger, d
BY_HAND = [
    (1.0, 1.0, 0.6, 0.8, 0.16 - 0.04),
    (0.0, 1.25, 0.3, 0.2, 1.25 * (0.09 - 0.04)),
    (np.nan, 0.0, 0.5, 0.9, 0.0),
    (0.0, 2.0, 0.4, 0.5, 2.0 * (0.16 - 0.25)),
]


def columns():
    return [np.array(column) for column in zip(*BY_HAND, strict=True)]


def stream(world: World = BETTER, seed: int = 0, planned: int = 400) -> Matured:
    censoring = censoring_of(PROTOCOL)
    drawn = draw(world, 1, planned, censoring, seed)
    return matured(drawn, 0, 1, censoring, development(censoring, seed))


def first_look(rows: Matured, rules: GateRules = RULES) -> Matured:
    return next(look_rows(rows, rules))


def test_d_and_its_studentised_mean_by_hand():
    label, weight, champion, challenger, d = columns()
    np.testing.assert_allclose(loss_difference(label, champion, challenger, weight), d)
    found = studentised(np.array([0.1, 0.3, 0.2]))
    assert (found.mean, found.error) == (pytest.approx(0.2), pytest.approx(0.1 / 3**0.5))
    assert found.z == pytest.approx(2 * 3**0.5) and found.limit(-1, 0.95) == pytest.approx(
        0.2 - 1.645 * found.error, 1e-4
    )
    assert studentised(np.zeros(5)).z == 0 and np.isnan(studentised(np.array([1.0])).z)


def test_exchanging_champion_and_challenger_changes_the_sign_and_nothing_else():
    label, weight, champion, challenger, _ = columns()
    one = loss_difference(label, champion, challenger, weight)
    np.testing.assert_array_equal(one, -loss_difference(label, challenger, champion, weight))
    rows = first_look(stream())
    ours, theirs = (night(Ledger(), r, RULES, PASSED).looks[0] for r in (rows, rows.exchanged()))
    assert (ours.z, ours.mean, ours.error) == (-theirs.z, -theirs.mean, theirs.error)


def test_limits_are_those_of_the_protocol_and_shared_among_challengers():
    assert (RULES.labels_at, RULES.alpha, RULES.smallest_gain) == ((100, 200, 300, 400), 0.05, 0.005)
    assert (RULES.slope_range, RULES.harm_limit, RULES.anytime_alpha) == ((0.8, 1.25), 0.02, 0.01)
    three = GateRules.from_protocol(PROTOCOL, challengers=3)
    assert three.alpha == pytest.approx(0.05 / 3) and three.critical((1,), (100,)) == pytest.approx(4.364, abs=5e-4)
    assert [RULES.reached(n) for n in (0, 99, 100, 250, 400, 900)] == [0, 0, 1, 2, 4, 4]
    with pytest.raises(ValueError, match="at least one"):
        GateRules.from_protocol(PROTOCOL, challengers=0)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [("gate.looks", [0.5, 0.9], "shares that grow to 1"), ("gate.anytime_alpha", 0.05, "must lie between")],
)
def test_limits_that_do_not_go_are_refused(key, value, words):
    records = {**PROTOCOL.records, key: replace(PROTOCOL.record(key), value=value)}
    with pytest.raises(ProtocolError, match=words):
        GateRules.from_protocol(replace(PROTOCOL, records=records))


def test_the_e_process_takes_its_share_from_the_looks():
    records = dict(PROTOCOL.records)
    records["gate.anytime_promotes"] = replace(PROTOCOL.record("gate.anytime_promotes"), value=True)
    shared = GateRules.from_protocol(replace(PROTOCOL, records=records), challengers=2)
    assert (shared.alpha, shared.anytime_alpha) == (pytest.approx(0.02), pytest.approx(0.005))


def test_outside_a_look_nothing_is_evaluated():
    rows = stream()
    few = rows.only(np.cumsum(rows.known) < 100)
    after = night(Ledger(), few, RULES, PASSED)
    assert (after.looks, after.verdict.decision, after.verdict.look) == ((), KEEP, None)
    assert after.verdict.reason == f"no look tonight: {few.labels} labels, the next look is due at 100"


def test_a_verdict_holds_every_number_and_says_why():
    rows = stream()
    ledger = through_the_gate(rows, RULES)
    look = ledger.looks[-1]
    assert ledger.promoted and ledger.verdict.decision == PROMOTE
    seen = rows.only(np.arange(len(rows.label)) < look.patients)
    d = loss_difference(seen.label, seen.champion, seen.challenger, seen.weight)
    assert (look.mean, look.labels) == (pytest.approx(d.mean()), int((~np.isnan(seen.label)).sum()))
    assert look.z == pytest.approx(d.mean() / (d.std(ddof=1) / len(d) ** 0.5)) and look.z >= look.critical
    assert ledger.verdict.reason == (
        f"look {look.number} at {look.labels} labels: z {look.z:.3f} reaches {look.critical:.3f}, "
        "and every other condition holds"
    )
    stored = json.loads(ledger.as_bytes())
    assert stored["verdict"]["look"]["conditions"][1]["name"] == "slope" and "P0" not in str(stored)


def test_a_look_that_fails_says_that_it_proves_no_equality_and_is_not_taken_twice():
    rows = stream(World())
    seen = first_look(rows)
    first = night(Ledger(), seen, RULES, PASSED)
    assert first.verdict.decision == KEEP and "no evidence that the two are equal" in first.verdict.reason
    again = night(first, seen, RULES, Checks("refitted", leaks_passed=True))
    assert again.looks == first.looks and again.verdict.look is None and again.verdict.next_look == 200


def test_after_the_last_look_and_after_a_promotion_the_gate_is_closed():
    rows = stream(World(), seed=1)
    ledger = through_the_gate(rows, RULES)
    assert len(ledger.looks) == 4
    closed = night(ledger, rows, RULES, Checks("later", leaks_passed=True))
    assert closed.looks == ledger.looks and "every planned look has been taken" in closed.verdict.reason
    promoted = through_the_gate(stream(), RULES)
    later = night(promoted, stream(), RULES, Checks("later", leaks_passed=True))
    assert later.verdict.decision == KEEP and "promoted on an earlier night" in later.verdict.reason


def test_nights_without_matured_labels_change_nothing_to_the_bit():
    rows, plain, busy = stream(seed=4), Ledger(), Ledger()
    for number, seen in enumerate(look_rows(rows, RULES)):
        plain = night(plain, seen, RULES, Checks(f"{number}", leaks_passed=True))
        busy = night(busy, seen, RULES, Checks(f"{number}", leaks_passed=True))
        for spare in range(3):
            busy = night(busy, seen, RULES, Checks(f"{number}.{spare}", leaks_passed=True))
        assert busy.looks == plain.looks and busy.promoted == plain.promoted
        if plain.promoted:
            break
    assert plain.looks


def test_every_night_gives_what_the_nights_of_the_looks_give():
    rows, ledger = stream(World(challenger=0.779, shared=1.0), seed=2), Ledger()
    for tonight in np.unique(rows.day):
        ledger = night(ledger, rows.only(rows.day <= tonight), RULES, Checks(str(tonight), leaks_passed=True))
    assert ledger.looks == through_the_gate(rows, RULES).looks


def test_the_same_fingerprint_is_not_looked_at_again_and_gives_identical_bytes():
    assert unchanged_nights(PROTOCOL) == (1, 0)


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        (Checks("tonight", leaks_passed=False), "the leak suite has not passed"),
        (Checks("tonight", leaks_passed=True, drift="controls of plate 7"), "drift: controls of plate 7"),
    ],
)
def test_leaks_and_drift_keep_the_champion_without_spending_the_look(checks, words):
    seen = first_look(stream())
    blocked = night(Ledger(), seen, RULES, checks)
    assert (blocked.looks, blocked.verdict.decision) == ((), KEEP) and words in blocked.verdict.reason
    assert night(blocked, seen, RULES, PASSED).looks == night(Ledger(), seen, RULES, PASSED).looks


def test_labels_that_pass_two_looks_at_one_go_are_looked_at_once():
    rows = stream(World(), seed=1)
    seen = rows.only(np.cumsum(rows.known) <= 230)
    ledger = night(Ledger(), seen, RULES, PASSED)
    assert [(look.number, look.labels) for look in ledger.looks] == [(2, 230)]
    assert ledger.looks[0].critical == RULES.critical((2,), (230,)) < RULES.critical((1, 2), (100, 230))


def test_each_condition_can_stop_a_promotion():
    rows = stream()
    good = requirements(rows, RULES)
    assert [condition.name for condition in good] == ["gain", "slope", "harm"] and all(c.met for c in good)
    gain, slope, harm = requirements(rows, replace(RULES, smallest_gain=0.2, slope_range=(3.0, 4.0), harm_limit=-1.0))
    assert not (gain.met or slope.met or harm.met)
    strict = night(Ledger(), rows, replace(RULES, slope_range=(3.0, 4.0)), PASSED)
    assert strict.looks[0].crossed and strict.verdict.decision == KEEP and "must meet 3 to 4" in strict.verdict.reason


def test_harm_in_one_arm_stops_a_promotion_that_the_mean_would_allow():
    rows = stream(seed=3)
    bad = (rows.arm == "prrt") & (np.random.default_rng(0).random(len(rows.arm)) < 0.5)
    hurt = replace(rows, challenger=np.where(bad, 1 - rows.challenger, rows.challenger))
    harm = requirements(hurt, RULES)[2]
    assert not harm.met and "in arm prrt" in harm.words


def test_what_can_not_be_estimated_does_not_hold():
    rows = stream()
    only_events = rows.only(rows.label == 1)
    assert requirements(only_events, RULES)[1].words == "calibration slope of the challenger not estimable"
    one = rows.only((rows.arm == "control") | (np.arange(len(rows.arm)) == np.argmax(rows.arm == "prrt")))
    assert requirements(one, RULES)[2].words == "harm in arm prrt not estimable"


def test_slope_interval_covers_the_true_slope():
    rng, hits = np.random.default_rng(0), 0
    for _ in range(150):
        line = rng.normal(0, 1.2, 300)
        label = (rng.random(300) < 1 / (1 + np.exp(-0.7 * line))).astype(float)
        _, lower, upper = slope_interval(label, 1 / (1 + np.exp(-line)), rng.choice([1.0, 1.5], 300), 0.95)
        hits += lower <= 0.7 <= upper
    assert 0.92 <= hits / 150 <= 0.98


def test_rivals_every_night_equal_the_house_delong():
    rows = stream(World(), planned=90)
    difference, error, events, others = nightly_auc_difference(rows)
    for place in (40, -1):
        tonight = np.unique(rows.day)[place]
        seen = rows.only((rows.day <= tonight) & rows.known)
        one, two = (placements(seen.label, p, seen.weight) for p in (seen.champion, seen.challenger))
        variance = delong_covariance(one, one) + delong_covariance(two, two) - 2 * delong_covariance(one, two)
        assert difference[place] == pytest.approx(two.auc - one.auc, abs=1e-12)
        assert error[place] == pytest.approx(variance**0.5)
        assert (events[place], others[place]) == ((seen.label == 1).sum(), (seen.label == 0).sum())


def test_the_campaign_in_small_tells_the_rules_apart():
    null = campaign(World(), 40, PROTOCOL, naive=True, seed=11)
    assert share(null, "higher") > 0.7 > 0.15 > share(null, "gate") and share(null, "delong") > share(null, "gate")
    worse = World(shared=1.0, shift=0.8)
    assert share(campaign(worse, 20, PROTOCOL, seed=12), "gate") == 0
    assert share(campaign(worse, 20, PROTOCOL, early=True, seed=12), "test") > 0.9
    assert share(campaign(BETTER, 20, PROTOCOL, seed=13), "gate") > 0.75
