"""Urine markers."""

from features.urine.ratio import hiaa_per_creatinine

__all__ = ["hiaa_per_creatinine"]
