"""Response of measured tumours by RECIST 1.1."""
