"""Commands that work on the trial: ingest, train, score, nightly, simulate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from flows.commands.common import DATA_CUT, command, day_of, perform, progress_bar, show
from flows.home import Home


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Judge the files without loading anything.")
@command()
def ingest(home: Home, paths: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Bring delivered files or folders into the trial store; without PATHS, what waits in the inbox.

    Any kind of file is recognised by its content. Exit code 0: all loaded; 1: something was rejected (the rest is
    loaded); 2: wrong usage.

    \b
    Example:  netest ingest delivery/2026-11/ plate_0042.csv
              netest ingest --dry-run plate_0042.csv
    """
    from flows.summary import ingest_lines
    from flows.work.ingest import run_ingest

    places = [str(path.resolve()) for path in paths]
    with progress_bar("Ingesting") as progress:
        result = perform(
            home,
            "flows.ingest:ingest",
            lambda: run_ingest(home, places, dry_run, progress=progress),
            {"paths": places, "dry_run": dry_run},
        )
    show(result.record(), "\n".join(ingest_lines(result)), as_json)
    sys.exit(1 if result.rejected else 0)


@click.command()
@click.option("--endpoint", type=click.Choice(["all", "mrd", "early-recurrence"]), default="all", show_default=True)
@click.option("--landmark", type=click.Choice(["all", "0", "6", "12", "36"]), default="all", show_default=True)
@click.option(
    "--model", "models", multiple=True, metavar="NAME", help="M0, Mc, M2, M3, M4 ...; may be repeated [default: all]."
)
@click.option(
    "--blocks",
    type=click.Choice(["patient", "site"]),
    default="patient",
    show_default=True,
    help="What the folds keep together; with site whole hospitals are left out.",
)
@click.option(
    "--learning-curve", is_flag=True, help="Also fit on 40, 60 and 80% of the patients (about half as long again)."
)
@click.option(
    "--permutations",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Also run the whole pipeline N times on exchanged outcomes (slow; 99 give P values down to 0.01).",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=None, help="Cores to use [default: all]; no effect on results."
)
@DATA_CUT
@command()
def train(
    home: Home,
    endpoint: str,
    landmark: str,
    models: tuple[str, ...],
    blocks: str,
    learning_curve: bool,
    permutations: int,
    jobs: int | None,
    data_cut: Any,
    as_json: bool,
) -> None:
    """Train and validate the prespecified models and track them in MLflow.

    The first training names the champion that the policy prespecifies for this number of patients; a later one only
    registers challengers.

    \b
    Example:  netest train
              netest train --endpoint mrd --landmark 6 --model M0 --model M2 --data-cut 2027-01-31
              netest train --endpoint mrd --landmark 6 --blocks site --learning-curve --permutations 99
    """
    from flows.summary import train_lines
    from flows.work.selection import TrainRequest
    from flows.work.train import run_train

    asked: dict[str, Any] = {
        "blocks": blocks,
        "learning_curve": learning_curve,
        "permutations": permutations,
        "jobs": jobs or 0,
    }
    request = TrainRequest(endpoint, landmark, models, day_of(data_cut), **asked)
    with progress_bar("Training") as progress:
        result = perform(
            home,
            "flows.train:train",
            lambda: run_train(home, request, progress=progress),
            {"endpoint": endpoint, "landmark": landmark, "models": list(models), "data_cut": day_of(data_cut), **asked},
        )
    show(result.record(), "\n".join(train_lines(result)), as_json)


@click.command()
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="FILE.csv or FILE.parquet [default: under reports/]."
)
@DATA_CUT
@command()
def score(home: Home, out: Path | None, data_cut: Any, as_json: bool) -> None:
    """Score every patient with the champions.

    One row per patient and endpoint for each landmark that the patient has reached, from data up to the landmark only.

    \b
    Example:  netest score --out scores.csv
    """
    from flows.summary import score_lines
    from flows.work.score import run_score

    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise click.UsageError(f"--out {out}: the name must end in .csv or .parquet")
    target = None if out is None else str(out.resolve())
    with progress_bar("Scoring") as progress:
        result = perform(
            home,
            "flows.score:score",
            lambda: run_score(home, target, day_of(data_cut), progress=progress),
            {"out": target, "data_cut": day_of(data_cut)},
        )
    show(result.record(), "\n".join(score_lines(result)), as_json)


