"""The work behind commands and flows as plain functions: no Prefect here.

A function that has several steps takes a runner, called ``run(name, function, *arguments)``: :func:`direct` simply
calls, the Prefect shells record each call as a task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Runner = Callable[..., Any]
Progress = Callable[[int, int, str], None]


def direct(name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The runner without any recorder."""
    return function(*args, **kwargs)
