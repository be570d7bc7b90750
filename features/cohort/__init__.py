"""Who the patients are: eligibility, flow, completeness, lead time, line of therapy, adverse events."""
