"""Urine markers."""

from features.urine.agreement import STATES, agreement_state, blood_urine_pairs, urine_calls, urine_rules
from features.urine.ratio import hiaa_per_creatinine, per_creatinine
from features.urine.timed import timed_collections

__all__ = [
    "STATES",
    "agreement_state",
    "blood_urine_pairs",
    "hiaa_per_creatinine",
    "per_creatinine",
    "timed_collections",
    "urine_calls",
    "urine_rules",
]
