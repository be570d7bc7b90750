"""Backup and restore: one file with a consistent copy of the store, the runs, the registry and the settings."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tarfile
import tempfile
import time
from contextlib import closing
from pathlib import Path

from flows.home import Home, HomeError, write_json
from flows.work.runs_file import RESTORE, move_places

STORE = "store.sqlite"
RUNS = "mlflow/mlflow.db"
ARTIFACTS = "mlflow/artifacts"
DATABASES = (STORE, RUNS)
PLAIN = ("subject.key", "protocol.toml", "nightly", "trainings")
MANIFEST = "backup.json"


def run_backup(home: Home, out: Path | None = None, keep: int | None = None) -> Path:
    """Write a backup of a home.

    Databases are copied by SQLite's own online backup, so readers and writers may go on meanwhile; the artifacts are
    copied after the database of runs, so that everything it names is in the copy.

    Parameters
    ----------
    home : Home
    out : Path, optional
        File to write; a dated one under ``backups/`` when omitted.
    keep : int, optional
        Delete all but this many newest dated backups under ``backups/``.

    Returns
    -------
    Path

    Raises
    ------
    HomeError
        When there is nothing to copy, or the stores are not SQLite files of this home.
    """
    _refuse_foreign_stores(home)
    if not (home.root / STORE).exists():
        raise HomeError(f"{home.root}: nothing to back up; `netest ingest FOLDER` makes the store")
    home.create()
    target = out or home.backups / f"netest-{time.strftime('%Y%m%dT%H%M%S')}.tar.gz"
    target.parent.mkdir(parents=True, exist_ok=True)
    with home.lock("registry"), tempfile.TemporaryDirectory(dir=home.root, prefix=".backup-") as folder:
        copy = Path(folder)
        _copy_state(home, copy)
        manifest = {"home": str(home.root), "made": time.strftime("%Y-%m-%dT%H:%M:%S"), "files": _digests(copy)}
        write_json(copy / MANIFEST, manifest)
        temporary = target.with_name(f".{target.name}.part")
        with tarfile.open(temporary, "w:gz", compresslevel=3) as archive:
            archive.add(copy, arcname=".")
        temporary.chmod(0o600)
        temporary.replace(target)
    if keep is not None:
        for old in sorted(home.backups.glob("netest-*.tar.gz"))[: -max(keep, 1)]:
            old.unlink()
    return target


def _copy_state(home: Home, copy: Path) -> None:
    for name in DATABASES:
        if (home.root / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            _copy_database(home.root / name, copy / name)
    if (home.root / ARTIFACTS).is_dir():
        shutil.copytree(home.root / ARTIFACTS, copy / ARTIFACTS)
    for name in PLAIN:
        place = home.root / name
        if place.is_dir():
            shutil.copytree(place, copy / name)
        elif place.exists():
            shutil.copy2(place, copy / name)


def _copy_database(file: Path, copy: Path) -> None:
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.Error as error:
        raise HomeError(f"{file}: cannot be copied ({error}); {RESTORE}") from error


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def run_restore(home: Home, file: Path, *, replace: bool = False) -> list[str]:
    """Bring a backup back.

    Everything is unpacked and its digests are checked before the home is touched.

    Parameters
    ----------
    home : Home
        May lie elsewhere than the home the backup came from.
    file : Path
        A file made by :func:`run_backup`.
    replace : bool
        Replace what the home holds; a backup of that is taken first.

    Returns
    -------
    list of str
        What was restored.

    Raises
    ------
    HomeError
        When the home is in use or not empty, or the backup is damaged.
    """
    from flows.services import read_services

    _refuse_foreign_stores(home)
    running = [service.name for service in read_services(home).values() if service.running]
    if running:
        raise HomeError(f"{home.root}: {', '.join(running)} running; `netest down` first")
    if any((home.root / name).exists() for name in DATABASES) and not replace:
        raise HomeError(f"{home.root}: holds data already; restore into another --home, or add --replace")
    home.create()
    with home.lock("registry"), tempfile.TemporaryDirectory(dir=home.root, prefix=".restore-") as folder:
        copy = Path(folder)
        manifest = _unpack(file, copy)
        if (home.root / STORE).exists():
            _put_aside(home)
        move_places(copy / RUNS, str(manifest["home"]), str(home.root))
        return _install(home, copy)


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Files and folders only, inside the folder; early releases of Python 3.11 have no extraction filter for that."""
    members = archive.getmembers()
    for member in members:
        inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
        if not (inside and (member.isfile() or member.isdir())):
            raise tarfile.TarError(f"{member.name} is no plain file inside the backup")
        member.mode = 0o700 if member.isdir() else 0o600
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, members, filter="data")
    else:
        archive.extractall(folder, members)


def _unpack(file: Path, folder: Path) -> dict:
    try:
        with tarfile.open(file, "r:gz") as archive:
            _extract(archive, folder)
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, EOFError, tarfile.TarError, ValueError) as error:
        raise HomeError(f"{file}: not a readable backup of netest ({error})") from error
    if _digests(folder) != manifest["files"]:
        raise HomeError(f"{file}: damaged, its content does not match its own digests; use another backup")
    return manifest


def _put_aside(home: Home) -> None:
    aside = home.backups / f"before-restore-{time.strftime('%Y%m%dT%H%M%S')}"
    aside.mkdir(parents=True)
    for name in (STORE, f"{STORE}-wal", f"{STORE}-shm", "mlflow", *PLAIN):
        if (home.root / name).exists():
            shutil.move(home.root / name, aside / name)
    home.create()


def _install(home: Home, copy: Path) -> list[str]:
    names = []
    for name in (STORE, "mlflow", *PLAIN):
        source, target = copy / name, home.root / name
        if not source.exists():
            continue
        if target.is_dir():
            shutil.rmtree(target)
        shutil.move(source, target)
        names.append(name)
    home.create()
    return names


def _refuse_foreign_stores(home: Home) -> None:
    own = (f"sqlite:///{home.root / STORE}", f"sqlite:///{home.root / RUNS}")
    if (home.store_url, home.mlflow_uri) != own:
        raise HomeError(
            "the store or the runs lie outside this home (NETEST_STORE_URL, NETEST_MLFLOW_URI): "
            "use the database's own backup"
        )
