"""What a training rests on, as one digest: data, protocol, code, libraries. Equal means: nothing new came in."""

from __future__ import annotations

import hashlib
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from data.protocol import Protocol

ROOT = Path(__file__).resolve().parents[2]
# Flows only carry results around; what a model is depends on these floors.
FLOORS = ("data", "features", "models")
LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "xgboost-cpu", "xgboost", "lifelines")


@cache
def code_digest() -> str:
    """SHA-256 over the sources of the floors that a model depends on."""
    digest = hashlib.sha256()
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def library_digest() -> str:
    """SHA-256 over the lock file of a checkout and the installed versions of the numerical libraries."""
    digest = hashlib.sha256()
    lock = ROOT / "requirements.lock"
    if lock.exists():
        digest.update(lock.read_bytes())
    for name in LIBRARIES:
        try:
            digest.update(f"{name}=={metadata.version(name)}".encode())
        except metadata.PackageNotFoundError:
            continue
    return digest.hexdigest()


def fingerprint(store_digest: str, protocol: Protocol) -> dict[str, str]:
    """Parts of the fingerprint and the digest over them. Seeds and settings live in protocol and code.

    Parameters
    ----------
    store_digest : str
        Digest of the stored records at the data cut.
    protocol : Protocol

    Returns
    -------
    dict of str to str
        ``data``, ``protocol``, ``code``, ``libraries`` and ``digest``.
    """
    parts = {
        "data": store_digest,
        "protocol": protocol.digest,
        "code": code_digest(),
        "libraries": library_digest(),
    }
    whole = hashlib.sha256("\n".join(f"{name} {value}" for name, value in sorted(parts.items())).encode())
    return {**parts, "digest": whole.hexdigest()}


def changed_parts(old: dict[str, str] | None, new: dict[str, str]) -> list[str]:
    """Names of the parts that differ; ``first training`` where there is no earlier fingerprint."""
    if not old:
        return ["first training"]
    return [name for name in ("data", "protocol", "code", "libraries") if old.get(name) != new[name]]


@cache
def git_commit() -> str:
    """Commit of the checkout, with ``+`` when files differ from it; empty outside a checkout."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
