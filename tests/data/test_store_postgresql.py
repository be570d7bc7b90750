"""The store on PostgreSQL: a throw-away cluster in a temporary folder, reached through a socket in it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from small_delivery import changed, write_delivery

from data.ingest import ingest
from data.protocol import load_protocol
from data.store import Store

ROOT = Path(__file__).parents[2]
REALDATA = Path(os.environ.get("NETEST_REALDATA", ROOT.parent / "shared" / "realdata"))
GOLD = REALDATA.parent / "reference" / "labels" / "delivery"
NOW = pd.Timestamp("2022-01-01 10:00")
LATER = NOW + pd.Timedelta(hours=1)
SPEED = "fsync=off\nsynchronous_commit=off\nfull_page_writes=off\nshared_buffers=16MB\n"


def binaries() -> Path | None:
    """Folder of the PostgreSQL server: the newest of Debian's, else where PATH finds it."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = shutil.which("initdb")
    return debian[-1].parent if debian else Path(found).resolve().parent if found else None


def as_owner(command: list[str]) -> None:
    """Run a command of the cluster; PostgreSQL refuses the superuser, so root becomes ``postgres``."""
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    run = subprocess.run([*become, *command], capture_output=True, text=True, cwd="/", check=False, timeout=60)
    if run.returncode:
        raise RuntimeError(run.stdout + run.stderr)


@pytest.fixture(scope="module")
def cluster():
    """URL of the server without the name of a database."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    folder = binaries()
    if os.name != "posix" or folder is None:
        pytest.skip("no PostgreSQL server is installed")
    if os.geteuid() == 0 and not shutil.which("runuser"):
        pytest.skip("the tests run as root and cannot become another user")
    # Not tmp_path: a socket's name may have 107 characters, and the owner of the cluster must reach it.
    place = Path(tempfile.mkdtemp(prefix="netest-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(place, "postgres")
        data = place / "data"
        as_owner([str(folder / "initdb"), "-D", str(data), "-U", "netest", "-A", "trust", "-E", "UTF8", "--no-sync"])
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(f"{SPEED}listen_addresses=''\nunix_socket_directories='{place}'\n")
        as_owner([str(folder / "pg_ctl"), "-D", str(data), "-l", str(place / "log"), "-w", "start"])
        try:
            yield f"postgresql+psycopg://netest@/{{}}?host={place}", folder
        finally:
            as_owner([str(folder / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def postgresql(cluster, request):
    """An empty database of its own for a test, as a store."""
    url, folder = cluster
    name = f"t{abs(hash(request.node.name))}"
    host = url.partition("host=")[2]
    subprocess.run([folder / "createdb", "-h", host, "-U", "netest", name], check=True, timeout=60)
    with Store(url.format(name)) as store:
        yield store


@pytest.mark.skipif(not GOLD.is_dir(), reason="the reference delivery is not on this machine")
def test_the_reference_delivery_is_the_same_on_both_databases(postgresql, tmp_path):
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as sqlite:
        for store in (sqlite, postgresql):
            report = ingest(store, [GOLD], load_protocol(), tmp_path / "quarantine")
            assert report.counts == {"loaded": 7, "unchanged": 0, "rejected": 0}
        assert postgresql.digest() == sqlite.digest()
        for name, frame in sqlite.trial().tables().items():
            pd.testing.assert_frame_equal(getattr(postgresql.trial(), name), frame)
    again = ingest(postgresql, [GOLD], load_protocol(), tmp_path / "quarantine")
    assert again.counts == {"loaded": 0, "unchanged": 7, "rejected": 0}


def test_corrections_rejections_and_data_cuts_are_the_same_on_both_databases(postgresql, tmp_path):
    first = write_delivery(tmp_path / "first", imaging=changed("imaging.csv", "petct,no", "petct,maybe"))
    later = write_delivery(
        tmp_path / "later",
        patients=changed("patients.csv", "P1,C1", "P1,Zürich 😀"),
        results=changed("results.csv", "274.3", "0.1"),
    )
    with Store(f"sqlite:///{tmp_path / 'store.sqlite'}") as sqlite:
        for store in (sqlite, postgresql):
            assert ingest(store, [first], load_protocol(), tmp_path / "q", now=NOW).counts["rejected"] == 1
            assert ingest(store, [later], load_protocol(), tmp_path / "q", now=LATER).exit_code == 0
        assert postgresql.digest() == sqlite.digest()
        assert postgresql.digest(NOW) == sqlite.digest(NOW) != sqlite.digest()
        pd.testing.assert_frame_equal(postgresql.files(), sqlite.files())
        for name in ("patients", "results", "imaging"):
            pd.testing.assert_frame_equal(postgresql.history(name), sqlite.history(name))
