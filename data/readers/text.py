"""Text as instruments write it: encodings, and labels that differ only in case, blanks, signs or alphabet."""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import lru_cache

CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# A text may hold a stray control character; more than one in this many characters is a binary file.
TEXT_PER_CONTROL = 2000

# Cyrillic letters that Applied Biosystems software prints in "Cт" and "ΔΔCт", and Bio-Rad in translated
# versions.
LOOKALIKES = str.maketrans("тсеТСЕ", "tceTCE")
NOT_ALNUM = re.compile(r"[\W_]+")
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(data: bytes) -> str | None:
    """Text of some bytes, or None when they are not text.

    A byte-order mark decides; else zeros in every second byte mean UTF-16; else UTF-8 where it is valid (a
    character cut at the very end does not count against it), and Windows Latin-1 otherwise.
    """
    text = _decoded(data)
    if text is None or len(CONTROL.findall(text)) * TEXT_PER_CONTROL > len(text):
        return None
    return text


def _decoded(data: bytes) -> str | None:
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            body = data[len(mark) :]
            return body.decode(encoding, errors="ignore")
    sample = data[:4096]
    half = len(sample) // 2
    if half and b"\x00" in sample:
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        if odd > 0.7 * half and even < 0.1 * half:
            return data.decode("utf-16-le", errors="ignore")
        if even > 0.7 * half and odd < 0.1 * half:
            return data.decode("utf-16-be", errors="ignore")
        return None
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


@lru_cache(maxsize=4096)
def label(text: str) -> str:
    """A header or key reduced to what identifies it: lower case letters and digits, look-alike letters
    unified.

    ``Cт`` and ``C(t)`` become ``ct``, ``Threshold Cycle ( C(t) )`` becomes ``thresholdcyclect``.
    """
    plain = unicodedata.normalize("NFKC", text).translate(LOOKALIKES).casefold()
    return NOT_ALNUM.sub("", plain)
