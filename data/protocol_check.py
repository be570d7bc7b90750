"""What a protocol must hold before an installation follows it."""

from __future__ import annotations

import math
import re

from data.protocol import Protocol
from data.protocol_shape import NUMBER, kind_of
from data.protocol_values import check_values

# Variation of one result: a number, or the words that leave the reference change value out.
VARIATION = re.compile(r"kinetics\.\w+_(cv|sd)_(analytical|biological)")
UNKNOWN = "not estimable"


def check_complete(protocol: Protocol, packaged: list[Protocol]) -> None:
    """A protocol holds every record that all packaged ones hold, each of the kind it has there, and an endpoint.

    Parameters
    ----------
    protocol : Protocol
        That an installation is to follow.
    packaged : list of Protocol
        Those that come with the software; what all of them hold is what the software reads.

    Raises
    ------
    ValueError
        Naming the file, the records and the remedy.
    """
    first = packaged[0]
    common = [key for key in first.records if all(key in other.records for other in packaged)]
    missing = [key for key in common if key not in protocol.records]
    name = protocol.path.name
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(
            f'{name}: no record {", ".join(missing[:3])}{more}; begin the file with extends = "nelmas", or add them'
        )
    for key in common:
        found, wanted = protocol[key], {kind_of(other[key]) for other in packaged}
        if VARIATION.fullmatch(key):
            _check_variation(name, key, found)
        elif kind_of(found) not in wanted:
            raise ValueError(f"{name}: [{key}] holds {found!r}; give {' or '.join(sorted(wanted))}")
    check_values(protocol)
    for what in ("endpoints", "assays", "analytes"):
        if not getattr(protocol, what):
            raise ValueError(f'{name}: no {what}; add at least one, or begin the file with extends = "nelmas"')


def _check_variation(name: str, key: str, found: object) -> None:
    number = kind_of(found) == NUMBER and math.isfinite(found) and found >= 0  # type: ignore[arg-type, operator]
    if not number and found != UNKNOWN:
        raise ValueError(f'{name}: [{key}] holds {found!r}; give a number from 0 on, or "{UNKNOWN}"')
