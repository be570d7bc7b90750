"""The plate report: verdicts and the plate picture."""
