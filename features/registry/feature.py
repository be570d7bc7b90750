"""One column of a landmark table: what it is, where it comes from and how far back it looks."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("number", "flag", "category", "reason", "material")
SOURCES = ("patients", "blood", "urine", "imaging", "treatments", "samples", "wells", "fold")

# Which records up to L(s) can enter.
BASELINE = "baseline record"
SAMPLE = "landmark sample: the latest valid one in the window that closes at L(s); pre-operative at s = 0"
POSTOP = "valid post-operative samples up to the landmark sample"
PREOP = "latest valid pre-operative sample in its window"
PAIR = "landmark sample and pre-operative sample"
PREVIOUS = "landmark sample and the post-operative sample before it"
SCANS = "adequate protocol scans after surgery up to L(s)"
WINDOW = "samples in the window that closes at L(s)"

DESIGN = "statistical design, section 2"


@dataclass(frozen=True)
class Feature:
    """One column of a landmark table.

    Parameters
    ----------
    name, unit, formula : str
    source : str
        One of ``SOURCES``: the table that the value rests on; ``fold`` for what is learnt inside a training fold.
    look_back : str
        Which records up to L(s) can enter.
    specimen : {"blood", "urine", ""}
    kind : {"number", "flag", "category", "reason", "material"}
        ``flag`` is 1, 0 or NaN as a number; ``category`` a code as text; ``reason`` why a value is missing
        ("" when it is there): for people, never a predictor; ``material`` a number that something is learnt from
        inside the fold, never a predictor by itself.
    monotone : int
        +1 when risk can only rise with the value, else 0.
    stamp : str
        Column of ``LandmarkTable.latest_used`` that dates it; ``source`` when omitted.
    reference : str
        Where the formula comes from.
    """

    name: str
    unit: str
    formula: str
    source: str
    look_back: str
    specimen: str = ""
    kind: str = "number"
    monotone: int = 0
    stamp: str = ""
    reference: str = DESIGN

    def __post_init__(self) -> None:
        if not self.stamp:
            object.__setattr__(self, "stamp", self.source)
