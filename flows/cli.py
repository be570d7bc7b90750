"""The console script ``netest``. Only click and the standard library are imported here: ``--help`` stays immediate."""

from __future__ import annotations

import os

import click

from flows.commands import installation, planning, reading, work
from flows.commands.common import command
from flows.home import Home


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="netest-mrd", prog_name="netest")
@click.option("--home", metavar="FOLDER", help="Folder of the installation [default: $NETEST_HOME, else var].")
@click.pass_context
def main(context: click.Context, home: str | None) -> None:
    """Longitudinal NETest after resection of neuroendocrine liver metastases.

    From instrument exports to tracked models of residual disease and early recurrence, scores and reports.
    Without a command: where things stand and what to do next.

    \b
    A first look:            netest demo
    The whole installation:  netest up
    """
    if home:
        os.environ["NETEST_HOME"] = home
    if context.invoked_subcommand is None:
        context.invoke(_overview)


@click.command(hidden=True)
@command(as_json=False)
def _overview(home: Home) -> None:
    installation.overview(home)


for _command in (
    installation.demo,
    installation.protocol,
    work.ingest,
    work.train,
    work.score,
    reading.report,
    reading.dataset,
    reading.dictionary,
    work.nightly,
    work.simulate,
    planning.plan,
    installation.up,
    installation.down,
    installation.status,
    installation.backup,
    installation.restore,
):
    main.add_command(_command)

if __name__ == "__main__":
    main()
