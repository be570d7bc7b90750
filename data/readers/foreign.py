"""Exports that are recognised but not read yet: one line each, to be deleted when its dialect is written."""

from __future__ import annotations

import re

# First match wins; tested on the first lines of every sheet.
FOREIGN: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (instrument, re.compile(pattern, re.IGNORECASE | re.MULTILINE))
    for instrument, pattern in (
        ("an RDML document", r"<rdml\b"),
        ("an Applied Biosystems StepOne export", r"Instrument Type\W{1,4}stepone"),
        ("an Applied Biosystems 7500 export", r"Instrument Type\W{1,4}(sds|applied biosystems )?7500"),
        (
            "an Applied Biosystems 7000 export (SDS 1)",
            r"7000 Real-Time PCR System|^Well,Sample Name,Detector,Task,Ct",
        ),
        ("an Applied Biosystems 7900HT export (SDS 2 absolute quantification)", r"^SDS 2\.\d\tAQ Results"),
        ("an Applied Biosystems SDS 2 relative quantification study", r"^SDS 2\.\d ?RQ Results"),
        (
            "a TaqMan low-density array table (SDS 2, without header)",
            r"^\d+\t[^\t\n]*\t[A-P]\d+\t(Passed|Flagged|Failed)\t",
        ),
        ("a Fluidigm BioMark chip export", r"^Chip Run Filename"),
        (
            "an OpenArray Real-Time qPCR Analysis export (before QuantStudio 12K)",
            r"^VersionInfo\.ProductName",
        ),
        ("an Eppendorf realplex export", r'^"?Pos"?;"?Name"?;"?Ct '),
        ("an Illumina Eco export", r"^Instrument,Eco"),
        ("a Rotor-Gene export (Corbett, Qiagen)", r"Corbett Research|^\"?Excel Analysed Data Export"),
        ("a Stratagene Mx export", r"^Well *\tAssay *\tWell Type"),
        (
            "a Roche LightCycler 480 export",
            r"^Experiment: .*Selected Filter|^SamplePos\tSampleName\tProg#|^General:Pos\t",
        ),
        ("a Roche LightCycler export", r"\tCrossingPoint\t"),
    )
)


def foreign_instrument(head: str) -> str | None:
    """The instrument whose export this looks like, if it is one without a reader.

    Parameters
    ----------
    head : str
        The first lines of the file, cells divided by tabs where it is a workbook.
    """
    return next((instrument for instrument, pattern in FOREIGN if pattern.search(head)), None)


def archive_instrument(names: list[str]) -> str | None:
    """The same for the member names of a zip archive."""
    if any(name.startswith("apldbio/") for name in names):
        return "an Applied Biosystems experiment file (.eds)"
    if len(names) <= 2 and any(name.lower().endswith(".xml") and "/" not in name for name in names):
        return "an RDML archive"
    return None
