"""Censoring-weighted metrics and their intervals."""
