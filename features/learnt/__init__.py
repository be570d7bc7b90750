"""What is learnt from training patients only: fitted inside the fold, applied to everybody."""
