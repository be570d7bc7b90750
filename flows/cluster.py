"""Landmark tables and passes of a training on a Dask cluster, when ``NETEST_CLUSTER`` names one; else in this process.

One client inside one coarse task: the trial is split by patient (:mod:`features.partition`), and the cluster builds the
parts. Dask logs the names and arguments of tasks, so both are neutral here: records travel sealed, an error comes back
as the name of its kind only, and the words about a record are found in this process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from flows.errors import PublicError
from flows.sealed import Failure, Sealed, software, work

if TYPE_CHECKING:
    from distributed import Client, Future

    from data.protocol import Protocol
    from data.trial import Trial
    from features.landmark import LandmarkTable
    from models.validation.parallel import Mapper, Task

VARIABLE = "NETEST_CLUSTER"
PARTS_PER_WORKER = 4
CONNECT_SECONDS, WORKER_SECONDS, LOOK_SECONDS = 10.0, 60.0, 5.0
KEY = "netest-part"
# Records of patients are not to be written to a worker's disk, and the graph holds them on purpose: they must survive
# the death of a worker.
SETTINGS = {
    "distributed.admin.large-graph-warning-threshold": "1TB",
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
}


class ClusterError(PublicError):
    """A cluster that cannot be used as asked; the message says what to do and names no record."""


@dataclass(frozen=True)
class Setting:
    """Where the cluster is.

    Parameters
    ----------
    address : str
        Address of a scheduler; empty for worker processes of this machine, for the time of the work.
    workers : int
        How many processes of this machine; 0 with an address.
    """

    address: str
    workers: int = 0


def cluster_setting() -> Setting | None:
    """What ``NETEST_CLUSTER`` asks for; None when it is not set.

    Raises
    ------
    ClusterError
        When it is neither ``tcp://host:port``, ``tls://host:port`` nor ``local:N``.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if found := re.fullmatch(r"local:([1-9]\d{0,3})", text):
        return Setting("", int(found[1]))
    if re.fullmatch(r"(tcp|tls)://[^\s/]+:\d{1,5}", text):
        return Setting(text)
    raise ClusterError(f"{VARIABLE} is {text!r}; give tcp://host:port, tls://host:port or local:2, or unset it")


def landmark_tables(trial: Trial, protocol: Protocol, landmarks: Sequence[float]) -> dict[float, LandmarkTable]:
    """Landmark tables of a trial, where the setting says: identical bit for bit.

    Raises
    ------
    ClusterError
        When the cluster cannot be used.
    LeakageError, Refused
        See :func:`features.landmark.table_at`.
    """
    from features.landmark import table_at
    from features.partition import tables_by_parts

    setting = cluster_setting()
    if setting is None:
        return {landmark: table_at(trial, protocol, landmark) for landmark in landmarks}
    with connected(setting) as client:
        parts = PARTS_PER_WORKER * len(_workers(client))
        return tables_by_parts(trial, protocol, landmarks, parts, partial(mapped, client))


@contextlib.contextmanager
def passes() -> Iterator[Mapper | None]:
    """Where the passes of a training (folds, resamples, permutations) are done: None for threads of this process.

    The same results bit for bit: every pass carries its own seed, and workers with other libraries are refused.
    """
    setting = cluster_setting()
    if setting is None:
        yield None
        return
    with connected(setting) as client:
        yield partial(spread, client)


