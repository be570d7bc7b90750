"""What every Prefect flow here shares: form fields, coarse tasks, failures without identifiers, one summary artifact.

The server behind a flow is readable by everybody on the machine and is not the trial's store, so nothing that names a
patient or a sample may reach it: an error's own words are written to the home's ``logs/failures`` and the flow run
only says which file to read.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar, cast

from prefect import Flow, Task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Failed, State
from pydantic import Field

from flows.failures import public_words, write_failure
from flows.home import Home

P = ParamSpec("P")
T = TypeVar("T")


class FlowFailed(RuntimeError):
    """A step that failed; the message names no patient and no sample.

    ``original`` is the error itself. A flow that found everything wanting has a ``result`` instead.
    """

    def __init__(self, message: str, original: BaseException | None = None, result: Any = None) -> None:
        super().__init__(message)
        self.original, self.result = original, result

    def __reduce__(self) -> tuple[type[FlowFailed], tuple[str]]:
        # Prefect pickles the error of a failed run into its storage folder: only the message may go there.
        return FlowFailed, (str(self),)


class Carried:
    """Takes a result through Prefect's engine untouched: opaque to its walk over data, never written anywhere."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def concluded(body: Callable[P, State]) -> Callable[P, State]:
    """End a flow that failed with words that name nobody as its state message, and nothing around them."""

    @functools.wraps(body)
    def flow_body(*args: P.args, **kwargs: P.kwargs) -> State:
        try:
            with failures_without_names(Home.find(), body.__name__):
                return body(*args, **kwargs)
        except FlowFailed as error:
            return Failed(message=str(error), data=error)

    # Prefect reads the form from here, and would look for the names of postponed annotations in this module.
    flow_body.__signature__ = inspect.signature(body, eval_str=True)  # type: ignore[attr-defined]
    return flow_body


def form(default: Any, title: str, description: str) -> Any:
    """A flow parameter as the form of the Prefect UI shows it: label, help line and default."""
    return Field(default=default, description=description, json_schema_extra={"title": title})


DATA_CUT = form(
    None, "Data cut", "Use only what the store knew at the end of this day (UTC). Leave empty for all that is known."
)


def step(home: Home, *, retries: int = 0) -> Callable[..., Any]:
    """Runner that records each piece of work as one coarse Prefect task.

    Parameters
    ----------
    home : Home
        Receives the words of a failure.
    retries : int
        How often a task may be repeated; only for work on the store or the registry, never for fitting.

    Returns
    -------
    callable
        ``run(name, function, *args, **kwargs)`` with the result of the function.
    """

    def run(name: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        def work() -> Carried:
            with failures_without_names(home, name):
                return Carried(function(*args, **kwargs))

        task: Task = Task(
            work, name=name, cache_policy=NO_CACHE, persist_result=False,
            retries=retries, retry_delay_seconds=2, retry_condition_fn=_may_pass,
        )  # fmt: skip
        return cast(Carried, task()).value

    return run


def _may_pass(task: Task, task_run: Any, state: State) -> bool:
    """Whether a failure may be gone in a moment: a busy database or disk, not a wrong name or a wrong file."""
    error = state.result(raise_on_failure=False)
    original = getattr(error, "original", None)
    return isinstance(original, OSError) or type(original).__name__ == "OperationalError"


@contextlib.contextmanager
def failures_without_names(home: Home, name: str) -> Iterator[None]:
    """Replace any error by one that says which local file holds its words, unless they name nobody."""
    try:
        yield
    except FlowFailed:
        raise
    except Exception as error:
        if words := public_words(error):
            raise FlowFailed(f"{name}: {words}", error) from None
        place = write_failure(home, name, error)
        raise FlowFailed(f"{name} failed ({type(error).__name__}); what happened is in {place}", error) from None


def publish(key: str, markdown: str, description: str) -> None:
    """Leave the run's one readable summary; outside a flow run nothing is left."""
    if FlowRunContext.get() is not None:
        create_markdown_artifact(markdown=markdown, key=key, description=description)


def flow_run_id() -> str:
    """Id of the running flow run, for the tags of MLflow runs; empty outside a flow."""
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context is not None and context.flow_run is not None else ""


def play(flow: Flow, **parameters: Any) -> tuple[State, Any]:
    """Run a flow in this process and hand back its state and carried result.

    The heartbeat is off: this process waits for the flow anyway, and the heartbeat costs a second a run.

    Raises
    ------
    Exception
        The original error of a failed step.
    """
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        state = cast(State, flow(**parameters, return_state=True))
    result = state.result(raise_on_failure=False)
    if isinstance(result, FlowFailed):
        if result.original is not None:
            raise result.original
        return state, result.result
    if isinstance(result, BaseException):
        raise result
    return state, result.value if isinstance(result, Carried) else result
