"""How many patients and events a marker model needs: by formula where there is one, by simulation otherwise.

The rooms: ``checks`` (inputs), ``linear_predictor`` (what a C statistic says about the linear predictor),
``development`` (Riley's criteria), ``validation`` (interval widths), ``trial_design`` (log-rank, hazard ratios),
``availability`` (from patients randomised to patients labelled), ``inputs``, ``endpoints`` and ``plan`` (all of it for
a protocol), ``simulation`` (trials with known truth), ``added`` (what a score adds in them), ``worlds``.
"""