def spread(client: Client, tasks: Sequence[Task]) -> list[Any]:
    """Delayed calls on the workers in coarse chunks, results in order; what a chunk's calls share travels once.

    Raises
    ------
    ClusterError
        See :func:`mapped`.
    """
    from models.validation.parallel import call_all

    parts = max(1, min(len(tasks), PARTS_PER_WORKER * len(_workers(client))))
    chunks = [tasks[len(tasks) * part // parts : len(tasks) * (part + 1) // parts] for part in range(parts)]
    return [result for chunk in mapped(client, call_all, chunks) for result in chunk]


@contextlib.contextmanager
def connected(setting: Setting) -> Iterator[Client]:
    """A client of the cluster, with at least one worker.

    Raises
    ------
    ClusterError
        When Dask is not installed, no scheduler answers, or it has no worker.
    """
    try:
        import dask
        from distributed import Client
        from distributed.versions import VersionMismatchWarning
    except ImportError as error:
        raise ClusterError(
            f"{VARIABLE} is set, but Dask is not installed; pip install 'netest-mrd[cluster]', or unset it"
        ) from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(SETTINGS))
        stack.enter_context(warnings.catch_warnings())
        # The workers answer for their software task by task, in words of ours.
        warnings.simplefilter("ignore", VersionMismatchWarning)
        _certificates(setting)
        where = setting.address or stack.enter_context(_local(setting.workers))
        place = setting.address or "of this machine"
        try:
            client = stack.enter_context(Client(where, timeout=CONNECT_SECONDS, set_as_default=False))
        except (OSError, ValueError, TypeError) as error:
            raise ClusterError(
                f"the Dask scheduler {place} does not answer; start it, correct {VARIABLE}, or unset it"
            ) from error
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise ClusterError(
                f"the Dask scheduler {place} has no worker; start some: dask worker {place}, or unset {VARIABLE}"
            ) from error
        yield client


def _certificates(setting: Setting) -> None:
    """Refuse tls:// without certificates before Dask tries, because its half-made client prints a traceback later."""
    from distributed.security import Security

    if setting.address.startswith("tls:") and not Security().get_connection_args("client").get("ssl_context"):
        raise ClusterError(
            f"{VARIABLE} is {setting.address}, but Dask knows no certificates; set distributed.comm.tls in its "
            "configuration, or use another address"
        )


@contextlib.contextmanager
def _local(workers: int) -> Iterator[Any]:
    """Worker processes on the loopback interface, encrypted: nobody else on the machine can send them work."""
    from distributed import LocalCluster

    with (
        tempfile.TemporaryDirectory(prefix="netest-cluster-") as folder,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            security=True,
            dashboard_address="127.0.0.1:0",
            local_directory=folder,
            silence_logs=logging.ERROR,
        ) as cluster,
    ):
        yield cluster


def _workers(client: Client) -> dict[str, Any]:
    return client.scheduler_info(n_workers=-1)["workers"]


def mapped(client: Client, function: Callable[[Any], Any], parts: Sequence[Any]) -> list[Any]:
    """Like :func:`map` on the workers; a part whose worker dies is built again by another.

    Raises
    ------
    ClusterError
        When software differs, workers keep dying over one part, none is left, or the scheduler is gone.
    """
    jobs = [Sealed((function, part), f"part {number}") for number, part in enumerate(parts)]
    futures = client.map(partial(work, software()), jobs, key=KEY, pure=False)
    answers = _gathered(client, futures)
    for answer in answers:
        if isinstance(answer, Failure) and answer.differs:
            raise ClusterError(f"{answer.differs}; install the same lock file on every machine of the cluster")
        if isinstance(answer, Failure):
            raise ClusterError(
                f"a worker stopped over a part ({answer.kind}); unset {VARIABLE} to see the error itself"
            )
    return [answer.opened() for answer in answers]


def _gathered(client: Client, futures: list[Future]) -> list[Any]:
    from distributed import CancelledError, KilledWorker

    try:
        _wait(client, futures)
        return client.gather(futures)
    except KilledWorker as error:
        raise ClusterError(
            f"Dask workers died again and again over one part ({error.allowed_failures + 1} times), mostly for want of "
            f"memory; give each worker more of it, or unset {VARIABLE}"
        ) from None
    except ClusterError:
        raise
    except (CancelledError, OSError) as error:
        raise ClusterError(f"the Dask scheduler is gone ({type(error).__name__}); start it and repeat") from None
    except Exception as error:
        raise ClusterError(
            f"a Dask worker cannot run this program ({type(error).__name__}); install the same lock file there"
        ) from error


def _wait(client: Client, futures: list[Future]) -> None:
    """Wait for all parts, but not for ever where no worker is left that could build them."""
    from distributed import wait

    alone = 0.0
    while True:
        try:
            with client.as_current():
                wait(futures, timeout=LOOK_SECONDS)
            return
        except TimeoutError:
            alone = 0.0 if _workers(client) else alone + LOOK_SECONDS
            if alone >= WORKER_SECONDS:
                raise ClusterError(f"no Dask worker is left; start some and repeat, or unset {VARIABLE}") from None
