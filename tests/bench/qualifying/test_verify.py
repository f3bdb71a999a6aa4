"""A certificate is issued, and verified offline: each change is found and named."""

from __future__ import annotations

import json
import shutil

import pytest

from hil.bench.qualifying.issue import Issue
from hil.bench.qualifying.judge import judge
from hil.bench.qualifying.limits import DEFAULT_LIMITS, read_limits
from hil.bench.qualifying.observation import (
    DeviceSeen,
    LinkSeen,
    WindowSeen,
    WindowsSeen,
    from_lines,
    to_line,
)
from hil.bench.qualifying.verify import verify
from hil.errors import ConfigError, RecordingError
from hil.profiles import find_profile
from hil.results.certificate import (
    Outcome,
    canonical,
    digest,
    kept,
    to_bytes,
)
from hil.vocab import TargetKind, TimeBasis

SEEN = [
    DeviceSeen(
        kind=TargetKind.MCU,
        engine="compiled",
        board="played",
        build_id="abc",
        time_basis=TimeBasis.CPU_CYCLES,
        tick_hz=84_000_000,
        profile_clock_hz=100_000_000,
        profile_ram_bytes=100,
        profile_flash_bytes=100,
        ram_bytes=89,
        baud=115200,
        evidence={"compiler": "gcc"},
    ),
    LinkSeen(echoes=4, echo_bytes=100, wrong=1, seconds=0.1, trip_seconds=(0.01,)),
    WindowsSeen(
        windows=tuple(
            WindowSeen(seconds=0.1, ticks=(84_000, 84_000 + n)) for n in range(3)
        ),
        short=(WindowSeen(seconds=0.01, ticks=(84_000,)),),
    ),
]


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issued") / "certificate"
    limits, data = read_limits(DEFAULT_LIMITS)
    issue = Issue(folder, limits, data, "own")
    for one in SEEN:
        issue.keep(one)
    issue.close(find_profile("emulated-mcu"), judge(SEEN, limits))
    return folder


@pytest.fixture
def folder(issued, tmp_path):
    return shutil.copytree(issued, tmp_path / "copy")


def findings(folder, **options):
    return verify(folder / "certificate.json", **options).findings


def resign(folder, change):
    """Change the certificate as one would who knows how it is signed."""
    path = folder / "certificate.json"
    document = json.loads(path.read_text())
    signature = document.pop("signature")
    change(document["certificate"])
    signature["sha256"] = digest(canonical(document))
    path.write_bytes(to_bytes({**document, "signature": signature}))


def test_a_certificate_says_what_it_stands_on(folder):
    document = json.loads((folder / "certificate.json").read_text())["certificate"]
    assert document["ids"] == {
        "board": "played",
        "build_id": "abc",
        "engine": "compiled",
        "compiler": "gcc",
    }
    assert document["limits"]["sha256"] == digest(DEFAULT_LIMITS.read_bytes())
    assert document["profile"]["name"] == "emulated-mcu"
    assert "source" not in document["profile"] or not document["profile"]["source"]
    assert document["environment"]["hil"] == document["hil"]
    assert [entry["file"] for entry in document["records"]] == [
        "observations.jsonl",
        "limits.toml",
    ]


def test_verdicts_come_with_value_limit_n_and_basis():
    limits, _ = read_limits(DEFAULT_LIMITS)
    items = {item.name: item for item in judge(SEEN, limits)}
    assert items["clock"].outcome is Outcome.FAILED
    assert items["clock"].figure == (
        "84,000,000 Hz told, 100,000,000 Hz by the profile"
    )
    assert items["memory RAM"].outcome is Outcome.FAILED
    assert items["memory RAM"].figure == "89 B, the profile says 100 B"
    assert items["repeatability"].outcome is Outcome.UNDECIDED
    assert items["repeatability"].figure.endswith("of 3 windows; 5 are needed")
    assert items["thermal stability"].figure == "3 windows; 5 are needed"
    for item in items.values():
        if item.outcome is not Outcome.NOT_MEASURABLE:
            assert item.n
            assert item.basis
            assert item.value is not None


def test_an_unchanged_certificate_has_no_findings(folder):
    found = verify(folder / "certificate.json")
    assert (found.findings, found.notes) == ((), ())
    assert found.outcome is Outcome.FAILED
    assert (found.files, found.device) == (2, "emulated-mcu")
    assert verify(folder) == found


