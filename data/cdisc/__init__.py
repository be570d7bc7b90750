"""CDISC SDTM domains in, tables of the trial out."""
