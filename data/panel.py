"""The gene panel as data: symbols, old aliases, reference and check genes, omic clusters."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PANEL_FILE = Path(__file__).with_name("panel.toml")


@dataclass(frozen=True)
class Panel:
    """The gene panel: HGNC symbols, old aliases, reference and RNA-handling check genes, omic clusters.

    Parameters
    ----------
    genes, reference_genes, check_genes : tuple of str
        Symbols.
    aliases : dict of str to str
        Old name to symbol.
    omes : dict of str to tuple of str
        Genes of each omic cluster; a gene may belong to several.
    status, source : str
        Standing of the gene list.
    ome_status : dict of str to str
        Standing of each cluster's membership.
    """

    genes: tuple[str, ...]
    aliases: dict[str, str]
    reference_genes: tuple[str, ...]
    check_genes: tuple[str, ...]
    omes: dict[str, tuple[str, ...]]
    status: str
    source: str
    ome_status: dict[str, str]


def load_panel(path: Path = PANEL_FILE) -> Panel:
    """Read the gene panel file.

    Raises
    ------
    ValueError
        When a gene is listed twice, or an alias, check gene or cluster names a gene that the panel does not have.
    """
    record = tomllib.loads(path.read_text(encoding="utf-8"))
    panel = Panel(
        genes=tuple(record["genes"]),
        aliases=dict(record["aliases"]),
        reference_genes=tuple(record["reference_genes"]),
        check_genes=tuple(record["check_genes"]),
        omes={name: tuple(ome["genes"]) for name, ome in record["omes"].items()},
        status=record["status"],
        source=record["source"],
        ome_status={name: ome["status"] for name, ome in record["omes"].items()},
    )
    _check(panel, path.name)
    return panel


def _check(panel: Panel, file_name: str) -> None:
    known = {*panel.genes, *panel.reference_genes}
    lists = {"genes": panel.genes, **{f"omes.{name}": genes for name, genes in panel.omes.items()}}
    for key, genes in lists.items():
        twice = sorted({gene for gene in genes if genes.count(gene) > 1})
        if twice:
            raise ValueError(f"{file_name}: [{key}] lists {', '.join(twice)} twice; list every gene once")
    users: dict[str, Iterable[str]] = {**lists, "aliases": panel.aliases.values(), "check_genes": panel.check_genes}
    for key, used in users.items():
        strange = sorted(set(used) - known)
        if strange:
            raise ValueError(f"{file_name}: [{key}] names {', '.join(strange)}, no gene of the panel; use its symbols")
