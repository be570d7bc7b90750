"""A delivery of two patients, small enough to read, whole enough to load."""

from pathlib import Path

SMALL = {
    "patients.csv": """\
patient_id,site,sex,birth_year,surgery_on,randomised_on,arm,primary_site,grade,margin,ki67_pct
P1,C1,F,1950,2020-01-10,2020-02-20,prrt,pancreas,G2,R0,6.5
P2,C1,M,1961,2020-03-02,2020-04-10,control,ileum,G1,R1,
""",
    "samples.csv": """\
sample_id,patient_id,specimen,visit,collected_on,received_on,frozen_on,ssa
S1,P1,blood,baseline,2020-01-08,2020-01-09,2020-01-10,no
S2,P1,blood,month_6,2020-07-12,2020-07-12,2020-07-12,no
S3,P1,urine,month_6,2020-07-12,,,no
S4,P2,blood,baseline,2020-03-01,2020-03-01,,yes
""",
    "controls.csv": """\
plate,lot,control,nominal,value,unit,version
PL1,L1,LOW,14,13,score,1.0
PL1,L1,HIGH,69,71,score,1.0
PL1,L1,HIGH,69,71,score,1.0
""",
    "results.csv": """\
sample_id,analyte,value,unit,comparator,version,plate,lot,qc
S1,netest_activity,57,score,=,1.0,PL1,L1,
S2,netest_activity,24,score,=,1.0,PL1,L1,
S4,netest_activity,33,score,=,1.0,PL1,L1,
S1,cga,274.3,ng/mL,=,kit-a,,,
S3,5hiaa,31.5,umol/L,=,spot,,,
S3,creatinine,9.8,mmol/L,=,spot,,,
""",
    "imaging.csv": """\
patient_id,scan_on,modality,adequate,finding,scheduled_month,site,largest_lesion_mm
P1,2020-07-10,mri,yes,clear,6,,
P1,2021-01-12,petct,no,,12,,
P2,2020-09-01,mri,yes,recurrence,6,liver,11
""",
    "treatments.csv": """\
patient_id,kind,started_on,ended_on,cycle,activity_gbq
P1,prrt,2020-03-01,2020-03-01,1,7.4
""",
    "followup.csv": """\
patient_id,last_seen_on,status,died_on,death_cause
P1,2021-06-01,alive,,
P2,2021-02-03,dead,2021-02-03,disease
""",
}


def write_delivery(folder: Path, **changes: str | None) -> Path:
    """Write the small delivery; ``results="..."`` replaces a table, ``results=None`` leaves it out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in SMALL.items():
        text = changes.get(name.removesuffix(".csv"), text)
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def changed(name: str, old: str, new: str) -> str:
    """A table of the small delivery with one piece of text exchanged."""
    assert SMALL[name].count(old) == 1, f"{old!r} must occur once in {name}"
    return SMALL[name].replace(old, new)
