"""One delivered file: its bytes, and what they hold or why they hold nothing that can be read."""

from __future__ import annotations

import hashlib
import tomllib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from data.findings import Finding, Refused
from data.readers.delivery import LOADABLE, DeliveryTable, meant_table
from data.readers.plate import PlateExport

Content = PlateExport | DeliveryTable | dict
Reader = Callable[[bytes, str], PlateExport | DeliveryTable]

MANIFEST = "delivery.toml"
FIRST_LINE = 10_000
"""Bytes within which the header of a table ends."""

UNRECOGNISED = frozenset({"D122", "D123", "P102", "P110"})
"""Codes that say: this is no delivery table and no instrument export."""

OURS = Path(__file__).resolve().parents[1]
OWN_FRAMES = 3
"""Lines of this software that an unforeseen error is traced through."""

TRUTH_COLUMNS = frozenset({"cured", "doubling_months", "residual_mm", "onset_month", "complete_first_positive_visit"})


@dataclass(frozen=True)
class Delivered:
    """A file of a delivery.

    Parameters
    ----------
    label : str
        Path below the folder it was delivered in.
    root : Path
        The path it was given under.
    name, sha256, data : str, str, bytes
        The file itself.
    kind : str
        Table name, ``plate``, ``manifest`` or ``unknown``; for a broken file the table it was meant to be.
    content : PlateExport, DeliveryTable, dict or None
        What it holds; None when it is broken, left alone or loaded already.
    findings : tuple of Finding
        Why it is broken or left alone.
    """

    label: str
    root: Path
    name: str
    sha256: str
    data: bytes
    kind: str
    content: Content | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def recognised(self) -> bool:
        """Whether this shows that the folder is a delivery, be it a broken one."""
        foreign = bool(self.findings) and all(finding.code in UNRECOGNISED for finding in self.findings)
        return self.kind in LOADABLE or (self.kind != "manifest" and not foreign)

    @property
    def rejects(self) -> list[Finding]:
        """Why the file could not be read."""
        return [finding for finding in self.findings if finding.severity == "reject"]


def label_of(path: Path, root: Path) -> str:
    """A file's path below the folder it was given under; its name when it was given itself."""
    inside = root.is_dir() and path.is_relative_to(root.resolve())
    return path.relative_to(root.resolve()).as_posix() if inside else path.name


def _first_line(data: bytes) -> str:
    return (data[:FIRST_LINE].decode("utf-8", errors="replace").lstrip("\ufeff").splitlines() or [""])[0]


def _meant(data: bytes, path: Path) -> str:
    """The table that a broken file was meant to be: by its header, or by its name when it is empty."""
    name = meant_table(_first_line(data)) if data.strip() else path.stem.casefold()
    return name if name in LOADABLE else "unknown"


def read_manifest(data: bytes, name: str) -> dict:
    """Read ``delivery.toml``: ``study`` (text), ``simulated`` (true or false) and an optional ``note``.

    Raises
    ------
    Refused
        When it is not TOML or holds something else.
    """
    kinds = {"study": str, "simulated": bool, "note": str}
    try:
        manifest = tomllib.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(Finding("D124", "reject", f"not a TOML file: {error}", file=name, remedy="mend it")) from None
    for key, kind in kinds.items():
        if key in manifest and not isinstance(manifest[key], kind):
            words = f"{key} = {manifest[key]!r} is not {'true or false' if kind is bool else 'text in quotes'}"
            raise Refused(Finding("D124", "reject", words, file=name, column=key, remedy="mend it"))
    if not manifest.get("study"):
        raise Refused(Finding("D124", "reject", "the study is not named", file=name, remedy='write study = "NAME"'))
    return {key: manifest.get(key, kind()) for key, kind in kinds.items()}


def _read(path: Path, data: bytes, label: str, read: Reader) -> tuple[str, Content | None, tuple[Finding, ...]]:
    if path.name.casefold() == MANIFEST:
        return "manifest", read_manifest(data, label), ()
    if len(TRUTH_COLUMNS.intersection(_first_line(data).split(","))) > 1:
        words = "left alone: the truth of a simulation, which is never read"
        return "unknown", None, (Finding("D123", "note", words, file=label),)
    content = read(data, path.name)
    return content.name if isinstance(content, DeliveryTable) else "plate", content, ()


def unexpected(error: Exception, label: str) -> Finding:
    """The last resort: an error that no check foresaw keeps out this file and no other."""
    frames = traceback.extract_tb(error.__traceback__)
    # A line deep inside a library says nothing: our own last lines on the way to it do.
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(OURS)][-OWN_FRAMES:]
    place = [*own, *(frame for frame in frames[-1:] if frame not in own)]
    where = ", ".join(f"{Path(frame.filename).name} line {frame.lineno}" for frame in reversed(place))
    where = f" in {where}" if where else ""
    # Between quotes, because it may name somebody: what is quoted is never shown outside this machine.
    said = " ".join(str(error).split())[:200].replace('"', "'")
    words = f"the file broke the software: {type(error).__name__}{where}" + (f': "{said}"' if said else "")
    remedy = "nothing of it is loaded; compare it with docs/delivery.md, and report this line"
    return Finding("D126", "reject", words, file=label, remedy=remedy)


def read_delivered(path: Path, root: Path, loaded: Mapping[str, str], read: Reader) -> Delivered:
    """Read one file; a refusal, or an error of the reader itself, becomes findings, never an exception.

    Parameters
    ----------
    path, root : Path
        The file, and the path it was given under.
    loaded : mapping of str to str
        Kind by SHA-256 of the files that the store holds; they are not parsed again.
    read : callable
        Reader of bytes.
    """
    label, data = label_of(path, root), b""
    content: Content | None = None
    findings: tuple[Finding, ...] = ()
    kind = "manifest" if path.name.casefold() == MANIFEST else "unknown"
    try:
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 in loaded:
            return Delivered(label, root, path.name, sha256, data, loaded[sha256])
        kind, content, findings = _read(path, data, label, read)
    except OSError as error:
        words = f"the file cannot be opened: {error.strerror}"
        findings = (Finding("D125", "reject", words, file=label, remedy="check its permissions"),)
    except Refused as refused:
        findings = tuple(refused.findings)
        kind = _meant(data, path) if kind == "unknown" else kind
    except Exception as error:
        findings = (unexpected(error, label),)
        kind = _meant(data, path) if kind == "unknown" else kind
    return Delivered(label, root, path.name, hashlib.sha256(data).hexdigest(), data, kind, content, findings)
