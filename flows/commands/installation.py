"""Commands about the installation: its protocol, services and copies, the demo, and the overview of bare ``netest``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from flows.commands.common import command, progress_bar, show
from flows.home import Home

PORT = click.IntRange(1, 65535)


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A delivery [default: the bundled one].",
)
@command(as_json=False)
def demo(home: Home, data: Path | None) -> None:
    """Run the main job, end to end, on the bundled example trial in a fresh home (var/demo).

    The example is simulated. Only a folder that an earlier demo made is ever replaced.

    \b
    Example:  netest demo
              netest up --home var/demo     then look at its runs
    """
    import os

    from flows.demo import DEMO_FOLDER, run_demo

    context = click.get_current_context()
    chosen = context.params.get("home") or os.environ.get("NETEST_HOME")
    place = home if chosen else Home.at(DEMO_FOLDER)
    with progress_bar("Demo") as progress:
        lines = run_demo(place, data, progress=progress)
    click.echo("\n".join(lines))


@click.command()
@click.option("--use", metavar="NAME|FILE", help="Follow this protocol from now on: nelmas, advanced, or a TOML file.")
@command()
def protocol(home: Home, use: str | None, as_json: bool) -> None:
    """Show which trial rules are in use, or choose others.

    \b
    Example:  netest protocol
              netest protocol --use advanced
              netest protocol --use my_trial.toml
    """
    from flows.work.protocol import change_protocol, describe_protocol

    left = [] if use is None else change_protocol(home, use)
    found = describe_protocol(home) | {"left_behind": left}
    for line in left:
        click.echo(f"note: {line}", err=True)
    text = (
        f"{found['trial']}: time zero is {found['origin']}; endpoints {', '.join(found['endpoints'])}\n"  # type: ignore[arg-type]
        f"{found['not_stated']} of {found['records']} values are not stated in a founding document (cohort report)\n"
        f"File: {found['file']}"
    )
    show(found, text, as_json)


@click.command()
@click.option(
    "--prefect-port", type=PORT, default=4200, show_default=True, help="Preferred port; the next free one is taken."
)
@click.option(
    "--mlflow-port", type=PORT, default=5000, show_default=True, help="Preferred port; the next free one is taken."
)
@command()
def up(home: Home, prefect_port: int, mlflow_port: int, as_json: bool) -> None:
    """Start the whole installation on this machine.

    Prefect server, worker, deployments, inbox watcher and MLflow UI. Everything listens on the loopback interface only.
    A second `netest up` starts what is missing.

    \b
    Example:  netest up
              netest up --home var/demo
    """
    from flows import services

    started = services.up(home, prefect_port, mlflow_port, say=lambda line: click.echo(line, err=True))
    urls = {"prefect": started["prefect"].url, "mlflow": started["mlflow"].url, "inbox": str(home.inbox)}
    text = (
        f"Prefect  {urls['prefect']}   runs and forms (Deployments)\n"
        f"MLflow   {urls['mlflow']}   models, figures, registry\n"
        f"Inbox    {urls['inbox']}   files dropped here are ingested\n"
        "Stop with: netest down" + _home_option(home)
    )
    show(urls, text, as_json)


@click.command()
@command(as_json=False)
def down(home: Home) -> None:
    """Stop the services that `netest up` started, and nothing else.

    \b
    Example:  netest down
    """
    from flows import services

    if not services.down(home, say=click.echo):
        click.echo("nothing was running")


@click.command()
@command()
def status(home: Home, as_json: bool) -> None:
    """Say what runs, what is wrong and how to mend it. Exit code 1 when something is wrong.

    \b
    Example:  netest status
              netest status --json
    """
    from flows.work.state import look, state_lines

    home.enter()
    state = look(home)
    show(state, "\n".join(state_lines(state)), as_json)
    sys.exit(1 if state["problems"] else 0)


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write [default: under backups/].")
@command()
def backup(home: Home, out: Path | None, as_json: bool) -> None:
    """Write a consistent copy of the store, the runs and the registry into one file.

    \b
    Example:  netest backup --out netest-2026-11-21.tar.gz
    """
    from flows.work.maintenance import run_backup

    path = run_backup(home, out)
    show({"backup": str(path), "bytes": path.stat().st_size}, f"{path}", as_json)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace what the home holds now (a backup of it is taken first).")
@command()
def restore(home: Home, file: Path, replace: bool, as_json: bool) -> None:
    """Bring a backup back into a home.

    \b
    Example:  netest restore backups/netest-20261121T040000.tar.gz --home var/restored
    """
    from flows.work.maintenance import run_restore

    names = run_restore(home, file, replace=replace)
    show({"home": str(home.root), "restored": names}, f"restored into {home.root}: {', '.join(names)}", as_json)


def overview(home: Home) -> None:
    """Where things stand and what to do next, for bare ``netest``."""
    if not home.kind:
        click.echo(
            f"No installation in {home.root} yet.\n"
            "  netest demo             run everything once on the bundled, simulated example trial\n"
            "  netest ingest FOLDER    start with a delivery of your own\n"
            "  netest --help           all commands"
        )
        return
    from flows.work.state import look, next_steps, state_lines

    home.enter()
    state: dict[str, Any] = look(home)
    click.echo("\n".join([*state_lines(state), "", "Next:", *(f"  {line}" for line in next_steps(state))]))


def _home_option(home: Home) -> str:
    return "" if home == Home.find() else f" --home {home.root}"
