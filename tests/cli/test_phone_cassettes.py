"""Phones recorded by hil's commands, and replayed as devices."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.cli.main import main
from hil.links.phone_call import read_phone_cassette

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Record = Mapping[str, object]
    Run = Callable[..., tuple[int, list[Record]]]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "device_profiles"
TAPE = "phone.cassette.gz"
# What a run has of its own; all else must be the same in a replay.
OWN = {"run", "started_utc", "seconds"}
PLAN = """\
[plan]
name = "t"
[[model]]
path = "example:digits.tflite"
dataset = "example:digits_test.npz"
variants = ["as-is"]
[[device]]
{device}
[phone]
{phone}
[measure]
windows = {windows}
samples = 10
min_runs = 5
min_seconds = {min_seconds}
{measure}
"""


@pytest.fixture
def bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a plan with these devices; return its status and records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HIL_PROFILES", str(EXAMPLES))

    def run(
        device: str,
        phone: str = "",
        *,
        windows: int = 2,
        min_seconds: float = 0.02,
        measure: str = "",
    ) -> tuple[int, list[Record]]:
        text = PLAN.format(
            device=device,
            phone=phone,
            windows=windows,
            min_seconds=min_seconds,
            measure=measure,
        )
        Path("plan.toml").write_text(text)
        before = set(Path().glob("runs/*"))
        status = main(["bench", "plan.toml", "--json"])
        capsys.readouterr()
        (folder,) = set(Path().glob("runs/*")) - before
        lines = (folder / "records.jsonl").read_text().splitlines()
        return status, [json.loads(line) for line in lines]

    return run


def recorded(name: str) -> str:
    return f'profile = "{name}"\nlink = {{ record = "{TAPE}" }}'


REPLAYED = f'profile = "cassette:{TAPE}"'


def without_own(records: list[Record]) -> list[dict[str, object]]:
    return [{k: v for k, v in r.items() if k not in OWN} for r in records]


@pytest.mark.parametrize(
    "replayed",
    [
        REPLAYED,
        f'profile = "cassette:{TAPE}?timed"',
        f'profile = "emulated-phone"\nlink = {{ port = "cassette:{TAPE}" }}',
    ],
)
def test_a_phone_is_recorded_and_replayed_with_every_figure(
    bench: Run, replayed: str
) -> None:
    phone = 'op_profile = true\nsentinel = "example:digits.tflite"'
    status, records = bench(recorded("emulated-phone"), phone)
    assert status == 0
    assert [r["status"] for r in records] == ["ok", "ok"]
    first = records[0]
    assert first["accuracy"]["n"] == 10
    assert first["agreement"]["identical"] == 10
    assert first["memory"]["peak_rss_bytes"] > 0
    assert first["evidence"]["gate"]["is_open"]
    assert "profile" in first["evidence"]
    # Another timeout: what the phone is told of it is the recording's.
    again, replay = bench(replayed, phone, measure="timeout_seconds = 50")
    assert again == 0
    assert without_own(replay) == without_own(records)


def test_a_phone_that_throttles_throttles_in_the_replay(bench: Run) -> None:
    settings = {
        "phone": "temperature_gate = true\nmax_start_c = 36\ngate_wait_seconds = 120",
        "windows": 1,
        "min_seconds": 0.2,
    }
    status, records = bench(recorded("phone-that-throttles"), **settings)
    assert [r["status"] for r in records] == ["throttled"]
    assert len(records[0]["evidence"]["gate"]["readings"]) >= 3
    again, replay = bench(REPLAYED, **settings)
    assert again == status
    assert without_own(replay) == without_own(records)


def test_a_gate_that_this_machines_clock_ended_ends_so_in_the_replay(
    bench: Run,
) -> None:
    settings = {
        # Half of the timeout is over long before the phone's own day is.
        "phone": "temperature_gate = true\nmax_start_c = 15\ngate_wait_seconds = 86400",
        "windows": 1,
        "measure": "timeout_seconds = 8",
    }
    _, records = bench(recorded("emulated-phone"), **settings)
    assert [r["status"] for r in records] == ["throttled"]
    _, replay = bench(REPLAYED, **settings)
    assert without_own(replay) == without_own(records)


def test_a_phone_that_vanishes_is_gone_in_the_replay(bench: Run) -> None:
    status, records = bench(recorded("phone-that-vanishes"))
    assert [r["status"] for r in records] == ["link_broken"]
    assert len(records[0]["retries"]) == 2
    calls = read_phone_cassette(Path(TAPE)).calls
    # It was started anew for each try, and all of them are one recording.
    assert sum("open" in call.to for call in calls) == 3
    assert sum(call.error is not None for call in calls) >= 3
    again, replay = bench(REPLAYED)
    assert again == status
    assert without_own(replay) == without_own(records)


def test_record_of_bench_keeps_a_phone_as_a_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["example:digits.tflite", "--windows", "1", "--min-seconds", "0.01"]
    words += ["--samples", "5", "--dataset", "example:digits_test.npz", "--json"]
    figures = []
    record = ["emulated-phone", "--record", "t.cassette"]
    for device in (record, ["cassette:t.cassette"]):
        status = main(["bench", *words, "--device", *device])
        shown = capsys.readouterr()
        assert status == 0, shown.err
        (result,) = json.loads(shown.out)["results"]
        figures.append([result[key] for key in ("latency", "agreement", "memory")])
    assert figures[0] == figures[1]
    # The serial number, and so the phone, is the recording's: nothing was started.
    _, told, *_ = read_phone_cassette(Path("t.cassette")).calls
    serial = str(told.said["stdout"]).strip()
    assert all(
        json.loads(path.read_text().splitlines()[0])["evidence"]["serial"] == serial
        for path in Path().glob("runs/*/records.jsonl")
    )


def test_another_plan_than_was_recorded_is_told_with_the_line(bench: Run) -> None:
    bench(recorded("emulated-phone"), windows=1)
    status, (record,) = bench(REPLAYED, windows=1, min_seconds=0.03)
    assert status == 3
    assert record["status"] == "broken_setup"
    problem = str(record["problem"])
    assert "the host asks something else than was recorded" in problem
    assert f"where:   {TAPE}, line " in problem
    assert "--min_secs=0.03" in problem
    assert "--min_secs=0.02" in problem


def test_a_cassette_that_was_cut_is_told_in_the_record(bench: Run) -> None:
    bench(recorded("emulated-phone"), windows=1)
    lines = gzip.decompress(Path(TAPE).read_bytes()).splitlines(keepends=True)
    kept = b"".join(lines[:10]) + lines[10][:-20]
    Path(TAPE).write_bytes(gzip.compress(kept))
    _, (record,) = bench(REPLAYED, windows=1)
    assert record["status"] == "link_broken"
    assert "the cassette was cut off here" in str(record["problem"])
    assert f"where:   {TAPE}, line 11" in str(record["problem"])


def test_a_recording_is_not_made_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(TAPE).write_text("mine")
    words = ["--device", "emulated-phone", "--record", TAPE]
    assert main(["bench", "example:digits.tflite", *words]) == 3
    assert "the cassette cannot be written" in capsys.readouterr().err
    assert Path(TAPE).read_text() == "mine"


def test_the_cassette_of_a_board_is_no_phone(
    bench: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["example:digits.tflite", "--windows", "1", "--min-seconds", "0"]
    assert main(["bench", *words, "--device", "emulated-mcu", "--record", TAPE]) == 0
    capsys.readouterr()
    phone = f'profile = "emulated-phone"\nlink = {{ port = "cassette:{TAPE}" }}'
    _, (record,) = bench(phone, windows=1)
    assert record["status"] == "broken_setup"
    assert "this cassette is not of a phone" in str(record["problem"])
    assert "a dialogue in bytes, with emulated-mcu" in str(record["problem"])


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a phone that was qualified."""
    path = tmp_path_factory.mktemp("tape") / "phone.cassette"
    assert _qualify("emulated-phone", f"link.record={json.dumps(str(path))}") < 2
    return path


