"""The patient report: one course, its samples and its risk."""
