"""Risk models as scikit-learn estimators: probability of the event by the horizon."""
