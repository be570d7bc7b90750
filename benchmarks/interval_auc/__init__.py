"""Bias and coverage of the AUC at horizons off the visits, by method and simulated world."""
