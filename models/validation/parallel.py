"""Many independent calls: in threads here, or wherever a mapper sends them; the same results in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from joblib import Parallel
from threadpoolctl import threadpool_limits

Progress = Callable[[int, int, str], None]
# A delayed call of joblib: function, arguments, named arguments. It pickles when the function is one of a module.
Task = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
Mapper = Callable[[Sequence[Task]], Iterable[Any]]
Workers = int | Mapper


def silent(done: int, total: int, what: str) -> None:
    """A progress callback that says nothing."""


def call(task: Task) -> Any:
    """Do one delayed call."""
    function, arguments, named = task
    return function(*arguments, **named)


def call_all(tasks: Sequence[Task]) -> list[Any]:
    """Do some delayed calls one after the other, on one core: what a worker elsewhere is given."""
    with threadpool_limits(limits=1):
        return [call(task) for task in tasks]


def run(tasks: Sequence[Task], what: str, jobs: Workers, progress: Progress) -> Iterator[Any]:
    """Run delayed calls and yield their results in order.

    Threads suffice: the fits spend their time in compiled code that releases the interpreter. Each task carries its
    own seed, so the results do not depend on ``jobs``. Linear algebra gets one thread while they run: threads of
    threads collapse under load, and a sum that is split otherwise may round otherwise.

    Parameters
    ----------
    tasks : sequence of joblib.delayed calls
    what : str
        Name of the work for ``progress``.
    jobs : int or callable
        Threads of this process, or a mapper that takes all tasks and gives their results in their order.
    progress : callable
        Told (done, total, what) after each task.
    """
    with threadpool_limits(limits=1):
        results = jobs(tasks) if callable(jobs) else _threads(jobs)(tasks)
        for done, result in enumerate(results, start=1):
            progress(done, len(tasks), what)
            yield result


def _threads(jobs: int) -> Parallel:
    return Parallel(n_jobs=jobs, prefer="threads", return_as="generator")
