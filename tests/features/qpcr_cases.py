"""A well of a qPCR plate, for literal tables."""

from __future__ import annotations


def well(sample_id, target, cq, plate="PL1", **facts):
    """A well as the readers give it: without a sample a positive control, without a Cq undetermined."""
    return {
        "plate": plate,
        "sample_id": sample_id,
        "target": target,
        "task": "unknown" if sample_id else "positive_control",
        "cq": cq,
        "state": "undetermined" if cq is None else "value",
        "omit": False,
    } | facts
