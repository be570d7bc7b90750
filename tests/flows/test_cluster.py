"""Landmark tables and trainings on a Dask cluster: the setting, what can go wrong, and the same results bit for bit."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

import features.landmark
from data.findings import Refused
from data.protocol import load_protocol
from data.simulate.generate import generate
from features import partition
from features.clock import origin_dates
from features.landmark import LandmarkTable, table_at
from features.outcomes import build_outcome
from flows import cluster, sealed
from flows.cluster import VARIABLE, ClusterError, Setting, cluster_setting, connected, landmark_tables, mapped, passes
from flows.failures import public_words
from flows.sealed import Failure, Sealed, software, work
from models.training import Plan, train_endpoint

LANDMARK = 12.0


def kills_once(flag: str, part, **rest):
    """Build a part; the first worker that gets the middle one dies by its own hand, half-way."""
    if part.number == 2:
        try:
            Path(flag).touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return partition.part_tables(part, **rest)


def kills_always(part):
    os.kill(os.getpid(), signal.SIGKILL)


def names_a_patient(part):
    raise KeyError(f"patient {part} is not here")


def assert_same(found: dict[float, LandmarkTable], whole: LandmarkTable) -> None:
    assert list(found) == [LANDMARK]
    pd.testing.assert_frame_equal(found[LANDMARK].rows, whole.rows, check_exact=True)
    pd.testing.assert_frame_equal(found[LANDMARK].latest_used, whole.latest_used, check_exact=True)
    assert (found[LANDMARK].digest, found[LANDMARK].version) == (whole.digest, whole.version)


@pytest.fixture(scope="module")
def protocol():
    return load_protocol()


@pytest.fixture(scope="module")
def trial():
    return generate(n=12, seed=11).trial()


@pytest.fixture(scope="module")
def whole(trial, protocol) -> LandmarkTable:
    return table_at(trial, protocol, LANDMARK)


# --- the setting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("  ", None),
        ("tcp://10.0.0.5:8786", Setting("tcp://10.0.0.5:8786")),
        ("tls://dask.lab:8786", Setting("tls://dask.lab:8786")),
        ("local:2", Setting("", 2)),
    ],
)
def test_the_setting(monkeypatch, text, expected):
    monkeypatch.setenv(VARIABLE, text)
    assert cluster_setting() == expected


@pytest.mark.parametrize("text", ["yes", "local", "local:0", "local:-1", "tcp://host", "http://host:8786", "host:8786"])
def test_another_setting_is_refused_in_one_line(monkeypatch, text):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ClusterError, match="give tcp://host:port, tls://host:port or local:2") as error:
        cluster_setting()
    assert "\n" not in str(error.value) and repr(text) in str(error.value)


def test_an_encrypted_address_without_certificates_is_refused_before_dask_tries():
    with pytest.raises(ClusterError, match="Dask knows no certificates"), connected(Setting("tls://127.0.0.1:59")):
        pass


def test_without_the_setting_everything_happens_here(monkeypatch, trial, protocol, whole):
    monkeypatch.setattr(cluster, "connected", None)
    monkeypatch.setattr(partition, "split", None)
    assert_same(landmark_tables(trial, protocol, [LANDMARK]), whole)


# --- what can go wrong --------------------------------------------------------------------------------------------


def test_dask_is_not_installed(monkeypatch, trial, protocol):
    monkeypatch.setenv(VARIABLE, "local:2")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"Dask is not installed; pip install 'netest-mrd\[cluster\]', or unset it"):
        landmark_tables(trial, protocol, [LANDMARK])


def test_no_scheduler_answers(monkeypatch, trial, protocol):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv(VARIABLE, address)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with pytest.raises(ClusterError, match=f"the Dask scheduler {address} does not answer; start it") as error:
        landmark_tables(trial, protocol, [LANDMARK])
    assert public_words(error.value) == str(error.value)


def test_a_worker_with_other_software_does_nothing(monkeypatch):
    job = Sealed((names_a_patient, "P001"), "part 0")
    assert work(software() | {"pandas": "9.9"}, job) == Failure(
        differs=f"pandas is {pd.__version__} on a worker and 9.9 here"
    )
    monkeypatch.setattr(sealed, "software", lambda: {})
    assert work({"numpy": "2.4"}, job) == Failure(differs="numpy is missing on a worker and 2.4 here")


def test_an_error_on_a_worker_keeps_its_words_to_itself():
    found = work(software(), Sealed((names_a_patient, "P001"), "part 0"))
    assert found == Failure(kind="KeyError") and "P001" not in repr(found)


def test_sealed_work_shows_no_record(trial):
    part = Sealed((table_at, trial), "part 7")
    assert repr(part).startswith("<part 7, ") and str(part) == repr(part)
    again = pickle.loads(pickle.dumps(part)).opened()
    pd.testing.assert_frame_equal(again[1].samples, trial.samples)


# --- a cluster of two worker processes ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory) -> Iterator[str]:
    """Address of a scheduler on this machine with two worker processes."""
    import dask
    from distributed import LocalCluster

    with (
        pytest.MonkeyPatch.context() as patch,
        dask.config.set(cluster.SETTINGS | {"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=str(tmp_path_factory.mktemp("dask")),
            silence_logs=logging.CRITICAL,
        ) as running,
    ):
        patch.setattr(cluster, "PARTS_PER_WORKER", 2)
        yield running.scheduler_address


@pytest.mark.servers
def test_two_workers_give_the_same_tables(monkeypatch, scheduler, trial, protocol, whole):
    monkeypatch.setenv(VARIABLE, scheduler)
    monkeypatch.setattr(features.landmark, "table_at", None)
    monkeypatch.setattr(partition, "table_at", None)
    assert_same(landmark_tables(trial, protocol, [LANDMARK]), whole)


@pytest.mark.servers
def test_a_worker_that_is_killed_half_way_changes_nothing(monkeypatch, scheduler, trial, protocol, whole, tmp_path):
    monkeypatch.setenv(VARIABLE, scheduler)
    flag = tmp_path / "killed"
    monkeypatch.setattr(partition, "part_tables", partial(kills_once, str(flag)))
    monkeypatch.setattr(partition, "table_at", None)
    assert_same(landmark_tables(trial, protocol, [LANDMARK]), whole)
    assert flag.exists()


@pytest.mark.servers
def test_refusals_have_their_words_here_and_none_on_the_cluster(monkeypatch, scheduler, trial, protocol):
    wrong = trial.replace(results=trial.results.assign(unit=trial.results["unit"].replace("ng/mL", "mmol/L")))
    with pytest.raises(Refused) as here:
        table_at(wrong, protocol, LANDMARK)
    monkeypatch.setenv(VARIABLE, scheduler)
    with pytest.raises(Refused) as there:
        landmark_tables(wrong, protocol, [LANDMARK])
    assert str(there.value) == str(here.value)
    with connected(Setting(scheduler)) as client:
        with pytest.raises(ClusterError, match=r"a worker stopped over a part \(KeyError\)"):
            mapped(client, names_a_patient, ["P001", "P002"])
        said = repr([client.get_worker_logs(), client.get_scheduler_logs(), client.get_task_stream()])
        keys = client.run_on_scheduler(lambda dask_scheduler: [str(name) for name in dask_scheduler.tasks])
    names = [*trial.patients["patient_id"], *trial.samples["sample_id"], "P001"]
    assert not [name for name in names if name in said or any(name in key for key in keys)]


@pytest.mark.servers
def test_workers_that_keep_dying_are_given_up(scheduler):
    with (
        connected(Setting(scheduler)) as client,
        pytest.raises(ClusterError, match=r"died again and again over one part \(2 times\)"),
    ):
        mapped(client, kills_always, ["part"])


@pytest.mark.servers
def test_processes_of_this_machine_write_no_record_and_are_encrypted(monkeypatch):
    with connected(Setting("", 1)) as client:
        assert client.scheduler.address.startswith("tls://127.0.0.1:")
        assert mapped(client, abs, [-1, -2, -3]) == [1, 2, 3]
        spilling = client.run(lambda: __import__("dask").config.get("distributed.worker.memory.spill"))
        assert list(spilling.values()) == [False]
        monkeypatch.setattr(cluster, "software", lambda: software() | {"numpy": "1.0"})
        with pytest.raises(ClusterError, match="numpy is .* on a worker and 1.0 here; install the same lock file"):
            mapped(client, abs, [-1])


def tells(patient, number):
    raise ValueError(f"{patient} {number}")


def double(number):
    return 2 * number


@pytest.mark.servers
def test_passes_come_back_in_order_and_their_errors_without_words(monkeypatch, scheduler):
    with passes() as mapper:
        assert mapper is None
    monkeypatch.setenv(VARIABLE, scheduler)
    with passes() as mapper:
        assert mapper([(double, (number,), {}) for number in range(11)]) == list(range(0, 22, 2))
        with pytest.raises(ClusterError, match=r"a worker stopped over a part \(ValueError\)") as error:
            mapper([(tells, ("P001", number), {}) for number in range(3)])
    assert "P001" not in str(error.value)


@pytest.mark.slow
@pytest.mark.servers
def test_a_training_on_two_workers_is_the_same_bit_for_bit(monkeypatch, scheduler, protocol):
    """Folds, resamples, refits, shares and permutations on the cluster, and nothing of a patient in what it says."""
    cohort = generate(n=106, seed=7).trial()
    tables = {landmark: table_at(cohort, protocol, landmark) for landmark in (6.0, 12.0)}
    outcome, origin = build_outcome(cohort, protocol), origin_dates(cohort, protocol)
    plan = Plan(3, 2, resamples=12, draws=4, seed=5, jobs=1, learning_curve=True, permutations=2)

    def train(mapper=None, jobs=1):
        return train_endpoint(
            tables, outcome, protocol.endpoint("MRD36@6"), protocol, origin=origin, models=["M1", "M5"],
            plan=replace(plan, jobs=jobs), mapper=mapper,
        )  # fmt: skip

    here = train()
    monkeypatch.setenv(VARIABLE, scheduler)
    with passes() as mapper:
        there = train(mapper)
    for one, two in ((here, train(jobs=2)), (here, there)):
        pd.testing.assert_frame_equal(one.comparisons, two.comparisons, check_exact=True)
        pd.testing.assert_frame_equal(one.learning_curve, two.learning_curve, check_exact=True)
        pd.testing.assert_frame_equal(one.permutation.draws, two.permutation.draws, check_exact=True)
        for name, model in one.models.items():
            pd.testing.assert_frame_equal(model.oof, two.models[name].oof, check_exact=True)
            assert model.intervals == two.models[name].intervals or name in ("M0", "M0b")
            assert str(model.second_opinion) == str(two.models[name].second_opinion)
