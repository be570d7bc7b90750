"""Where rejected files wait, each beside the reason in plain words."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from data.findings import Finding

REASON = ".reason.txt"


def _write(path: Path, data: bytes) -> None:
    """Write a file that is never seen half-written: temporary file in the same folder, then rename."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _place(folder: Path, name: str, sha256: str) -> Path:
    """Where a content lives: under its name, or with a piece of its digest when the name is taken."""
    path = folder / name
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        return folder / f"{path.stem}.{sha256[:8]}{path.suffix}"
    return path


def reason_text(name: str, findings: list[Finding]) -> str:
    """The reason a person at the bench can act on."""
    lines = [f"{name} was not loaded, not even in part.", "", "Why, and what to do:"]
    for number, finding in enumerate(findings, start=1):
        place = f"{finding.place}: " if finding.place else ""
        lines.append(f"{number}. {place}{finding.message} [{finding.code}]")
        if finding.remedy:
            lines.append(f"   What to do: {finding.remedy}.")
    lines += ["", "Then send the file again. The same file may be sent as often as you like.", ""]
    return "\n".join(lines)


def put(folder: Path, name: str, sha256: str, data: bytes, findings: list[Finding]) -> Path:
    """Keep a rejected file and its reason; the same content again only renews the reason.

    Parameters
    ----------
    folder : Path
        Created when missing.
    name, sha256, data : str, str, bytes
        The file.
    findings : list of Finding
        Why it was rejected.

    Returns
    -------
    Path
        Where the file now waits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = _place(folder, name, sha256)
    if not path.exists():
        _write(path, data)
    _write(path.with_name(path.name + REASON), reason_text(name, findings).encode())
    return path


def release(folder: Path, name: str, sha256: str) -> None:
    """Take a content out of quarantine once it has been accepted."""
    for path in (folder / name, folder / f"{Path(name).stem}.{sha256[:8]}{Path(name).suffix}"):
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            path.unlink()
            path.with_name(path.name + REASON).unlink(missing_ok=True)
