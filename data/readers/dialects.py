"""How each instrument program names its columns and its states: one small record per dialect.

To read a further instrument, add a :class:`Dialect` to ``DIALECTS`` and delete its line in ``foreign.py``.
Labels are written as :func:`data.readers.text.label` reduces them.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

TASKS = ("unknown", "ntc", "nrt", "standard", "positive_control", "other")
NTC_NAME = re.compile(r"(ntc|no[ -]?template([ -]?control)?)([ _-]?\d+)?", re.IGNORECASE)
NRT_NAME = re.compile(r"(nrt|.*[ _-]rt)", re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """One way of writing a table of wells.

    Parameters
    ----------
    name : str
        Instrument, used when the file does not say which it was.
    requires : tuple of sets of str
        The header row holds at least one label of each set.
    columns : dict
        Field (well, sample, target, task, cq, omit, dye) to its labels, the preferred first.
    undetermined : frozenset of str
        Words, in lower case, for a well without amplification.
    tasks : tuple of (pattern, task)
        Task words; the first pattern that matches the whole word wins, an unmatched word is ``other``.
    alleles : tuple of (label, suffix)
        Genotyping only: Cq columns of the alleles, read as targets ``assay-suffix``.
    metadata_keys : frozenset of str
        Keys of the information block that give this dialect away even when its table is missing.
    """

    name: str
    requires: tuple[frozenset[str], ...]
    columns: dict[str, tuple[str, ...]]
    undetermined: frozenset[str]
    tasks: tuple[tuple[re.Pattern[str], str], ...]
    alleles: tuple[tuple[str, str], ...] = ()
    metadata_keys: frozenset[str] = field(default_factory=frozenset)

    def speaks(self, labels: Collection[str]) -> bool:
        """Whether a header row with these labels is written in this dialect."""
        return all(not group.isdisjoint(labels) for group in self.requires)

    def task(self, word: str) -> str:
        """Normalised task of a word; '' for an empty word."""
        if not word:
            return ""
        return next((task for pattern, task in self.tasks if pattern.fullmatch(word)), "other")


def _requires(*groups: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group.split()) for group in groups)


def _tasks(**words: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.IGNORECASE), task) for task, pattern in words.items())


ABI_COLUMNS = {
    "well": ("wellposition", "well"),
    "sample": ("samplename", "sample"),
    "target": ("targetname", "target"),
    "task": ("task",),
    "cq": ("ct", "cq", "crt"),
    "omit": ("omit",),
    "dye": ("reporter",),
}
ABI_TASKS = _tasks(
    unknown="unknown",
    ntc="ntc",
    nrt="nrt|no[ _]?rt",
    standard="standard",
    positive_control="positive[ _]control",
)
ABI_WORDS = frozenset({"undetermined"})
ABI_KEYS = frozenset({"quantificationcyclemethod", "blocktype", "passivereference", "instrumenttype"})

BIORAD_COLUMNS = {
    "well": ("well",),
    "sample": ("sample",),
    "target": ("target",),
    "task": ("content",),
    "cq": ("cq", "thresholdcyclect", "ct"),
    "dye": ("fluor",),
}
BIORAD_TASKS = _tasks(
    unknown=r"unkn(own)?(-\d+)?",
    ntc=r"ntc(-\d+)?",
    nrt=r"nrt(-\d+)?",
    standard=r"std(-\d+)?|standard",
    positive_control=r"pos ctrl(-\d+)?",
)
BIORAD_WORDS = frozenset({"n/a", "nan", "none"})

DIALECTS: tuple[Dialect, ...] = (
    Dialect("Bio-Rad CFX", _requires("well", "fluor", "content", "cq"), BIORAD_COLUMNS, BIORAD_WORDS, BIORAD_TASKS),
    Dialect(
        "Bio-Rad C1000",
        _requires("well", "fluor", "content", "thresholdcyclect ct"),
        BIORAD_COLUMNS,
        BIORAD_WORDS,
        BIORAD_TASKS,
    ),
    Dialect(
        "Bio-Rad MyiQ",
        _requires("well", "fluor", "type", "identifier", "thresholdcyclect"),
        {**BIORAD_COLUMNS, "sample": ("identifier",), "task": ("type",)},
        BIORAD_WORDS,
        BIORAD_TASKS,
    ),
    Dialect(
        "Bio-Rad Opticon",
        _requires("wellset", "dye", "content", "ct"),
        {**BIORAD_COLUMNS, "well": ("wellset",), "sample": ("description",), "dye": ("dye",)},
        BIORAD_WORDS,
        _tasks(unknown="sample", standard="standard", ntc="ntc"),
    ),
    Dialect(
        "QuantStudio genotyping",
        _requires("wellposition well", "snpassayname", "allele1ct", "allele2ct"),
        {**ABI_COLUMNS, "target": ("snpassayname",)},
        ABI_WORDS,
        ABI_TASKS,
        alleles=(("allele1ct", "Allele 1"), ("allele2ct", "Allele 2")),
        metadata_keys=ABI_KEYS,
    ),
    Dialect(
        "QuantStudio",
        _requires("wellposition well", "task omit reporter", "ct cq crt"),
        ABI_COLUMNS,
        ABI_WORDS,
        ABI_TASKS,
        metadata_keys=ABI_KEYS,
    ),
)


def dialect_of(labels: Collection[str]) -> Dialect | None:
    """The dialect in which a header row with these labels is written, if any."""
    return next((dialect for dialect in DIALECTS if dialect.speaks(labels)), None)
