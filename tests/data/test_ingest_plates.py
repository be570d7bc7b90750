"""qPCR exports on their way into the store: samples, genes, plate maps, the verdict of quality control."""

import pandas as pd
import pytest
from small_delivery import SMALL, changed, write_delivery

from data.ingest import ingest
from data.ingest.plates import gene_symbols, short_well
from data.protocol import load_protocol
from data.quality import PlateVerdict
from data.store import Store
from data.trial import typed

PROTOCOL = load_protocol()
NOW = pd.Timestamp("2022-01-01 10:00")
GENES = ("ALG9", *PROTOCOL.panel.genes)
HEADER = ",Well,Fluor,Target,Content,Sample,Cq,Cq Mean,Cq Std. Dev\n"


def export(samples=("S1", "S2"), genes=GENES, cq=25.0, ntc="NaN", control=None) -> str:
    """A Bio-Rad export: every gene once in each sample and in a no-template well, row by row of 24 wells."""
    rows = [("Unkn", sample, gene, f"{cq:.3f}") for sample in samples for gene in genes]
    rows += [("NTC", "", gene, ntc) for gene in genes]
    rows += [("Unkn", control, gene, f"{cq:.3f}") for gene in genes if control]
    return HEADER + "".join(
        f",{'ABCDEFGHIJKLMNOP'[number // 24]}{number % 24 + 1:02d},FAM,{gene},{content},{sample},{value},,\n"
        for number, (content, sample, gene, value) in enumerate(rows)
    )


@pytest.fixture
def taken(tmp_path):
    """Ingest the small delivery, then some plates; gives the report of the plates and the store."""
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as store:

        def take(*, together=False, delivery=None, rules=PROTOCOL, **plates):
            folder = write_delivery(tmp_path / "in", **(delivery or {}))
            if not together:
                ingest(store, [folder], rules, tmp_path / "quarantine", now=NOW)
            names = []
            for name, text in plates.items():
                names.append(folder / f"{name}.csv")
                names[-1].write_text(text)
            paths = [folder] if together else names
            return ingest(store, paths, rules, tmp_path / "quarantine", now=NOW), store

        yield take


def rejects(report) -> list[str]:
    return [str(finding) for finding in report.findings if finding.severity == "reject"]


def test_a_good_plate_is_loaded_with_its_verdicts(taken):
    report, store = taken(PL7=export())
    assert report.ok and report.plates["PL7"].verdict == "pass"
    assert report.samples[["plate", "sample_id", "verdict"]].to_numpy().tolist() == [
        ["PL7", "S1", "pass"],
        ["PL7", "S2", "pass"],
    ]
    trial = store.trial()
    assert len(trial.wells) == 3 * len(GENES)
    first = trial.wells.iloc[0]
    assert first[["plate", "file", "well", "sample_id", "target", "task", "cq", "state"]].tolist() == [
        "PL7",
        "PL7.csv",
        "A01",
        "S1",
        "ALG9",
        "unknown",
        25.0,
        "value",
    ]
    assert trial.wells.query("task == 'ntc'")["sample_id"].isna().all()
    pd.testing.assert_frame_equal(trial.verdicts, report.samples)
    assert taken(PL7=export())[0].counts == {"loaded": 0, "unchanged": 1, "rejected": 0}


def test_a_rejected_plate_leaves_nothing_but_its_reason(taken, tmp_path):
    report, store = taken(PL7=export(ntc="25.000"))
    assert report.exit_code == 1
    assert rejects(report)[0].startswith("[Q303] PL7.csv")
    assert report.plates["PL7"].verdict == "reject"
    assert report.samples["verdict"].tolist() == ["reject", "reject"]
    assert store.trial().wells.empty and store.trial().verdicts.empty
    assert "[Q303]" in (tmp_path / "quarantine" / "PL7.csv.reason.txt").read_text()
    assert store.files().set_index("name").loc["PL7.csv", "status"] == "rejected"


def test_a_plate_whose_samples_must_be_repeated_is_loaded_with_that_verdict(taken):
    high = export(("S1", "S2", "S4")).replace(",ALG9,Unkn,S1,25.000", ",ALG9,Unkn,S1,33.000")
    report, store = taken(PL7=high)
    assert report.ok and report.plates["PL7"].verdict == "repeat"
    assert store.trial().verdicts.set_index("sample_id")["verdict"].to_dict() == {
        "S1": "repeat",
        "S2": "pass",
        "S4": "pass",
    }


