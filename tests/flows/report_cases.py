"""Trials, trainings and a page reader for the report tests."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

from data.protocol import Protocol, load_protocol
from data.trial import Trial, typed
from features.clock import origin_dates
from features.landmark import table_at
from features.outcomes import Outcome, build_outcome
from models.result import TrainingResult
from models.scoring import Champion, score
from models.training import Plan, train_endpoint

GOLD = Path(__file__).parents[1] / "features" / "fixtures" / "labels" / "delivery"
VOID = {"meta", "br", "hr", "img", "link", "input", "path", "use", "circle", "line", "rect"}
ENDPOINTS = ("MRD36@6", "ER12@36")
HOSTILE = "<script>alert('x')</script> & \"y\" $\\frac$"


@cache
def protocol() -> Protocol:
    return load_protocol()


@cache
def gold() -> Trial:
    """The 106 simulated patients of the label fixture."""
    frames = {path.stem: pd.read_csv(path, dtype=str) for path in GOLD.glob("*.csv")}
    facts = {"data_cut": pd.Timestamp("2024-01-01"), "digest": "ab" * 32, "simulated": True, "study": "GOLD"}
    return Trial.from_frames(**frames, **facts)


@cache
def gold_outcome() -> Outcome:
    return build_outcome(gold(), protocol())


@cache
def measured() -> Trial:
    """The gold trial with lesions followed in forty patients, and adverse events in both arms."""
    people = gold().patients.head(40)
    lesions = [
        {
            "patient_id": row.patient_id,
            "scan_on": row.surgery_on + pd.Timedelta(days=day),
            "lesion": "T1",
            "role": "target",
            "organ": "liver",
            "node": "no",
            "diameter_mm": size,
            "state": "measured",
        }
        for number, row in enumerate(people.itertuples())
        for day, size in ((-5, 50.0), (90, 20.0 + 2.0 * number), (180, 18.0 + 2.2 * number))
    ]
    terms = ("Fatigue", "Nausea", "Neutrophil count decreased", "Abdominal pain", "Alopecia")
    events = [
        {
            "patient_id": row.patient_id,
            "started_on": row.randomised_on + pd.Timedelta(days=30),
            "term": term,
            "grade": str(1 + (number + place) % 4),
            "related": "yes",
        }
        for number, row in enumerate(gold().patients.itertuples())
        for place, term in enumerate(terms)
        if (number * 7 + place * 5) % (place + 2) == 0
    ]
    return gold().replace(
        lesions=typed("lesions", pd.DataFrame(lesions)), adverse_events=typed("adverse_events", pd.DataFrame(events))
    )


def with_rule(key: str, value: object) -> Protocol:
    """The protocol with one rule changed."""
    rules = protocol()
    return replace(rules, records=rules.records | {key: replace(rules.record(key), value=value)})


def only_patients(trial: Trial, who: list[str]) -> Trial:
    """Some patients of a trial with all that belongs to them."""
    kept = {
        name: frame[frame["patient_id"].isin(who)].reset_index(drop=True)
        for name, frame in trial.tables().items()
        if "patient_id" in frame
    }
    return trial.replace(**kept)


def one_patient(**facts: object) -> Trial:
    """One patient with one sample, one clear scan and one plate of controls."""
    patient = {
        "patient_id": "P1", "site": "C1", "sex": "F", "birth_year": 1960, "surgery_on": "2020-01-01",
        "randomised_on": "2020-02-15", "arm": "prrt", "primary_site": "ileum", "grade": "G2", "margin": "R0",
    } | facts  # fmt: skip
    name = patient["patient_id"]
    return Trial.from_frames(
        patients=pd.DataFrame([patient]),
        samples=pd.DataFrame(
            [
                {"sample_id": sample, "patient_id": name, "specimen": specimen, "visit": "month_6",
                 "collected_on": "2020-07-01"}
                for sample, specimen in (("S1", "blood"), ("S2", "urine"))
            ]
        ),
        results=pd.DataFrame(
            [
                {"sample_id": "S1", "analyte": "netest_activity", "value": 47, "unit": "score", "version": "1.0"},
                {"sample_id": "S2", "analyte": "5hiaa", "value": 31.5, "unit": "umol/L", "version": "spot"},
            ]
        ),
        controls=pd.DataFrame(
            [
                {"plate": "PL1", "control": "LOW", "nominal": 14, "value": value, "unit": "score", "version": "1.0"}
                for value in (12, 14, 16)
            ]
        ),
        imaging=pd.DataFrame(
            [
                {"patient_id": name, "scan_on": "2020-07-03", "modality": "mri", "adequate": "yes", "finding": "clear",
                 "scheduled_month": 6}
            ]
        ),
        followup=pd.DataFrame([{"patient_id": name, "last_seen_on": "2020-08-15", "status": "alive"}]),
    )  # fmt: skip


@cache
def trainings() -> dict[str, TrainingResult]:
    """One endpoint that is fitted and one that is not estimable, by a small plan."""
    trial, rules = gold(), protocol()
    tables = {landmark: table_at(trial, rules, landmark) for landmark in (6.0, 12.0, 36.0)}
    plan = Plan(folds=5, repeats=2, resamples=10, draws=5, jobs=1)
    return {
        name: train_endpoint(
            tables, gold_outcome(), rules.endpoint(name), rules, origin=origin_dates(trial, rules),
            models=["M0", "M3"], plan=plan,
        )
        for name in ENDPOINTS
    }  # fmt: skip


@cache
def scores() -> pd.DataFrame:
    """Scores of the gold trial at month 6 and 36."""
    trial, rules, results = gold(), protocol(), trainings()
    tables = {landmark: table_at(trial, rules, landmark) for landmark in (6.0, 36.0)}
    result = results["MRD36@6"]
    champions = {"MRD36@6": Champion(result.models[result.champion].estimator, "mrd36-at-6", "1", result.champion)}
    return score(tables, rules, champions, origin=origin_dates(trial, rules), data_cut="2024-01-01")


class Page(HTMLParser):
    """A page read strictly: every tag closed in order, ids unique, figures and outside references collected."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.images: list[str] = []
        self.outside: list[str] = []
        self.scripts = 0
        self.words: list[str] = []
        self.figures = self.captions = 0
        self.source = text
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "id" in given:
            self.ids.append(str(given["id"]))
        if given.get("role") == "img":
            self.images.append(str(given.get("aria-label") or ""))
        for name in ("href", "src", "action"):
            if re.match(r"(https?:)?//", str(given.get(name) or "")):
                self.outside.append(str(given[name]))
        self.scripts += tag == "script" or any(name.startswith("on") for name in given)
        self.figures += tag == "figure"
        self.captions += tag == "figcaption"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        before = list(self.open)
        self.handle_starttag(tag, attrs)
        self.open = before

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def check(text: str) -> Page:
    """A page as every report must be: well-formed, self-contained, without scripts, every figure with words."""
    page = Page(text)
    assert page.scripts == 0
    assert page.outside == []
    assert not re.search(r"https?://", text)
    assert len(page.ids) == len(set(page.ids))
    assert page.figures == page.captions == len(page.images)
    assert all(len(words) > 20 for words in page.images)
    references = re.findall(r'href="#([^"]+)"', text) + re.findall(r"url\(#([^)]+)\)", text)
    assert set(references) <= set(page.ids)
    assert "Not a medical device" in page.text
    assert "never imitated" in page.text
    return page
