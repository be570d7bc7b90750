"""Our results under the names that the R answers give them, and the table that holds one beside the other."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import ROOT
from models.estimates.cox import CoxFit
from models.estimates.kaplan_meier import INTERVALS, kaplan_meier
from models.estimates.values import Test

TOLERANCE = 1e-6
PARTS = {"hr": "hr", "lower": "hr_lower", "upper": "hr_upper", "p": "p_wald"}


def default_folder(name: str) -> Path:
    """Real files and R answers lie beside the repository unless the environment says otherwise."""
    real = Path(os.environ.get("NETEST_REALDATA", ROOT.parent / "shared" / "realdata"))
    return real if name == "realdata" else real.parent / "reference"


def folder(text: str) -> Path:
    """For argparse: a folder that exists, or one line with the remedy."""
    if not (path := Path(text)).is_dir():
        raise argparse.ArgumentTypeError(f"no folder {path}; give one, or set NETEST_REALDATA")
    return path


def add_folder(parser: argparse.ArgumentParser, name: str) -> None:
    """``--realdata`` or ``--reference`` with its default place."""
    parser.add_argument(f"--{name}", type=folder, default=str(default_folder(name)))


def read_answers(path: Path) -> pd.Series:
    """Values of an R answer file by quantity; NaN where R could not estimate."""
    return pd.read_csv(path).set_index("quantity")["value"]


def r_name(column: str) -> str:
    """``rx[Lev+5FU]`` as R and the helper of the answers write it: ``rxLev+5FU``."""
    return re.sub(r"[^A-Za-z0-9+._-]+", "_", column.replace("[", "").replace("]", ""))


def curve_quantities(tag: str, frame: pd.DataFrame, group: str, marks: Mapping[str, float]) -> dict[str, float]:
    """``km`` of the R helper: three intervals for each group; frame has columns t and s."""
    out: dict[str, float] = {}
    for name, own in frame.groupby(group):
        for interval in INTERVALS:
            stem = f"{tag}.km.{interval}.{name}"
            curve = kaplan_meier(own["t"], own["s"], interval=interval)
            median, lower, upper = curve.median
            out |= {f"{stem}.median_lower": lower, f"{stem}.median_upper": upper}
            if interval == "plain":
                out |= {f"{stem}.median": median, f"{stem}.n": len(own), f"{stem}.events": curve.n_event.sum()}
            for row in curve.at(list(marks.values())).assign(mark=list(marks)).itertuples():
                out |= {f"{stem}.{row.mark}.lower": row.lower, f"{stem}.{row.mark}.upper": row.upper}
                if interval == "plain":
                    out |= {f"{stem}.{row.mark}.surv": row.value, f"{stem}.{row.mark}.se_greenwood": row.error}
                    out |= {f"{stem}.{row.mark}.n_risk": row.n_risk}
    return out


def rank_quantities(tag: str, test: Test) -> dict[str, float]:
    """``lr`` of the R helper."""
    return {f"{tag}.chisq": test.statistic, f"{tag}.df": test.df, f"{tag}.p": test.p}


def cox_quantities(tag: str, fit: CoxFit, transforms: tuple[str, ...] = ()) -> dict[str, float]:
    """``cox`` of the R helper; with ``transforms`` the tests of proportional hazards too."""
    out = {"n": fit.n, "events": fit.events, "loglik": fit.loglik, "loglik_null": fit.loglik_null}
    out |= {"lr_test": fit.lr.statistic, "score_test": fit.score.statistic, "wald_test": fit.wald.statistic}
    out |= {"concordance": fit.concordance.value, "concordance_se": fit.concordance.error}
    names = {"coef": "coef", "se": "se"} | PARTS
    for term, row in fit.table.iterrows():
        out |= {f"{r_name(str(term))}.{theirs}": row[ours] for ours, theirs in names.items()}
    for transform in transforms:
        for term, row in fit.proportional_hazards(transform).iterrows():
            out |= {f"zph_{transform}.{r_name(str(term))}.chisq": row["statistic"]}
            out |= {f"zph_{transform}.{r_name(str(term))}.p": row["p"]}
    return {f"{tag}.{name}": float(value) for name, value in out.items()}


def beside(found: Mapping[str, float], answers: pd.Series, loose: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Every quantity that we found beside its R answer.

    The difference is absolute up to 1 and relative above; it is 0 where neither can be estimated. R prints the Wald
    test of a Cox model with two decimals, so ours is rounded as well.

    Parameters
    ----------
    found : mapping of quantity to value
    answers : Series
        From :func:`read_answers`.
    loose : mapping of quantity to tolerance, optional
        Exceptions: quantities that R computes in another way.

    Returns
    -------
    DataFrame
        quantity, ours, R, difference, tolerance.

    Raises
    ------
    KeyError
        When R has no answer of that name.
    """
    table = pd.DataFrame({"quantity": list(found), "ours": [float(value) for value in found.values()]})
    missing = sorted(set(table["quantity"]) - set(answers.index))
    if missing:
        raise KeyError(f"R has no answer for {missing[0]} (and {len(missing) - 1} more)")
    table["R"] = answers.reindex(table["quantity"]).to_numpy(dtype=float)
    ours = table["ours"].where(~table["quantity"].str.endswith("wald_test"), table["ours"].round(2))
    gap = (ours - table["R"]).abs() / np.maximum(1, table["R"].abs())
    table["difference"] = gap.mask(ours.isna() & table["R"].isna(), 0.0).fillna(np.inf)
    return table.assign(tolerance=table["quantity"].map(loose or {}).astype(float).fillna(TOLERANCE))


def kinds(quantity: pd.Series) -> pd.Series:
    """The kind of a quantity: its name without landmark, analysis, term, group, month and threshold."""
    out = quantity.str.replace(r"^lm[\d.]+[my]\.(?:w\d+m\.)?(?:death_[a-z_]+\.)?", "", regex=True)
    out = out.str.replace(r"(cox_\w+)\.\w+\.(\w+)$", r"\1.\2", regex=True)
    out = out.str.replace(r"(km\.[a-z-]+)\..*\.(\w+)$", r"\1.\2", regex=True)
    return out.str.replace(r"(group|pt0?)[\d.]+?(?=\.|$)", r"\1", regex=True).str.replace(r"pt0$", "pt", regex=True)


def script(description: str, argv: list[str] | None, run: Callable[[Path, Path], pd.DataFrame]) -> int:
    """Compare and print the largest difference by kind; 1 when one is above its tolerance."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_folder(parser, "realdata")
    add_folder(parser, "reference")
    options = parser.parse_args(argv)
    table = run(options.realdata, options.reference)
    summary = table.groupby(kinds(table["quantity"]))["difference"].agg(["count", "max"]).sort_values("max")
    print(summary.to_string(formatters={"max": "{:.1e}".format}))
    strict = table[(table["tolerance"] <= TOLERANCE) | (table["difference"] <= TOLERANCE)]
    worst = strict.loc[strict["difference"].idxmax()]
    print(f"\n{len(strict)} of {len(table)} quantities, largest difference {worst['difference']:.1e} ", end="")
    print(f"({worst['quantity']}); tolerance {TOLERANCE:g}")
    if len(strict) < len(table):
        print(f"{len(table) - len(strict)} named exceptions up to {table['difference'].max():.1e}")
    return int(not (table["difference"] <= table["tolerance"]).all())
