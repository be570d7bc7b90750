"""Dictionary of the columns that are learnt inside a training fold."""

from __future__ import annotations

from features.registry.feature import Feature


def learnt() -> list[Feature]:
    """What models add to a landmark table while they are fitted; never part of the table."""
    return []
