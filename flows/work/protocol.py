"""Which protocol a home follows: the packaged trial rules, another packaged file, or the trial's own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from flows.errors import PublicError
from flows.home import Home

if TYPE_CHECKING:
    from data.eligibility import EligibilityRule
    from data.protocol import Protocol


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
        When the file is not a usable protocol: it cannot be read, lacks a record that the software reads, or has an
        eligibility rule on something nobody derives.
    """
    from data.protocol_source import packaged_protocols

    known = packaged_protocols()
    source = known.get(name, Path(name))
    if not source.is_file():
        raise PublicError(f"{name}: no such protocol; use one of {', '.join(known)}, or the path of a TOML file")
    check_protocol(source)
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


def check_protocol(source: Path) -> Protocol:
    """Read a protocol file as somebody is to follow it: complete, with rules on what is known.

    Raises
    ------
    data.protocol.ProtocolError
        Naming file, record and remedy.
    """
    from data.origin import ORIGINS
    from data.protocol import ProtocolError, load_protocol
    from data.protocol_check import check_complete
    from data.protocol_source import packaged_protocols
    from models.policy import check_model_names

    protocol = load_protocol(source)
    try:
        check_complete(protocol, [load_protocol(path) for path in packaged_protocols().values()])
        check_model_names(protocol)
    except ValueError as error:
        raise ProtocolError(str(error)) from None
    if protocol["clock.origin"] not in ORIGINS:
        found = protocol["clock.origin"]
        raise ProtocolError(f"{source.name}: [clock.origin] {found!r} is not known; use one of {', '.join(ORIGINS)}")
    for rule in protocol.eligibility:
        if words := _unfit(rule):
            raise ProtocolError(f"{source.name}: eligibility rule {rule.id}: {words}")
    return protocol


def followed_protocol(home: Home) -> Protocol:
    """The home's protocol for a training; a file of its own may have been edited by hand and is checked again."""
    return check_protocol(home.protocol_file) if home.protocol_file.exists() else home.protocol()


def _unfit(rule: EligibilityRule) -> str:
    """Why a rule can never be judged; empty when it can."""
    from data.contracts import TABLES
    from data.eligibility import CODE_COMPARISONS
    from features.cohort.quantities import DERIVED

    column = TABLES["patients"].columns.get(rule.quantity)
    kind = "number" if rule.quantity in DERIVED else column.kind if column is not None else ""
    if kind not in ("number", "code", "text"):
        return f"quantity {rule.quantity!r} is not known; use a number or code of patients.csv, or {', '.join(DERIVED)}"
    if (rule.comparison in CODE_COMPARISONS) == (kind == "number"):
        return f"{rule.quantity} is a {kind}, so {rule.comparison!r} does not go"
    wrong = [code for code in rule.value if code not in column.codes] if column is not None and kind == "code" else []
    return f"{rule.quantity} has no code {wrong[0]!r}; use {', '.join(column.codes)}" if wrong and column else ""


def change_protocol(home: Home, name: str) -> list[str]:
    """Make a home follow a protocol (:func:`use_protocol`) and say what still rests on another one.

    Returns
    -------
    list of str
        :func:`left_behind`; empty when the rules stay what they were.
    """
    from data.protocol import ProtocolError

    try:
        earlier = home.protocol().digest
        left = left_behind(home)
    except ProtocolError:
        # A file that was damaged by hand is what this mends.
        earlier, left = "", []
    use_protocol(home, name)
    return left if home.protocol().digest != earlier else []


def left_behind(home: Home) -> list[str]:
    """What a home holds that rests on the protocol it followed so far; asked before it follows another one.

    Returns
    -------
    list of str
        One sentence each on loaded files, and on champions; empty for a home without data.
    """
    from data.findings import Refused
    from data.store import Store
    from flows.work.registry import champions

    words = []
    try:
        with Store(home.store_url) as store:
            files = len(store.loaded_kinds()) if store.ready else 0
    except Refused:
        files = 0
    if files:
        words.append(
            f"{files} files were judged under the earlier rules and are not judged again; "
            "for another trial use another --home"
        )
    try:
        trained = champions(home) if files else {}
    except ValueError:
        trained = {}
    if trained:
        words.append(
            f"champions of {', '.join(trained)} were trained under the earlier rules; run `netest train` again"
        )
    return words


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
