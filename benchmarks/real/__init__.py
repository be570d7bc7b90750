"""Real public cohorts through the same code as a trial, against answers computed in R."""