def test_a_folder_without_a_certificate_says_what_is_wanted(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        verify(tmp_path)
    assert caught.value.where == str(tmp_path / "certificate.json")
    assert "certificate.json that hil qualify DEVICE --out" in caught.value.remedy


@pytest.mark.parametrize(
    "name",
    ["observations.jsonl", "limits.toml", "certificate.html", "certificate.json"],
)
def test_a_changed_byte_in_any_file_is_found_and_named(folder, name):
    path = folder / name
    whole = path.read_bytes()
    for place in range(0, len(whole), len(whole) // 23):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(bytes(changed))
        assert any(name in line for line in findings(folder)), place


@pytest.mark.parametrize("name", ["observations.jsonl", "limits.toml"])
def test_a_missing_record_is_named(folder, name):
    (folder / name).unlink()
    assert findings(folder) == (
        f"{name} is missing",
        f"the verdicts cannot be made again without {name}",
    )


def test_a_verdict_that_the_records_do_not_give_is_named_though_it_is_signed(folder):
    def change(body):
        for item in body["items"]:
            if item["name"] == "clock":
                item["outcome"] = "pass"

    resign(folder, change)
    (finding,) = findings(folder)
    assert finding.startswith("clock: certified is pass (84,000,000 Hz told, ")
    assert "the records give fail" in finding


def test_items_left_out_or_made_up_are_named(folder):
    def change(body):
        body["items"][0]["name"] = "made up"

    resign(folder, change)
    assert findings(folder) == (
        "made up: certified, but the records do not give it",
        "link errors: the records give it, not certified",
    )


def test_another_outcome_than_the_items_have_is_named(folder):
    resign(folder, lambda body: body.update(outcome="pass"))
    assert findings(folder) == ("the certificate says pass, its items say fail",)


def test_other_limits_than_the_files_are_named(folder):
    resign(folder, lambda body: body["limits"]["values"]["link"].update(most_errors=9))
    assert findings(folder) == (
        "the limits of the certificate are not those of limits.toml",
    )


def test_records_that_cannot_be_read_are_told(folder):
    lines = b'{"schema": 1, "seen": "rumour"}\n'
    (folder / "observations.jsonl").write_bytes(lines)

    def change(body):
        body["records"][0] |= {
            "sha256": kept("a", lines).sha256,
            "size_bytes": len(lines),
        }

    resign(folder, change)
    (finding,) = findings(folder)
    assert finding.startswith("the verdicts cannot be made again: the record cannot be")
    assert "observations.jsonl:1" in finding


def test_the_page_may_be_missing(folder):
    (folder / "certificate.html").unlink()
    found = verify(folder / "certificate.json")
    assert found.findings == ()
    assert found.notes == (
        "certificate.html is not beside the certificate; it was not checked",
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "the record cannot be read"),
        (b"[]", "the record cannot be read"),
        (b'{"schema": 9, "seen": "device"}', "the record is of another schema"),
        (to_line(SEEN[1]).replace(b'"wrong": 1', b'"wrong": "x"'), "link.wrong: "),
        (to_line(SEEN[1]).replace(b'"wrong"', b'"Wrong"'), "link.wrong: "),
    ],
)
def test_a_damaged_line_is_named(line, told):
    with pytest.raises(ConfigError) as found:
        from_lines([to_line(SEEN[0]), line], where="o.jsonl")
    assert told in str(found.value)
    assert found.value.where == "o.jsonl:2"


def test_records_without_a_device_give_no_verdicts():
    with pytest.raises(ConfigError, match="the records tell of no device"):
        judge(SEEN[1:], read_limits(DEFAULT_LIMITS)[0])


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    limits, data = read_limits(DEFAULT_LIMITS)
    with pytest.raises(RecordingError, match="the certificate cannot be written"):
        Issue(tmp_path / "file" / "below", limits, data, "own")


def test_a_run_that_came_to_nothing_does_not_stand_in_the_way(tmp_path):
    limits, data = read_limits(DEFAULT_LIMITS)
    Issue(tmp_path, limits, data, "own")
    issue = Issue(tmp_path, limits, data, "own")
    issue.keep(SEEN[0])
    with pytest.raises(ConfigError, match="there is a certificate in the folder") as no:
        Issue(tmp_path, limits, data, "own")
    assert no.value.found == "observations.jsonl"
