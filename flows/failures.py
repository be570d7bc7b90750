"""What went wrong, in its own words, kept under the home: these words may name patients."""

from __future__ import annotations

import time
import traceback

from flows.errors import PublicError
from flows.home import Home

# Findings about the store and about models name nobody.
PUBLIC = ("S1", "M1")


def write_failure(home: Home, name: str, error: BaseException) -> str:
    """Write the traceback to ``logs/failures``; returns its path relative to the home."""
    folder = home.logs / "failures"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.strftime('%Y%m%dT%H%M%S')}-{name.replace(' ', '-').replace('@', '-at-')}.log"
    path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return str(path.relative_to(home.root))


def public_words(error: BaseException) -> str:
    """The error's own words in one line when they name no patient and no sample, else an empty string."""
    findings = getattr(error, "findings", ())
    if isinstance(error, PublicError) or (findings and all(finding.code.startswith(PUBLIC) for finding in findings)):
        return " ".join(str(error).split())
    return ""
