"""How often plates and lots that follow the outcome are noticed, and how often clean ones are suspected.

    python -m benchmarks.known_truth.plates [--cohorts 100] [--patients 106]

prints both shares for the primary endpoint and exits 1 when fewer than 95% of the badly filled cohorts, or more than 5%
of the clean ones, are refused (statistics.md section 6, row 3).
"""

from __future__ import annotations

import argparse
import sys

from data.protocol import Protocol, load_protocol
from data.simulate.generate import generate
from features.landmark import LeakageError, batches_at
from features.outcomes import build_outcome, label
from models.validation.plates import check_batches

ENDPOINT = "MRD36@6"
FIRST_SEED = 1000


def refused(seed: int, patients: int, plates_by: str, protocol: Protocol) -> bool:
    """Whether a simulated cohort is refused for its plates."""
    trial = generate(n=patients, seed=seed, plates_by=plates_by).trial()
    endpoint = protocol.endpoint(ENDPOINT)
    labels = label(build_outcome(trial, protocol), endpoint, protocol)
    try:
        check_batches(batches_at(trial, protocol, endpoint.landmark), labels[labels["at_risk"]], protocol, seed)
    except LeakageError:
        return True
    return False


def main() -> int:
    """Both shares; 1 when one misses its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohorts", type=int, default=100)
    parser.add_argument("--patients", type=int, default=106)
    asked = parser.parse_args()
    protocol, seeds = load_protocol(), range(FIRST_SEED, FIRST_SEED + asked.cohorts)
    share = {
        by: sum(refused(seed, asked.patients, by, protocol) for seed in seeds) / asked.cohorts
        for by in ("outcome", "received")
    }
    print(f"{asked.cohorts} cohorts of {asked.patients}, {ENDPOINT}")
    print(f"refused with plates filled by outcome: {share['outcome']:.0%}, as tubes arrive: {share['received']:.0%}")
    return int(share["outcome"] < 0.95 or share["received"] > 0.05)


if __name__ == "__main__":
    sys.exit(main())
