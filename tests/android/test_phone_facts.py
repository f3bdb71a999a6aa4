"""The dumps of tests/data/phones, each with the facts that must come out of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.android.facts_record import facts_record
from hil.android.facts_script import QUESTIONS
from hil.android.phone_facts import PhoneFacts, read_facts

DUMPS = sorted((Path(__file__).parents[1] / "data" / "phones").glob("*.txt"))
WHOLE = {path.stem: path.read_bytes() for path in DUMPS}


def test_there_are_dumps_of_at_least_six_phones() -> None:
    assert len(DUMPS) >= 6


@pytest.mark.parametrize("path", DUMPS, ids=lambda path: path.stem)
def test_a_dump_has_its_facts(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert facts_record(read_facts(path.read_bytes())) == expected


@settings(max_examples=60)
@given(name=st.sampled_from(sorted(WHOLE)), share=st.floats(min_value=0, max_value=1))
def test_a_cut_dump_tells_less_but_nothing_else(name: str, share: float) -> None:
    whole = facts_record(read_facts(WHOLE[name]))
    cut = facts_record(read_facts(WHOLE[name][: int(len(WHOLE[name]) * share)]))
    untold = (None, [], {})
    others = {key for key in cut if cut[key] != whole[key] and cut[key] not in untold}
    assert others <= {"not_told", "implausible"}


@given(st.binary(max_size=300))
def test_any_bytes_are_read_as_facts(data: bytes) -> None:
    marked = b"hil0123456789abcdef facts 1\n" + data
    marked += b"\nhil0123456789abcdef properties 0\n"
    json.dumps(facts_record(read_facts(marked)))


def test_what_did_not_come_is_named_with_the_reason() -> None:
    facts = read_facts(b"")
    assert facts.identity == PhoneFacts().identity
    assert set(facts.not_told.values()) == {"the answer was cut"}
    bodies = {"thermal": "Can't find service: thermalservice\n", "load": "other\n"}
    answer = b"hil0123456789abcdef facts 1\n"
    for name in QUESTIONS:
        body = bodies.get(name, "")
        answer += f"{body}\nhil0123456789abcdef {name} 2\n".encode()
    told = read_facts(answer).not_told
    assert told["thermal"] == "Can't find service: thermalservice"
    assert told["zones"] == "no answer, status 2"
    assert told["load"] == "an answer that tells it in no known form"
