"""Which protocol a home follows: the packaged trial rules, another packaged file, or the trial's own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from flows.errors import PublicError
from flows.home import Home


def use_protocol(home: Home, name: str) -> Path:
    """Make a home follow a protocol; the file is checked first and replaced whole.

    Parameters
    ----------
    home : Home
    name : str
        A packaged name or the path of a protocol file.

    Returns
    -------
    Path
        The home's protocol file.

    Raises
    ------
    PublicError
        When there is no such protocol.
    data.protocol.ProtocolError
        When the file is not a usable protocol.
    """
    from data.protocol import load_protocol
    from data.protocol_source import packaged_protocols

    known = packaged_protocols()
    source = known.get(name, Path(name))
    if not source.is_file():
        raise PublicError(f"{name}: no such protocol; use one of {', '.join(known)}, or the path of a TOML file")
    load_protocol(source)
    home.create()
    handle, part = tempfile.mkstemp(dir=home.root, prefix=".protocol.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(source.read_bytes())
        os.chmod(part, 0o644)
        os.replace(part, home.protocol_file)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return home.protocol_file


def describe_protocol(home: Home) -> dict[str, object]:
    """The protocol in use: trial, file, digest, records, how many of them nobody states, endpoints."""
    protocol = home.protocol()
    own = home.protocol_file.exists()
    return {
        "trial": protocol["trial.name"],
        "file": str(home.protocol_file) if own else "packaged with the software",
        "origin": protocol["clock.origin"],
        "endpoints": list(protocol.endpoints),
        "records": len(protocol.records),
        "not_stated": len(protocol.assumptions()),
        "digest": protocol.digest,
    }
