"""Commands that read and change nothing: report, dataset, dictionary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flows.commands.common import DATA_CUT, command, day_of, progress_bar, show
from flows.home import Home


@click.command()
@click.argument("kind", type=click.Choice(["cohort", "patient", "plate", "model", "patients"]))
@click.argument("name", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), help="File (or folder for patients) to write [default: under reports/]."
)
@command()
def report(home: Home, kind: str, name: str | None, out: Path | None, as_json: bool) -> None:
    """Write a self-contained HTML report of the cohort, a patient, a plate or a model.

    \b
    Example:  netest report cohort
              netest report patient P0007
              netest report plate PL03
              netest report model mrd36-at-6
    """
    from flows.work.report import run_report

    if kind in ("patient", "plate", "model") and not name:
        raise click.UsageError(f"netest report {kind} needs a name: netest report {kind} NAME")
    home.enter()
    with progress_bar("Writing") as progress:
        paths = run_report(home, kind, name or "", out, progress=progress)
    shown = [str(path) for path in paths]
    text = (
        shown[0]
        if len(shown) == 1
        else f"{len(shown)} reports in {Path(shown[0]).parent}"
        if shown
        else "nothing to report"
    )
    show({"reports": shown}, text, as_json)


@click.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write [default: under reports/]."
)
@click.option("--format", "form", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True)
@DATA_CUT
@command()
def dataset(home: Home, out: Path | None, form: str, data_cut: Any, as_json: bool) -> None:
    """Export the analysis set at a data cut: features, labels, weights, samples; with a dictionary.

    \b
    Example:  netest dataset --data-cut 2027-01-31 --out analysis/
    """
    from flows.work.dataset import run_dataset

    home.enter()
    folder, files = run_dataset(home, out, form, day_of(data_cut))
    show({"folder": str(folder), "files": files}, f"{len(files)} files in {folder}", as_json)


@click.command()
@click.argument("words", nargs=-1)
@click.option("--markdown", is_flag=True, help="As the page docs/dictionary.md.")
@command()
def dictionary(home: Home, words: tuple[str, ...], markdown: bool, as_json: bool) -> None:
    """Show the data dictionary: every column, its unit, formula, source and how far it looks back.

    With WORDS only the columns that hold all of them in name, unit, formula, source, specimen or kind.

    \b
    Example:  netest dictionary
              netest dictionary doubling
              netest dictionary --markdown > dictionary.md
    """
    from flows.reports.dictionary import as_markdown, as_text, matching

    rows = matching(words)
    if rows.empty:
        raise click.UsageError(f"no column holds {' and '.join(map(repr, words))}; netest dictionary shows them all")
    show(rows.to_dict("records"), as_markdown(rows) if markdown else as_text(rows), as_json)
