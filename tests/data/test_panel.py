"""The gene panel file: what it holds, and what it refuses."""

from __future__ import annotations

import pytest

from data.panel import PANEL_FILE, load_panel

PANEL = load_panel()
TEXT = PANEL_FILE.read_text(encoding="utf-8")


def test_fifty_one_genes_and_eight_clusters():
    assert len(PANEL.genes) == len(set(PANEL.genes)) == 51
    assert list(PANEL.omes) == ("SSTRome Proliferome Signalome Metabolome Secretome Epigenome Apoptome Plurome".split())
    # Thirty memberships of twenty-eight genes: two genes belong to two clusters.
    assert sum(map(len, PANEL.omes.values())) == 30
    assert len({gene for genes in PANEL.omes.values() for gene in genes}) == 28


def test_nothing_about_the_panel_is_verified():
    assert PANEL.status == "unverified"
    assert PANEL.ome_status == dict.fromkeys(PANEL.omes, "unverified")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('["COMMD9"]', '["COMMD10"]', r"\[omes.Plurome\] names COMMD10, no gene of the panel"),
        ('["COMMD9"]', '["COMMD9", "COMMD9"]', r"\[omes.Plurome\] lists COMMD9 twice"),
        ('"AKAP8L",', '"AKAP8L", "AKAP8L",', r"\[genes\] lists AKAP8L twice"),
        ('CTGF = "CCN2"', 'CTGF = "CCN3"', r"\[aliases\] names CCN3, no gene of the panel"),
        ('["APLP2", "CD59"]', '["APLP2", "CD60"]', r"\[check_genes\] names CD60, no gene of the panel"),
    ],
)
def test_a_gene_that_is_not_there_is_refused_by_name(tmp_path, old, new, words):
    assert TEXT.count(old) == 1
    path = tmp_path / "panel.toml"
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match=f"^panel.toml: {words}"):
        load_panel(path)