@click.command()
@click.option("--force", is_flag=True, help="Retrain even when nothing changed.")
@command()
def nightly(home: Home, force: bool, as_json: bool) -> None:
    """Do now what the nightly schedule does.

    Nothing when nothing changed; otherwise retrain everything and register challengers beside the champions.

    \b
    Example:  netest nightly
    """
    from flows.summary import nightly_lines
    from flows.work.nightly import run_nightly

    with progress_bar("Nightly") as progress:
        record = perform(
            home,
            "flows.nightly:nightly",
            lambda: run_nightly(home, force=force, trigger="by hand", progress=progress),
            {"force": force},
        )
    show(record, "\n".join(nightly_lines(record)), as_json)


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the delivery.")
@click.option(
    "--truth",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where truth.csv goes [default: beside the folder].",
)
@click.option(
    "--patients",
    "n",
    type=click.IntRange(1, 500_000),
    default=None,
    help="Number of patients [default: as planned, 106].",
)
@click.option("--seed", type=int, default=None, help="Same seed, same bytes.")
@click.option(
    "--world",
    default=None,
    help="Which assumptions hold: protocol, contemporary, developer, independent, null [default: protocol].",
)
@click.option("--set", "settings", multiple=True, metavar="KNOB=VALUE", help="Change one assumption; may be repeated.")
@click.option("--knobs", is_flag=True, help="List the knobs of the world with unit, allowed values and source.")
@click.option(
    "--cohort",
    type=click.Choice(["resected", "advanced"]),
    default="resected",
    show_default=True,
    help="After resection, or unresected with measured tumours (protocol `advanced`).",
)
@command()
def simulate(
    home: Home,
    out: Path | None,
    truth: Path | None,
    n: int | None,
    seed: int | None,
    world: str | None,
    settings: tuple[str, ...],
    knobs: bool,
    cohort: str,
    as_json: bool,
) -> None:
    """Write a simulated trial with known truth, as a site would deliver it (docs/simulator.md).

    \b
    Example:  netest simulate --out delivery/ --patients 300 --seed 7
              netest simulate --out delivery/ --world independent --set batch_follows=arm --set lock_months=48
              netest simulate --knobs --world null
              netest simulate --out delivery/ --cohort advanced
    """
    if cohort == "advanced" and (world is not None or settings or knobs):
        raise click.UsageError("--world, --set and --knobs belong to the resected cohort, not to --cohort advanced")
    if knobs:
        _show_knobs(world or "protocol", settings, as_json)
        return
    if out is None:
        raise click.UsageError("Missing option '--out'.")
    chosen: dict[str, Any] = {"n": n, "seed": seed, "world": world, "truth": truth}
    if cohort == "advanced":
        from data.simulate.advanced import simulate_advanced as write_trial
    else:
        from data.simulate import simulate as write_trial
        from data.simulate.worlds import read_knobs

        chosen |= read_knobs(world or "protocol", settings)
    with progress_bar("Simulating"):
        write_trial(out, **{name: value for name, value in chosen.items() if value is not None})
    show({"folder": str(out)}, f"A simulated delivery lies in {out}; load it with: netest ingest {out}", as_json)


def _show_knobs(world: str, settings: tuple[str, ...], as_json: bool) -> None:
    from data.simulate.worlds import knob_rows
    from flows.summary import columns

    rows = knob_rows(world, settings)
    show([row._asdict() for row in rows], "\n".join(columns([rows[0]._fields, *rows])), as_json)
