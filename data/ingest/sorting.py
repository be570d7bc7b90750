"""From paths to files in the order in which they are judged; what is not data is left alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from data.contracts import TABLES
from data.findings import Finding
from data.ingest.delivered import MANIFEST, Delivered, label_of

NOT_DATA = frozenset({".md", ".pdf", ".doc", ".docx", ".html", ".png", ".jpg", ".jpeg", ".svg", ".log", ".sha256"})
NOT_DATA |= {".toml", ".json"}
FIRST = ("manifest", "patients", "samples", "controls", "results")
ORDER = {kind: place for place, kind in enumerate(dict.fromkeys((*FIRST, *TABLES, "plate_map", "plate", "unknown")))}
"""Nothing refers to a later kind: results name samples and the controls of their plate, plates their map."""


def _not_data(path: Path) -> str:
    """Why a file inside a folder is left alone; empty when it may be data."""
    name = path.name.casefold()
    if name.startswith(("readme", "licen", "provenance", "manifest.", "changelog")) or path.suffix.lower() in NOT_DATA:
        return "" if name == MANIFEST else "a document, not data"
    if name.endswith(".reason.txt"):
        return "a reason written by the quarantine"
    return "the truth of a simulation, which is never read" if path.stem.casefold() == "truth" else ""


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "~$")) or part == "__MACOSX" for part in path.relative_to(root).parts)


def find_files(paths: Iterable[str | Path], quarantine: Path) -> tuple[list[tuple[Path, Path]], list[Finding]]:
    """Expand folders.

    Parameters
    ----------
    paths : iterable of path
        Files and folders.
    quarantine : Path
        A folder that is never read.

    Returns
    -------
    list of (Path, Path)
        Each file, once, with the path it was given under; in the order of names.
    list of Finding
        Notes on files that are not data; ``reject`` for a path that does not exist.
    """
    found: dict[Path, Path] = {}
    findings: list[Finding] = []
    kept_out = quarantine.resolve()
    for root in map(Path, paths):
        if root.is_file():
            found.setdefault(root.resolve(), root)
        elif not root.is_dir():
            findings.append(
                Finding("D121", "reject", "no such file or folder", file=str(root), remedy="check the path")
            )
        for path in sorted(root.rglob("*")) if root.is_dir() else []:
            if not path.is_file() or _hidden(path, root) or path.resolve().is_relative_to(kept_out):
                continue
            if why := _not_data(path):
                findings.append(Finding("D123", "note", f"left alone: {why}", file=label_of(path, root)))
            else:
                found.setdefault(path.resolve(), root)
    return list(found.items()), findings


def dependency_order(delivered: Iterable[Delivered]) -> list[Delivered]:
    """Manifest, patients before samples before results, plate maps before plates, by name within a kind."""
    return sorted(delivered, key=lambda file: (ORDER[file.kind], file.label))
