"""What every command shares: options, one-line errors, a progress bar, and the choice of where work runs."""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click

from flows.home import Home

Progress = Callable[[int, int, str], None]
DATA_CUT = click.option(
    "--data-cut",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="Freeze the world at this day (YYYY-MM-DD) [default: all that is known].",
)


def day_of(moment: Any) -> Any:
    """Calendar day of a date given on the command line; None stays None."""
    return None if moment is None else moment.date()


def command(*, as_json: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command ``--home``, ``--debug`` and, where a script would want it, ``--json``.

    The wrapped function receives ``home`` as a :class:`Home` and, with ``as_json``, ``as_json`` as a bool. Any error
    ends the command with exit code 1 and one line; ``--debug`` shows the traceback.
    """

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(home: str | None, debug: bool, **arguments: Any) -> None:
            try:
                function(home=Home.find(home), **arguments)
            except (click.ClickException, click.exceptions.Exit, click.Abort):
                raise
            except Exception as error:
                if debug:
                    raise
                click.echo(f"error: {one_line(error)}", err=True)
                sys.exit(1)

        wrapped = click.option("--debug", is_flag=True, help="Show the traceback of an error.")(run)
        wrapped = click.option(
            "--home", metavar="FOLDER", help="Folder of the installation [default: $NETEST_HOME, else var]."
        )(wrapped)
        if as_json:
            wrapped = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(wrapped)
        return wrapped

    return wrap


def one_line(error: BaseException) -> str:
    """An error as a person reads it: its own words, or its kind where it has none. Findings keep a line each."""
    if getattr(error, "findings", None):
        return "\n       ".join(str(finding) for finding in error.findings)  # type: ignore[attr-defined]
    words = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}; mend that, or choose another place"
    if isinstance(error, (LookupError, AttributeError, TypeError, NameError)) or not words:
        return f"{type(error).__name__}: {words or 'no message'}; run again with --debug and report it"
    return words


def show(value: Any, text: str, as_json: bool) -> None:
    """Print a result for a script or for a person."""
    click.echo(json.dumps(value, indent=2, default=str) if as_json else text)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Progress | None]:
    """A progress bar on a terminal; elsewhere nothing, so that logs and pipes stay clean."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[step]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, step="")

        def advance(done: int, total: int, step: str) -> None:
            bar.update(task, completed=done, total=total or None, step=step)

        yield advance


def perform(home: Home, flow: str, plain: Callable[[], Any], parameters: dict[str, Any]) -> Any:
    """Do a piece of work where its record belongs.

    When a Prefect server of this home runs, the flow ``module:name`` is played in this process and recorded there;
    otherwise the plain function runs, without waiting for a temporary server to start.
    """
    from flows.services import api_url

    api = api_url(home)
    home.enter(api)
    if not api:
        return plain()
    import os
    from importlib import import_module

    # The record keeps every line; the terminal shows only what the command itself prints.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    module, _, name = flow.partition(":")
    shell = import_module("flows.shell")
    return shell.play(getattr(import_module(module), name), **parameters)[1]
