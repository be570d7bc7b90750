"""Errors whose own words may be shown to everybody."""

from __future__ import annotations


class PublicError(ValueError):
    """An error that names no patient and no sample and says what to do, so that the Prefect server may show it."""
