"""The report of one patient: trajectory, scans, predictions and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from data.protocol import Protocol
from data.trial import Trial
from features.landmark import LandmarkTable
from features.outcomes import Outcome
from flows.reports import page, timeline
from flows.reports.page import EMPTY, Table, day, number, percent_interval, records, text
from flows.reports.patient.course import patient_course, trajectory_figure
from flows.reports.patient.kinetics import kinetics_blocks
from flows.reports.patient.landmarks import landmarks_of
from flows.reports.patient.samples import missing_lines, sample_table
from flows.reports.patient.strip import sample_strip
from flows.reports.style import arm_label

NO_CALL = "no call"


class UnknownPatient(ValueError):
    """The trial holds no such patient."""

    def __init__(self, patient_id: str) -> None:
        super().__init__(f"no patient {patient_id!r} in the trial; `netest dataset` lists those it holds")


def write_patient_report(
    trial: Trial,
    protocol: Protocol,
    outcome: Outcome,
    scores: pd.DataFrame,
    patient_id: str,
    out: Path,
    tables: Mapping[float, LandmarkTable] | None = None,
) -> Path:
    """Write the report of one patient as one self-contained HTML file.

    Parameters
    ----------
    trial : Trial
        The whole trial: the analytical band comes from the controls of all plates.
    protocol : Protocol
    outcome : Outcome
        ``build_outcome(trial, protocol)``.
    scores : DataFrame
        As ``netest score`` writes them; may be empty.
    patient_id : str
        Pseudonym.
    out : Path
    tables : mapping of landmark to LandmarkTable, optional
        Of the whole trial; built for this patient when omitted.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    UnknownPatient
        When the trial has no such patient.
    """
    return page.write(patient_page(trial, protocol, outcome, scores, patient_id, tables), out)


def patient_page(
    trial: Trial,
    protocol: Protocol,
    outcome: Outcome,
    scores: pd.DataFrame,
    patient_id: str,
    tables: Mapping[float, LandmarkTable] | None = None,
) -> str:
    """The page of :func:`write_patient_report` as text."""
    rows = trial.patients[trial.patients["patient_id"].eq(patient_id)]
    if rows.empty:
        raise UnknownPatient(patient_id)
    person = rows.iloc[-1]
    sampled = not trial.samples.empty
    trial, outcome = only(trial, patient_id), only_outcome(outcome, patient_id)
    own = scores[scores["patient_id"].eq(patient_id)] if "patient_id" in scores else pd.DataFrame()
    course = patient_course(trial, protocol, outcome, patient_id)
    return page.render(
        "patient.html",
        title=f"Patient {patient_id}",
        subtitle=_subtitle(person, outcome, patient_id),
        simulated=trial.simulated,
        facts=page.provenance(trial, protocol),
        header=header_facts(person),
        trajectory=trajectory_figure(trial, protocol, outcome, course, patient_id),
        kinetics=kinetics_blocks(landmarks_of(trial, protocol, outcome, patient_id, tables), protocol),
        predictions=prediction_table(own, protocol),
        samples=sample_table(trial, protocol, patient_id),
        scans=scan_table(trial, protocol, patient_id),
        strip=sample_strip(trial, protocol, outcome, patient_id) if sampled else None,
        missing=missing_lines(trial, protocol, outcome, patient_id),
        caveats=caveats(person, trial, protocol),
    )


def only(trial: Trial, patient_id: str) -> Trial:
    """The trial of one patient; plate controls stay whole, the analytical band comes from all of them."""
    tables = trial.tables()
    kept = {name: own[own["patient_id"].eq(patient_id)] for name, own in tables.items() if "patient_id" in own}
    names = kept["samples"]["sample_id"]
    kept |= {
        name: own[own["sample_id"].isin(names)]
        for name, own in tables.items()
        if "sample_id" in own and name not in kept
    }
    return trial.replace(**kept)


def only_outcome(outcome: Outcome, patient_id: str) -> Outcome:
    """The outcome of one patient."""
    return Outcome(
        outcome.patients[outcome.patients.index == patient_id],
        outcome.scans[outcome.scans["patient_id"].eq(patient_id)],
    )


def header_facts(person: pd.Series) -> list[tuple[str, str]]:
    """Who the patient is, as far as the trial needs to know."""
    age = person["surgery_on"].year - person["birth_year"] if pd.notna(person["surgery_on"]) else float("nan")
    sex = {"F": "female", "M": "male"}.get(str(person["sex"]), text(person["sex"]))
    ki67 = EMPTY if pd.isna(person["ki67_pct"]) else f"{number(person['ki67_pct'], 1)}%"
    return [
        ("Arm", arm_label(person["arm"])),
        ("Age at surgery, sex", f"{page.whole(age)}, {sex}"),
        ("Resection", f"{day(person['surgery_on'])}, {text(person['margin'])}"),
        ("Randomised", day(person["randomised_on"])),
        ("Primary tumour", text(person["primary_site"]).replace("_nos", ", not specified").replace("_", " ")),
        ("Grade, Ki-67", f"{text(person['grade'])}, {ki67}"),
        ("Liver metastases", page.whole(person["n_liver_metastases"])),
        ("Centre", text(person["site"])),
    ]


def _subtitle(person: pd.Series, outcome: Outcome, patient_id: str) -> str:
    rows = outcome.patients
    if patient_id not in rows.index:
        return f"{arm_label(person['arm'])} arm."
    own = rows.loc[patient_id]
    if pd.notna(own["first_positive"]):
        state = f"recurrence on imaging at month {own['first_positive']:.1f}"
    elif pd.notna(own["last_adequate"]):
        state = f"no recurrence on imaging up to month {own['last_adequate']:.1f}"
    else:
        state = "no adequate scan since surgery"
    died = f"; died at month {own['death']:.1f}" if pd.notna(own["death"]) else ""
    arm = f"{arm_label(person['arm'])} arm" if person["arm"] else "Not randomised"
    return f"{arm}; {state}{died}."


def prediction_table(own: pd.DataFrame, protocol: Protocol) -> Table | None:
    """Predictions per landmark with interval and call; the reason where there is no call."""
    if own.empty:
        return None
    place = {name: position for position, name in enumerate(protocol.endpoints)}
    order = own.assign(place=own["endpoint_id"].map(place)).sort_values(["landmark_month", "place"], kind="stable")
    rows, marks = [], []
    for row in records(order):
        called = pd.notna(row.probability) and row.call != NO_CALL
        title = protocol.endpoints[row.endpoint_id].title if row.endpoint_id in protocol.endpoints else ""
        rows.append(
            (
                f"Month {row.landmark_month:g}",
                f"{row.endpoint_id}: {title}",
                f"by month {row.horizon_month:g}",
                risk_words(row.probability, row.lower, row.upper) if called else EMPTY,
                text(row.call) if called else f"no call: {text(row.reason)}",
                f"{row.model_name}, version {row.model_version}" if row.model_name else EMPTY,
            )
        )
        marks.append("" if called else "muted")
    heads = ("Predicted at", "Question", "Recurrence", "Probability (95% interval)", "Call", "Model")
    return Table(heads, tuple(rows), "", tuple(marks), numeric=False, classes="predictions")


def risk_words(value: float, lower: float, upper: float) -> str:
    """A predicted risk with its interval; no prediction is certain, so neither 0% nor 100% is printed for the risk."""
    words = percent_interval(value, lower, upper)
    bound = "<1%" if value < 0.005 else ">99%" if value >= 0.995 else ""
    return f"{bound}{words[words.index('%') + 1 :]}" if bound else words


def scan_table(trial: Trial, protocol: Protocol, patient_id: str) -> Table | None:
    """Every scan with its reading."""
    scans = trial.imaging[trial.imaging["patient_id"].eq(patient_id)].sort_values("scan_on", kind="stable")
    if scans.empty:
        return None
    names = {"mri": "MRI", "ct": "CT", "petct": "PET/CT"}
    rows = tuple(
        (
            day(row.scan_on),
            names.get(str(row.modality), text(row.modality)),
            "unscheduled" if pd.isna(row.scheduled_month) else f"month {row.scheduled_month:g}",
            text(row.finding) if row.adequate == "yes" else "not adequate: carries no information",
            text(row.site),
            page.whole(row.largest_lesion_mm),
        )
        for row in records(scans)
    )
    marks = tuple("alarm" if row[3] == "recurrence" else "warn" if row[3] == "equivocal" else "" for row in rows)
    return Table(("Scan", "Modality", "Visit", "Reading", "Site", "Largest lesion, mm"), rows, "", marks, numeric=False)


def _negative(trial: Trial, protocol: Protocol) -> str:
    """A negative score in words, by the cut-off of the version that the trial uses."""
    analyte, version = timeline.score_analyte(trial, protocol)
    assay = protocol.assays[version or str(protocol["assay_default.version"])]
    cut = assay.primary_cutoff[analyte or assay.analytes[0]]
    return f"A score below {cut:g}" if assay.inclusive else f"A score of {cut:g} or less"


def caveats(person: pd.Series, trial: Trial, protocol: Protocol) -> list[str]:
    """What a reader must know before leaning on a number of this page, in plain language."""
    lines = [
        "A probability describes many patients like this one, seen from the same landmark. It does not say "
        "what will happen "
        "to one person; the interval shows only how uncertain the model's coefficients are.",
        "It uses nothing that was known after its landmark, so it does not change when later scans or samples come in.",
        "It holds under the care that patients in this trial received. It does not say what would have "
        "happened with the other "
        "treatment.",
        f"The bands of the score are published cut-offs. {_negative(trial, protocol)} does not rule out residual "
        "disease: nearly all patients in this setting recur in the end.",
        "The shaded bar at each score is the variation of the laboratory's control material. How much the "
        "score moves from week "
        "to week in one stable person is not published, so no change of the score is called real or not real.",
        "An equivocal scan is not a recurrence; a scan that is not adequate, or missing, says nothing either way.",
    ]
    if person["arm"] == "prrt":
        lines.append(
            "PRRT was given between surgery and month 6, so the month-6 score also reflects the response to it."
        )
    if person["ppi"] == "yes":
        lines.append("A proton-pump inhibitor is in use: it raises chromogranin A.")
    return lines
