"""How many patients and events a marker model needs: by formula where there is one, by simulation otherwise.

The rooms: ``checks`` (inputs), ``linear_predictor`` (what a C statistic says about the linear predictor),
``development`` (Riley's criteria), ``validation`` (interval widths), ``trial_design`` (log-rank, hazard ratios),
``availability`` (from patients randomised to patients labelled), ``simulation`` (trials with known truth), ``plan``
(all of it for the endpoints of a protocol).
"""
