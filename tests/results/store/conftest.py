"""A store on each kind of database, and run folders to put into it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pwd
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from hil import tools
from hil.deadline import Deadline
from hil.results.run_folder import RunFolder
from hil.vocab import (
    AccuracyCount,
    Agreement,
    RunRecord,
    RunStatus,
    TargetKind,
    TimeBasis,
    Timing,
)


def make_record(**changes):
    values = {
        "schema": 1,
        "run": "20260101-000000-nightly",
        "job_id": "digits.int8.board-a.0",
        "model": "digits",
        "variant": "int8",
        "device": "board-a",
        "kind": TargetKind.MCU,
        "window": 0,
        "status": RunStatus.OK,
        "started_utc": "2026-01-01T00:00:00.000+00:00",
        "seconds": 0.5,
        "model_sha256": "ab" * 32,
        "size_bytes": 1000,
        "time_basis": TimeBasis.CPU_CYCLES,
        "engine": "tflm",
        "timing": Timing(
            basis=TimeBasis.CPU_CYCLES,
            tick_hz=64_000_000,
            invoke_ticks=tuple(range(6400, 6500, 5)),
        ),
        "memory": {"arena_bytes": 24272, "arena_persistent_bytes": 4000},
        "accuracy": AccuracyCount(metric="top1", n=10, correct=9, wrong=(3,)),
        "agreement": Agreement(reference="tflm", n=10, identical=10, max_lsb=0),
    }
    return RunRecord(**(values | changes))


@pytest.fixture(scope="session")
def record():
    """Make a record; arguments change its fields."""
    return make_record


@pytest.fixture
def run_folder(tmp_path):
    """Make a run folder of so many records: (name, count, **changes) -> path."""

    def make(name="20260101-000000-nightly", count=3, **changes):
        path = tmp_path / "runs" / name
        path.mkdir(parents=True)
        folder = RunFolder(path)
        folder.write_json("environment.json", {"hil": "0.1.0", "cpu": "a core"})
        for index in range(count):
            device = f"board-{'ab'[index % 2]}"
            values = {
                "run": name,
                "job_id": f"digits.int8.{device}.{index}",
                "device": device,
                "window": index,
                "started_utc": f"2026-01-01T00:{index // 60:02}:{index % 60:02}+00:00",
            }
            folder.append(make_record(**(values | changes)))
        return path

    return make


@pytest.fixture(scope="session")
def postgres():
    """The URL of a database on a fresh PostgreSQL server."""
    found = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        Path(shutil.which("initdb") or "").parent,
    ]
    programs = next((path for path in found if (path / "initdb").exists()), None)
    if programs is None:
        pytest.skip("PostgreSQL is missing: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="psycopg is missing: the extra postgres")
    with contextlib.ExitStack() as stack:
        # Not pytest's folder: it is closed to others, and too deep for a socket.
        folder = Path(tempfile.mkdtemp(prefix="hil-pg-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        as_user = []
        if os.geteuid() == 0:  # which the server refuses to be
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            as_user = ["setpriv", "--reuid=postgres", "--regid=postgres"]
            as_user += ["--init-groups"]
        data = str(folder / "data")
        make = [str(programs / "initdb"), "--no-sync", "-A", "trust", "-U", "postgres"]
        tools.run([*as_user, *make, "-D", data], deadline=Deadline(120), cwd=folder)
        server = [str(programs / "postgres"), "-D", data, "-k", str(folder)]
        server += ["-c", "listen_addresses=", "-c", "fsync=off"]
        child = tools.Child(
            [*as_user, *server], cwd=folder, stderr=Path(f"{folder}/log")
        )
        stack.callback(_end, child)
        _wait_for(child, folder)
        yield f"postgresql://postgres@/postgres?host={folder}"


def _end(child):
    with contextlib.suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGINT)  # "fast shutdown"
    child.wait(Deadline(10))
    child.stop()


def _wait_for(child, folder):
    import psycopg  # noqa: PLC0415 - may be missing

    deadline = Deadline(60)
    while not deadline.expired and child.exit_code is None:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(host=str(folder), user="postgres").close()
            return
        child.wait(Deadline(0.05))
    pytest.fail((folder / "log").read_text())


@pytest.fixture
def postgres_place(postgres):
    """The URL of a database that is empty."""
    import psycopg  # noqa: PLC0415 - may be missing

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgres


@pytest.fixture(scope="session")
def processes():
    """Four real processes; what they need is loaded once, which takes a while."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            "hil.bench.summary",
            "hil.results.store.indexing",
            "hil.results.store.migration",
        ]
    )
    with context.Pool(4) as pool:
        yield pool


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """A place for a store, on each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "hil.db")
    return request.getfixturevalue("postgres_place")
