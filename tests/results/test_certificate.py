"""A certificate: signed, read back, and every changed byte told."""

from __future__ import annotations

import json

import pytest

from hil.errors import ConfigError
from hil.results.certificate import (
    SCHEMA,
    Certificate,
    Item,
    Outcome,
    UsedLimits,
    canonical,
    changed_files,
    digest,
    kept,
    overall,
    read,
    to_bytes,
    to_document,
)
from hil.vocab import TargetKind

PAGE = b"<html>"
RECORDS = b'{"seen": "device"}\n'


def item(outcome=Outcome.PASSED, name="link errors"):
    return Item(
        name=name,
        part="link",
        outcome=outcome,
        figure="0 lost \u00fc",
        limit="0",
        value=0.1,
        unit="echoes",
        n=54,
        basis="echoes",
    )


def certificate(**parts):
    values = {
        "schema": SCHEMA,
        "hil": "0.1.0",
        "device": "played",
        "kind": TargetKind.MCU,
        "issued_utc": "2026-11-21T00:00:00+00:00",
        "outcome": Outcome.PASSED,
        "ids": {"build_id": "abc"},
        "profile": {"name": "played"},
        "environment": {"hil": "0.1.0"},
        "limits": UsedLimits(source="own", sha256="0" * 64, values={"schema": 1}),
        "records": (kept("observations.jsonl", RECORDS),),
        "items": (item(),),
    }
    return Certificate(**{**values, **parts})


def data(**parts):
    return to_bytes(to_document(certificate(**parts), page=PAGE))


def test_what_was_written_is_read():
    found = read(data(), where="c.json")
    assert found.findings == ()
    assert found.certificate == certificate()
    assert found.page_sha256 == digest(PAGE)


def test_the_signature_is_the_sha256_of_the_canonical_bytes():
    document = json.loads(data())
    signature = document.pop("signature")
    assert signature["sha256"] == digest(canonical(document))
    assert canonical({"b": 1.5, "a": "\u00fc"}) == b'{"a":"\\u00fc","b":1.5}'


def test_every_changed_byte_of_the_file_is_found():
    whole = data()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        assert read(bytes(changed), where="c.json").findings, place
    assert read(whole[:-1], where="c.json").findings
    assert read(whole + b"\n", where="c.json").findings


def test_a_blank_more_names_its_line():
    changed = data().replace(b'    "schema"', b'     "schema"', 1)
    (finding,) = read(changed, where="c.json").findings
    assert finding == "c.json was changed: line 3 is not as hil wrote it"


def test_a_missing_signature_is_a_finding():
    document = json.loads(data())
    del document["signature"]
    (finding,) = read(to_bytes(document), where="c.json").findings
    assert finding.endswith("written there is none")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "c.json is no JSON: "),
        (b"\xff", "c.json is no JSON: "),
        (b"[]", "c.json is no certificate of hil"),
        (b'{"certificate": 3}', "c.json: certificate."),
    ],
)
def test_what_is_no_certificate_is_told(content, told):
    found = read(content, where="c.json")
    assert found.certificate is None
    assert found.findings[-1].startswith(told)


def test_a_newer_schema_is_refused_and_no_damage():
    document = to_document(certificate(schema=SCHEMA + 1), page=PAGE)
    with pytest.raises(ConfigError, match="written by a newer hil") as told:
        read(to_bytes(document), where="c.json")
    assert told.value.allowed == f"up to {SCHEMA}"


def test_changed_and_missing_files_are_named():
    files = {"observations.jsonl": RECORDS}
    assert changed_files(certificate(), files.get) == []
    assert changed_files(certificate(), {}.get) == ["observations.jsonl is missing"]
    files["observations.jsonl"] = RECORDS + b"\n"
    (finding,) = changed_files(certificate(), files.get)
    assert finding.startswith("observations.jsonl was changed: its sha256 is ")
    assert finding.endswith(" (20 bytes, certified 19)")


def test_a_file_outside_the_folder_is_not_opened():
    entry = kept("a.jsonl", b"")
    for name in ("../secret", "/etc/passwd", "a/../../b"):
        outside = type(entry)(file=name, sha256=entry.sha256, size_bytes=0)
        (finding,) = changed_files(certificate(records=(outside,)), pytest.fail)
        assert finding == f"{name!r} is no name of a file in the folder"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.PASSED, Outcome.FAILED, Outcome.UNDECIDED], Outcome.FAILED),
        ([Outcome.PASSED, Outcome.UNDECIDED], Outcome.UNDECIDED),
        ([Outcome.PASSED, Outcome.NOT_MEASURABLE], Outcome.PASSED),
        ([Outcome.NOT_MEASURABLE], Outcome.NOT_MEASURABLE),
    ],
)
def test_one_item_that_failed_fails_all(outcomes, expected):
    assert overall(tuple(map(item, outcomes))) is expected
