"""The cohort report: the whole trial on one page."""
