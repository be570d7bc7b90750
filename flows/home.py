"""Where live state lies: the folder ``NETEST_HOME``, and the settings of the processes that work on it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.errors import PublicError

if TYPE_CHECKING:
    from data.protocol import Protocol
    from data.store import Store

DEFAULT_FOLDER = "var"
MARKER = "netest-home.json"
LAYOUT = 1

# Quiet, offline and light: no telemetry, one thread a process (many fits run at once), no hidden result cache. The
# batch settings make the recorder of a SQLite server write task states in groups instead of one by one.
SETTINGS = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_API_URL": "/api",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "100",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}
# A profile or address of another installation must never receive the runs of this home.
FOREIGN = (
    "PREFECT_API_URL",
    "PREFECT_API_KEY",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_PROFILE",
    "PREFECT_PROFILES_PATH",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
    "PREFECT_API_DATABASE_CONNECTION_URL",
)


class HomeError(PublicError):
    """A home that cannot be used as asked; the message says what to do."""


@dataclass(frozen=True)
class Home:
    """One installation's folder.

    Parameters
    ----------
    root : Path
        Absolute path; use :meth:`at` or :meth:`find` to build one.
    """

    root: Path

    @classmethod
    def at(cls, path: str | Path) -> Home:
        """The home in this folder, which need not exist yet."""
        return cls(Path(path).expanduser().resolve())

    @classmethod
    def find(cls, path: str | Path | None = None) -> Home:
        """The home named by ``path``, else by the variable ``NETEST_HOME``, else ``var`` in the working folder."""
        return cls.at(path or os.environ.get("NETEST_HOME") or DEFAULT_FOLDER)

    @property
    def store_url(self) -> str:
        """SQLAlchemy address of the trial store (``NETEST_STORE_URL`` overrides, e.g. for PostgreSQL)."""
        return os.environ.get("NETEST_STORE_URL") or f"sqlite:///{self.root / 'store.sqlite'}"

    @property
    def mlflow_uri(self) -> str:
        """Address of MLflow's run store (``NETEST_MLFLOW_URI`` overrides)."""
        return os.environ.get("NETEST_MLFLOW_URI") or f"sqlite:///{self.runs_file}"

    @property
    def runs_file(self) -> Path:
        return self.root / "mlflow" / "mlflow.db"

    @property
    def owns_runs(self) -> bool:
        """Whether MLflow's run store is the file of this home, not one elsewhere."""
        return self.mlflow_uri == f"sqlite:///{self.runs_file}"

    @property
    def artifact_uri(self) -> str:
        """Where MLflow keeps files (``NETEST_ARTIFACT_URI`` overrides, e.g. an object store)."""
        return os.environ.get("NETEST_ARTIFACT_URI") or str(self.root / "mlflow" / "artifacts")

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def done(self) -> Path:
        return self.inbox / "done"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def prefect(self) -> Path:
        return self.root / "prefect"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def nightly(self) -> Path:
        return self.root / "nightly"

    @property
    def trainings(self) -> Path:
        return self.root / "trainings"

    @property
    def services_file(self) -> Path:
        return self.root / "services.json"

    @property
    def protocol_file(self) -> Path:
        return self.root / "protocol.toml"

    @property
    def secret_file(self) -> Path:
        return self.root / "subject.key"

    @property
    def marker(self) -> Path:
        return self.root / MARKER

    @property
    def kind(self) -> str:
        """``home``, ``demo``, or an empty string where no home was made yet."""
        try:
            return str(json.loads(self.marker.read_text(encoding="utf-8"))["kind"])
        except (OSError, ValueError, KeyError):
            return ""

    def create(self, kind: str = "home") -> Home:
        """Make the folders that are missing; an existing home keeps what it holds and what it is.

        Raises
        ------
        HomeError
            When the folder cannot be written.
        """
        folders = (
            self.inbox, self.done, self.quarantine, self.reports, self.backups, self.prefect, self.logs, self.nightly,
            self.root / "mlflow" / "artifacts",
        )  # fmt: skip
        try:
            for folder in folders:
                folder.mkdir(parents=True, exist_ok=True)
            if not self.marker.exists():
                write_json(self.marker, {"kind": kind, "layout": LAYOUT})
        except OSError as error:
            raise HomeError(
                f"{self.root}: cannot be used as a home ({error.strerror}); choose --home FOLDER"
            ) from error
        return self

    def environment(self, base: Mapping[str, str] | None = None, api_url: str = "") -> dict[str, str]:
        """Complete environment for a child process of this home.

        Parameters
        ----------
        base : mapping, optional
            Environment to start from; ``os.environ`` when omitted.
        api_url : str, optional
            Address of this home's Prefect server; without it Prefect starts its own for the time of the process.

        Returns
        -------
        dict of str to str
        """
        env = {name: value for name, value in (os.environ if base is None else base).items() if name not in FOREIGN}
        env.update(SETTINGS)
        env["NETEST_HOME"] = str(self.root)
        env["PREFECT_HOME"] = str(self.prefect)
        if api_url:
            env["PREFECT_API_URL"] = api_url
        return env

    def enter(self, api_url: str = "") -> None:
        """Give this very process the home's environment; must happen before Prefect or MLflow is imported."""
        env = self.environment(api_url=api_url)
        for name in FOREIGN:
            os.environ.pop(name, None)
        os.environ.update(env)

    def subject_key(self) -> str:
        """Secret under which patients get other pseudonyms in MLflow; made on first use, for its owner only."""
        if not self.secret_file.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                handle = os.open(self.secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w") as file:
                    file.write(secrets.token_hex(32))
        return self.secret_file.read_text(encoding="ascii").strip()

    def protocol(self) -> Protocol:
        """The home's own protocol file where there is one, else the packaged one."""
        from data.protocol import load_protocol

        return load_protocol(self.protocol_file if self.protocol_file.exists() else None)

    def store(self, *, initialise: bool = True) -> Store:
        """The trial store, brought to the newest schema unless ``initialise`` is off; close it after use."""
        from data.store import Store

        self.create()
        store = Store(self.store_url)
        if initialise:
            store.initialise()
        return store

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold one kind of work for one process at a time; a second one says so and waits."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{name}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"waiting: other work on {self.root} holds the {name}", file=sys.stderr, flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

    def locked(self, name: str) -> bool:
        """Whether somebody holds a kind of work now."""
        try:
            with (self.root / f".{name}.lock").open("r") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


def write_json(path: Path, value: Any) -> Path:
    """Write a JSON file so that a reader sees the old or the new content, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=2, sort_keys=True, default=str) + "\n", encoding="utf-8")
    temporary.replace(path)
    return path


def read_json(path: Path) -> Any:
    """Content of a JSON file, or None where it is missing or unreadable."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
