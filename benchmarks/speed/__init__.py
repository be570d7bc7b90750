"""Seconds of metrics and bootstraps against scikit-survival, scikit-learn, lifelines, pROC and riskRegression."""
