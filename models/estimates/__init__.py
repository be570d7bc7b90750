"""Estimates of a trial report: curves, rates, ratios and tests, each with its interval."""