@pytest.mark.parametrize(
    ("plate", "start"),
    [
        (export(("S1", "S77")), "[D202] PL7.csv sample S77 well C05: the sample is unknown -> send the sample"),
        (export(("S1", "S3")), "[D219] PL7.csv sample S3 well C05: a urine sample lies on a plate of the blood"),
        (
            export(genes=(*GENES, "GAPDH")),
            "[D226] PL7.csv well C05 gene GAPDH: not a gene of the panel -> use the panel's gene symbols",
        ),
        (export(("X1",), genes=("ACTB", "GAPDH")), "[D226] PL7.csv well A01 gene ACTB, GAPDH: 2 targets are not genes"),
        (export(("", "")), "[D228] PL7.csv: the export names no samples -> send plate_map.csv"),
        (export()[:-30], "[P114] PL7.csv"),
    ],
)
def test_a_plate_that_does_not_belong_is_refused(taken, plate, start):
    report, store = taken(PL7=plate)
    assert len(rejects(report)) == 1
    assert rejects(report)[0].startswith(start)
    assert report.exit_code == 1
    assert store.trial().wells.empty


def test_wells_that_nobody_named_are_said(taken):
    report, store = taken(PL7=export(("S1", "")))
    assert report.ok
    assert [str(finding) for finding in report.findings if finding.code == "D229"] == [
        f"[D229] PL7.csv well C05: {len(GENES)} wells have a gene and a Cq but no sample; they are used for nothing"
        " -> send plate_map.csv with plate, well and sample_id"
    ]


def test_samples_of_a_rejected_sample_list_get_one_pointer(taken):
    bad = changed("samples.csv", "S4,P2,blood", "S4,P2,plasma")
    report, _ = taken(together=True, delivery={"samples": bad}, PL7=export())
    assert [line for line in rejects(report) if "PL7" in line] == [
        "[D203] PL7.csv: 2 samples of the plate are unknown because samples.csv was rejected"
        " -> mend samples.csv, then send both again"
    ]


def test_old_gene_names_in_any_case_become_current_symbols(taken):
    old = export().replace(",CCN2,", ",CTGF,").replace(",SLC18A1,", ",vmat1,").replace(",MKI67,", ",Ki-67,")
    report, store = taken(PL7=old)
    assert report.ok
    assert set(store.trial().wells["target"]) == set(GENES)
    symbols = gene_symbols(pd.Series(["brAF", "ARAF1", None, "GAPDH"], dtype=object), PROTOCOL.panel)
    assert symbols.tolist()[:2] == ["BRAF", "ARAF"] and symbols.isna().tolist() == [False, False, True, True]


def test_a_plate_map_names_the_samples_also_in_a_later_delivery(taken, tmp_path):
    rows = [f"PL7,{'ABCDE'[n // 24]}{n % 24 + 1},{'S1' if n < len(GENES) else 'S2'}" for n in range(2 * len(GENES))]
    plate_map = "plate,well,sample_id\n" + "\n".join(rows) + "\n"
    report, store = taken(together=True, plate_map=plate_map, PL7=export(("lane 1", "lane 2")))
    assert report.ok, rejects(report)
    assert store.trial().verdicts["sample_id"].tolist() == ["S1", "S2"]
    assert taken(PL7=export(("x", "y"), cq=26.0))[0].ok
    assert store.trial().wells.query("task == 'unknown'")["cq"].unique().tolist() == [26.0]
    assert len(store.history("wells")) == 2 * len(store.trial().wells)


def test_control_material_by_name_is_no_sample(taken):
    report, store = taken(PL7=export(control="high"))
    assert report.ok
    control = store.trial().wells.query("task == 'positive_control'")
    assert len(control) == len(GENES) and control["sample_id"].isna().all()


def test_a_plate_name_that_another_plate_has_is_refused_and_a_re_export_is_not(taken):
    taken(PL7=export(("S1",)))
    report, store = taken(PL7=export(("S2", "S4")))
    assert rejects(report)[0].startswith("[D227] PL7.csv: plate name PL7 is already used by a plate with other samples")
    assert set(store.trial().wells["sample_id"].dropna()) == {"S1"}
    report, store = taken(PL7=export(("S1", "S2")))
    assert report.ok and set(store.trial().wells["sample_id"].dropna()) == {"S1", "S2"}


def test_the_judge_is_an_argument_and_sees_typed_wells(tmp_path):
    seen = []

    def judge(wells, protocol):
        seen.append(wells)
        return PlateVerdict("pass", [], typed("verdicts", pd.DataFrame({"plate": ["PL7"], "sample_id": ["S1"]})))

    folder = write_delivery(tmp_path / "in")
    (folder / "PL7.csv").write_text(export(("S1",), genes=("ALG9", "BRAF")))
    with Store(f"sqlite:///{tmp_path / 's.sqlite'}") as store:
        assert ingest(store, [folder], PROTOCOL, tmp_path / "q", now=NOW, judge=judge).ok
    pd.testing.assert_frame_equal(seen[0], typed("wells", seen[0]))
    assert seen[0]["sample_id"].tolist() == ["S1", "S1", None, None]


def test_well_names_lose_leading_zeros():
    assert short_well(pd.Series(["A01", "h12", "P24", "B1 "])).tolist() == ["A1", "H12", "P24", "B1"]


def test_the_small_delivery_names_the_samples_used_here():
    assert all(name in SMALL["samples.csv"] for name in ("S1,", "S2,", "S3,P1,urine", "S4,"))
