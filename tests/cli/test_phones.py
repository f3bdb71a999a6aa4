"""`hil bench` on emulated phones: the example, the options, the refusals."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "phones.toml"


def _bench(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, *words: str
) -> tuple[int, list[Mapping[str, object]]]:
    code = main(["bench", *words, "--json", "--out", str(tmp_path / "runs")])
    said = capsys.readouterr()
    results = json.loads(said.out)["results"] if said.out else []
    return code, results


def test_the_example_tells_each_phone_its_own_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    measure = ("--windows", "1", "--samples", "2", "--min-seconds", "0.2")
    code, results = _bench(capsys, tmp_path, str(EXAMPLE), *measure)
    assert code == 0  # the plan accepts both ends
    statuses = defaultdict(list)
    for result in results:
        statuses[result["device"]].append(result["status"])
    assert statuses == {
        "emulated-phone-two-clusters": ["ok"] * 10,
        "emulated-phone-three-clusters": ["ok"] * 10,
        "phone-that-throttles": ["throttled"] * 10,
        "phone-that-vanishes": ["link_broken"] * 10,
    }
    variants = {(r["variant"], str(r["setting"])) for r in results}
    assert len(variants) == 5 * 2
    good = [r for r in results if r["status"] == "ok"]
    assert all(r["accuracy"]["n"] == 2 for r in good)
    assert all(r["latency"]["n"] > 0 for r in good)
    hot = [r for r in results if r["status"] == "throttled"]
    assert all(r.get("latency") is None for r in hot)
    assert all("thermal status" in r["problem"] for r in hot)
    (folder,) = (tmp_path / "runs").iterdir()
    records = [
        json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()
    ]
    gated = [r["evidence"]["gate"] for r in records if "gate" in r["evidence"]]
    assert len(gated) == 30
    assert all(gate["is_open"] and gate["waited_seconds"] >= 20 for gate in gated)
    kept = [r for r in records if r["status"] == "throttled"]
    assert all(r["summary"]["n"] > 0 for r in kept)
    serials = {r["evidence"].get("serial") for r in records} - {None}
    assert len(serials) == 3


def test_settings_are_options_and_cores_that_are_not_there_fail_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, results = _bench(
        capsys,
        tmp_path,
        "example:digits.tflite",
        *("--device", "emulated-phone-two-clusters"),
        *("--threads", "1,2", "--cores", "fastest,prime", "--delegates", "none"),
        *("--windows", "1", "--min-runs", "5", "--min-seconds", "0"),
    )
    assert code == 3
    told = {
        (r["setting"]["threads"], r["setting"]["cores"]): r["status"] for r in results
    }
    assert told == {
        (1, "fastest"): "ok",
        (2, "fastest"): "ok",
        (1, "prime"): "broken_setup",
        (2, "prime"): "broken_setup",
    }
    (problem,) = {r["problem"] for r in results if r["status"] != "ok"}
    assert "the phone has no such cores" in problem
    assert "little, big, all, fastest" in problem


def test_a_binary_for_another_processor_ends_the_phone_with_the_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    binary = tmp_path / "benchmark_model"
    binary.write_bytes(b"\x7fELF" + bytes(12) + b"\x02\x00\x3e\x00")
    code, results = _bench(
        capsys,
        tmp_path,
        "example:digits.tflite",
        *("--device", "emulated-phone-32-bit", "--binary", str(binary)),
        *("--windows", "1"),
    )
    assert code == 3
    (result,) = results
    assert "the binary is not for this phone's processor" in str(result["problem"])
    assert "found:   x86_64" in str(result["problem"])
    assert "allowed: armeabi-v7a, armeabi" in str(result["problem"])


def test_a_profile_of_a_phone_without_an_address_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = EXAMPLE.parent / "device_profiles" / "phone-that-vanishes.toml"
    text = source.read_text(encoding="utf-8")
    text = text.replace('kind = "emulated-phone"', 'kind = "phone"')
    text = text.replace('"host_clock"', '"device_clock"').partition("[emulator]")[0]
    (tmp_path / "mine.toml").write_text(text.replace("phone-that-vanishes", "mine"))
    code, results = _bench(
        capsys,
        tmp_path,
        "example:digits.tflite",
        *("--device", str(tmp_path / "mine.toml")),
    )
    assert code in {2, 3}
    problems = [str(r["problem"]) for r in results]
    assert problems
    assert "the profile names no way to the phone" in problems[0]
    assert "link.adb_serial, or link.host" in problems[0]
