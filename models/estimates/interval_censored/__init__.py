"""Interval-censored times: the NPMLE of Turnbull, parametric fits, score tests between groups, bootstrap bands."""