def _qualify(device: str, *settings: str) -> int:
    words = [word for line in settings for word in ("--set", line)]
    words += ["--seconds", "0.2", "--samples", "5", "--json"]
    return main(["qualify", device, *words])


def test_qualify_records_and_replays_a_phone(
    tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert _qualify(f"cassette:{tape}") < 2
    items = {i["name"]: i for i in json.loads(capsys.readouterr().out)["items"]}
    assert items["link errors"]["outcome"] == "pass"
    assert items["parity"]["outcome"] == "pass"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["mlperf", "run", "example:digits_test.npz", "--port", "cassette:{tape}"],
            "this cassette is not of a board",
        ),
        (
            ["mlperf", "run", "example:digits_test.npz", "--device", "cassette:{tape}"],
            "a phone speaks no text protocol of MLPerf Tiny",
        ),
        (
            [
                *("diverge", "example:digits.tflite", "--on", "litert,cassette:{tape}"),
                *("--inputs", "example:digits_test.npz"),
            ],
            "this cassette is not of a board",
        ),
        (
            ["bench", "example:digits.tflite", "--device", "cassette:none.gz"],
            "there is no such cassette",
        ),
    ],
)
def test_a_phones_cassette_where_a_board_is_wanted_is_refused(
    tape: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word.format(tape=tape) for word in words]) == 2
    assert told in capsys.readouterr().err
