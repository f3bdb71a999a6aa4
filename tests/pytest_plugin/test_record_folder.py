"""One run folder that several workers write to."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from hil.errors import RecordingError
from hil.pytest_plugin.record_folder import Request, SharedRunFolder
from hil.results.records import SCHEMA
from hil.results.run_folder import load_records
from hil.vocab import RunRecord, RunStatus, TargetKind, TimeBasis


@pytest.fixture(autouse=True)
def locks(tmp_path, monkeypatch):
    monkeypatch.setenv("HIL_LOCKS", str(tmp_path / "locks"))


def record(number):
    return RunRecord(
        schema=SCHEMA,
        run="run",
        job_id=f"job {number}",
        model="keyword",
        variant="int8",
        device="emulated-mcu",
        kind=TargetKind.EMULATED_MCU,
        window=number,
        status=RunStatus.OK,
        started_utc="2026-11-21T15:28:25.000+00:00",
        seconds=1.0,
        model_sha256="0" * 64,
        size_bytes=1,
        time_basis=TimeBasis.HOST_CLOCK,
    )


def request(number, *variants, device="emulated-mcu"):
    return Request(
        digest=str(number),
        test=f"test_{number}",
        device=device,
        model="keyword",
        variants=variants or ("int8",),
        plan="",
    )


def test_what_many_write_at_once_is_whole(tmp_path):
    model = b"model" * 100_000
    sha256 = hashlib.sha256(model).hexdigest()

    def work(number):
        # A lock is of an open file, so threads stand for processes.
        folder = SharedRunFolder(tmp_path / "run")
        folder.append(record(number))
        folder.add_request(request(number))
        return folder.add_model(model, sha256)

    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(work, range(40)))
    records, notes = load_records(tmp_path / "run")
    assert sorted(one.window for one in records) == list(range(40))
    assert notes == []
    known = SharedRunFolder(tmp_path / "run").requests()
    assert {one.digest for one in known} == {str(number) for number in range(40)}
    assert [path.read_bytes() == model for path in paths] == [True]


def test_requests_are_whole_while_another_is_added(tmp_path):
    folder = SharedRunFolder(tmp_path / "run")
    folder.add_request(request(0))
    with ThreadPoolExecutor(1) as pool:
        adding = pool.submit(
            lambda: [folder.add_request(request(n)) for n in range(1, 60)]
        )
        while not adding.done():
            assert folder.requests()[0] == request(0)
        adding.result()
    assert len(folder.requests()) == 60


def test_two_requests_share_a_row_of_one_device_model_and_variant():
    first = request(1, "int8", "float16")
    assert first.shares_a_row_with(request(2, "float16"))
    assert not first.shares_a_row_with(request(2, "dynamic"))
    assert not first.shares_a_row_with(request(2, "int8", device="native"))


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RecordingError, match="cannot be recorded") as caught:
        SharedRunFolder(tmp_path / "file" / "run")
    assert caught.value.remedy == "another folder with --hil-record"
