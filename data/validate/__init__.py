"""Judging delivered tables: each against its contract, then against each other."""

from data.validate.table import CheckedTable, validate_table

__all__ = ["CheckedTable", "validate_table"]
