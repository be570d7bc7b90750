"""prefect.yaml against the flows it names: Prefect accepts unknown keys and stale parameters in silence, we do not."""

from __future__ import annotations

import datetime as dt
import inspect
from importlib import import_module
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect import Flow
from prefect.utilities.callables import parameter_schema

from flows.services import DEPLOYMENTS_FILE, POOL, REPOSITORY
from flows.work.selection import FamilyChoice, LandmarkChoice

KEYS = {"name", "entrypoint", "tags", "work_pool", "concurrency_limit", "parameters", "schedules"}
SCHEDULE_KEYS = {"slug", "cron", "timezone", "active", "parameters"}
LIMIT_KEYS = {"limit", "collision_strategy"}
FILE = yaml.safe_load((REPOSITORY / DEPLOYMENTS_FILE).read_text(encoding="utf-8"))
IDENTIFYING = ("patient_id", "sample_id", "patient", "sample", "subject")


def flow_of(deployment: dict[str, Any]) -> Flow:
    path, _, name = deployment["entrypoint"].partition(":")
    return getattr(import_module(path.removesuffix(".py").replace("/", ".")), name)


DEPLOYMENTS = {f"{flow_of(row).name}/{row['name']}": row for row in FILE["deployments"]}
each = pytest.mark.parametrize("name", sorted(DEPLOYMENTS))


def test_the_deployments_of_the_design() -> None:
    assert set(FILE) == {"name", "definitions", "deployments"}
    assert set(DEPLOYMENTS) == {
        "ingest/lab", "train/on-demand", "nightly/retrain", "score/on-demand", "report/on-demand", "maintenance/backup",
    }  # fmt: skip


@each
def test_only_known_keys(name: str) -> None:
    row = DEPLOYMENTS[name]
    assert set(row) <= KEYS
    assert row["work_pool"] == {"name": POOL, "work_queue_name": "default"}
    assert set(row.get("concurrency_limit", {})) <= LIMIT_KEYS
    assert all(set(schedule) <= SCHEDULE_KEYS for schedule in row.get("schedules", []))


@each
def test_parameters_fit_the_signature(name: str) -> None:
    row = DEPLOYMENTS[name]
    flow = flow_of(row)
    for parameters in (row["parameters"], *(schedule["parameters"] for schedule in row.get("schedules", []))):
        assert set(parameters) <= set(inspect.signature(flow.fn).parameters)
        flow.validate_parameters(parameters)


@each
def test_the_form_reads_like_a_form(name: str) -> None:
    flow = flow_of(DEPLOYMENTS[name])
    schema = parameter_schema(flow.fn).model_dump()
    assert not schema["required"], "every field has a default"
    for field, rule in schema["properties"].items():
        assert rule["title"] != field and rule["title"][0].isupper()
        assert rule["description"].endswith(".")
        assert field not in IDENTIFYING
    assert inspect.getdoc(flow.fn) and flow.description


@each
def test_results_are_never_written_to_a_hidden_place(name: str) -> None:
    flow = flow_of(DEPLOYMENTS[name])
    assert flow.persist_result is False
    assert not flow.retries, "retries belong to tasks: a flow's own lose the lease of a concurrency limit"
    assert not flow.log_prints


def test_the_night() -> None:
    row = DEPLOYMENTS["nightly/retrain"]
    (schedule,) = row["schedules"]
    assert (schedule["cron"], schedule["timezone"], schedule["active"]) == ("0 4 * * *", "Europe/London", True)
    assert row["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert [name for name, other in DEPLOYMENTS.items() if "schedules" in other] == ["nightly/retrain"]


def test_the_night_exists_once_on_every_day_of_the_year() -> None:
    zone = ZoneInfo("Europe/London")
    for day in range(366):
        moment = dt.datetime(2027, 1, 1, 4, tzinfo=zone) + dt.timedelta(days=day)
        there_and_back = moment.astimezone(dt.UTC).astimezone(zone)
        assert there_and_back.replace(tzinfo=None) == moment.replace(tzinfo=None) and moment.fold == there_and_back.fold


def test_choices_are_those_of_the_protocol_and_the_registry() -> None:
    from data.protocol import load_protocol
    from flows.train import ModelChoice
    from models.estimators.specification import REGISTRY

    protocol = load_protocol()
    assert set(get_args(LandmarkChoice)) == {"all", *(f"{landmark:g}" for landmark in protocol.landmarks)}
    assert {choice.replace("-", "_") for choice in get_args(FamilyChoice)} == {
        "all", *(endpoint.family for endpoint in protocol.endpoints.values()),
    }  # fmt: skip
    assert set(get_args(ModelChoice)) == set(REGISTRY)


def test_a_report_of_one_patient_cannot_be_asked_for_where_others_read() -> None:
    from flows.report import ReportChoice

    assert "patient" not in get_args(ReportChoice)


def test_no_place_is_templated() -> None:
    """An unset variable in a template is stored as it stands, without an error."""
    assert "{{" not in Path(REPOSITORY / DEPLOYMENTS_FILE).read_text(encoding="utf-8")
