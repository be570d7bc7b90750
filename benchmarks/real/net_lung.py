"""Lung neuroendocrine tumours (survival, histology, transcripts, Ki-67) through the estimates of the report, against R.

    python -m benchmarks.real.net_lung [--realdata DIR] [--reference DIR]

prints the largest difference to the R answers per kind of quantity and exits 1 when one is above the tolerance. What
the house's models make of the set: ``net_lung_models.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

from benchmarks.real.answers import (
    beside,
    cox_quantities,
    curve_quantities,
    r_name,
    rank_quantities,
    read_answers,
    script,
)
from models.estimates.comparison import log_rank
from models.estimates.cox import cox

FREE = ("event free survival months", "event free survival census status", "event")
ALIVE = ("overall survival months", "census status", "dead")
CARCINOIDS = ("Typical", "Atypical")
MARKS = {f"t{month}m": float(month) for month in (12, 24, 36, 60)}
PRINTED = ("CHGB", "ASCL1", "SCG2", "ENO2")


def read_tables(realdata: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Clinical table, expression (vst, one column per gene) and Ki-67 with MKI67; one row per sample.

    Empty cells of the clinical table are empty text: the text NA in a state is no gap but "not an event" (one patient
    with a time), as in the R script.
    """
    folder = realdata / "net_lung_transcripts"
    clinical = pd.read_excel(folder / "Table_S1_clinical.xlsx", skiprows=3, engine="calamine", keep_default_na=False)
    genes = pd.read_excel(folder / "vst_expression_128_genes.xlsx", engine="calamine").set_index("sample_id")
    ki67 = pd.read_excel(folder / "mki67_ki67_mitoses.xlsx", engine="calamine").set_index("sample_id")
    return clinical.rename(columns={"sample id": "sample_id"}), genes, ki67


def known(clinical: pd.DataFrame, names: tuple[str, str, str]) -> pd.DataFrame:
    """Patients with a time (months, ``t``) and a state (``s``, 1 event), and their ``type``."""
    time, state, event = names
    months = pd.to_numeric(clinical[time], errors="coerce")
    frame = pd.DataFrame({"sample_id": clinical["sample_id"], "type": clinical["type"], "t": months})
    frame = frame.assign(s=clinical[state].eq(event).astype(int))
    return frame[months.notna() & clinical[state].ne("")]


def survival(clinical: pd.DataFrame) -> dict[str, float]:
    """Curves by histology and their comparison: event-free and overall survival."""
    free, alive = known(clinical, FREE), known(clinical, ALIVE)
    pure = free[free["type"].isin(CARCINOIDS)]
    alive = alive[alive["type"].isin([*CARCINOIDS, "LCNEC"])]
    later = {mark: month for mark, month in MARKS.items() if month > 12}
    some = {mark: month for mark, month in MARKS.items() if month != 24}
    out = curve_quantities("efs", free.assign(type="all"), "type", MARKS) | curve_quantities("efs", pure, "type", later)
    out |= curve_quantities("os", alive, "type", some)
    for tag, frame in (("efs", pure), ("os", alive)):
        out |= rank_quantities(f"{tag}.logrank_type", log_rank(frame["t"], frame["s"], frame["type"]))
    out |= {"efs.n": len(free), "efs.events": free["s"].sum()}
    return out | {"os.n": len(alive), "os.n_zero_time": (alive["t"] == 0).sum()}


def hazards(clinical: pd.DataFrame, genes: pd.DataFrame) -> dict[str, float]:
    """Cox models of event-free survival: histology alone, and with transcripts."""
    free = known(clinical, FREE)
    frame = free[free["type"].isin(CARCINOIDS)]
    frame = frame.assign(atyp=(frame["type"] == "Atypical").astype(int))
    measured = frame.join(genes[["STMN1", "CHGB"]], on="sample_id", how="inner")
    columns = {"cox_atypical": (frame, ["atyp"]), "cox_expr": (measured, ["atyp", "STMN1", "CHGB"])}
    out: dict[str, float] = {"efs.n_with_expression": len(measured)}
    for name, (rows, terms) in columns.items():
        out |= cox_quantities(f"efs.{name}", cox(rows, time="t", event="s", covariates=terms))
    return out


def tables(clinical: pd.DataFrame, genes: pd.DataFrame, ki67: pd.DataFrame) -> dict[str, float]:
    """Sizes, means of transcripts, and the Ki-67 index against the transcript of its gene."""
    both = ki67.loc[ki67.index.isin(clinical["sample_id"])]
    pairs = both[["Ki67_index", "MKI67_expression_vst"]].apply(pd.to_numeric, errors="coerce").dropna()
    out = {"n_clinical": len(clinical), "n_expression": len(genes), "n_genes": genes.shape[1]}
    out["n_both"] = genes.index.isin(clinical["sample_id"]).sum()
    out |= {f"n_type.{r_name(name)}": count for name, count in clinical["type"].value_counts().items()}
    out["expr.grand_mean"] = genes.to_numpy().mean()
    for gene in PRINTED:
        out |= {f"expr.mean.{gene}": genes[gene].mean(), f"expr.sd.{gene}": genes[gene].std()}
    return out | {"ki67.n": len(pairs), "ki67.spearman_mki67": spearmanr(pairs).statistic}


def run(realdata: Path, reference: Path) -> pd.DataFrame:
    """Every quantity beside its R answer: quantity, ours, R, difference, tolerance."""
    clinical, genes, ki67 = read_tables(realdata)
    found = survival(clinical) | hazards(clinical, genes) | tables(clinical, genes, ki67)
    return beside(found, read_answers(reference / "ref_net_lung.csv"))


def main(argv: list[str] | None = None) -> int:
    """Print the table of largest differences; 1 when one is above the tolerance."""
    return script(__doc__ or "", argv, run)


if __name__ == "__main__":
    sys.exit(main())
