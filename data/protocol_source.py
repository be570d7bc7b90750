"""Protocol files by name, and one file resting on another: what it says replaces what the other says."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

PACKAGED_FOLDER = Path(__file__).with_name("protocols")
TRIAL_FILE = Path(__file__).with_name("protocol.toml")
TRIAL = "nelmas"


def packaged_protocols() -> dict[str, Path]:
    """Protocol files that come with the software, by name; the trial's own (``nelmas``) first."""
    return {TRIAL: TRIAL_FILE, **{path.stem: path for path in sorted(PACKAGED_FOLDER.glob("*.toml"))}}


def protocol_path(name: str | Path | None) -> Path:
    """The file of a packaged protocol by its name, the path itself otherwise; the trial's own when omitted."""
    if name is None:
        return TRIAL_FILE
    return packaged_protocols().get(str(name), Path(name))


def read_source(path: Path) -> tuple[dict[str, Any], str]:
    """Content of a protocol file, with what it rests on.

    A file may begin with ``extends = "nelmas"`` (a packaged name): every record, assay and analyte of that file then
    holds unless this one says otherwise; a list of endpoints or eligibility rules replaces the other one whole.
    ``omit = ["trial", "clinical.ki67_floor"]`` leaves records or whole groups out.

    Returns
    -------
    dict
        As TOML reads it, merged.
    str
        All text that was read, for the digest.

    Raises
    ------
    OSError, tomllib.TOMLDecodeError
        When a file cannot be read.
    ValueError
        When it extends an unknown protocol, or omits what the other does not hold.
    """
    text = path.read_text(encoding="utf-8")
    own = tomllib.loads(text)
    base, omitted = own.pop("extends", None), own.pop("omit", [])
    if base is None:
        if omitted:
            raise ValueError('omit needs extends = "NAME"')
        return own, text
    known = packaged_protocols()
    if not isinstance(omitted, list) or not all(isinstance(key, str) for key in omitted):
        raise ValueError(f'omit {omitted!r}: list the records to leave out, e.g. ["trial"]')
    if not isinstance(base, str) or base not in known:
        raise ValueError(f"extends {base!r}: no such packaged protocol; use one of {', '.join(known)}")
    if known[base].resolve() == path.resolve():
        raise ValueError(f"extends {base!r}: a protocol cannot rest on itself")
    inherited, inherited_text = read_source(known[base])
    for key in omitted:
        _drop(inherited, key, base)
    return _merged(inherited, own), text + inherited_text


def _drop(node: dict[str, Any], key: str, base: str) -> None:
    *groups, last = key.split(".")
    for group in groups:
        node = node.get(group, {})
    if last not in node:
        raise ValueError(f"omit {key!r}: {base} has no such record or group")
    del node[last]


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Groups are merged; a record (it has a value), an assay, an analyte or a list is replaced whole."""
    out = dict(base)
    for name, child in own.items():
        earlier = out.get(name, {})
        is_group = (
            isinstance(child, dict)
            and isinstance(earlier, dict)
            and all(isinstance(part, dict) for part in (*child.values(), *earlier.values()))
        )
        out[name] = _merged(earlier, child) if is_group else child
    return out
