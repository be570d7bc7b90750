"""Folds, bootstrap, judgement of out-of-fold predictions, and the leakage suite."""
