"""tune.jsonl: what a power failure or a newer hil leaves in it."""

from __future__ import annotations

import json

import pytest

from hil.bench.tuning.journal import Journal
from hil.bench.tuning.search import Decision, Screening
from hil.bench.tuning.space import PLAIN, Axis, candidate
from hil.errors import ConfigError, RecordingError
from hil.vocab import RunStatus

DECISION = Decision(rung=0, candidate="int8", kept=True, reason="place 1 of 1")
FAILED = Screening(
    candidate=candidate({Axis.RECIPE: "int16x8"}),
    status=RunStatus.UNSUPPORTED_OP,
    problem="no kernel",
    sha256="ab",
    size_bytes=10,
)


def test_a_trial_comes_back_as_it_was(tmp_path):
    def screen(_found, *, samples):
        assert samples == 100
        return FAILED

    ask = Journal(tmp_path).remembered(screen)
    assert ask(FAILED.candidate, samples=100) == FAILED
    assert Journal(tmp_path).screenings == [FAILED]
    (line,) = (tmp_path / "tune.jsonl").read_text().splitlines()
    written = json.loads(line)
    assert written["event"] == "trial"
    assert written["status"] == "unsupported_op"
    assert written["changes"] == {"recipe": "int16x8"}
    assert "loss" not in written


def test_the_same_candidate_on_more_samples_is_another_trial(tmp_path):
    asked = []

    def screen(found, *, samples):
        asked.append(samples)
        return Screening(candidate=found, status=RunStatus.BROKEN_SETUP, problem="x")

    ask = Journal(tmp_path).remembered(screen)
    for samples in (50, 100, 50):
        ask(PLAIN, samples=samples)
    assert asked == [50, 100]


def test_a_cut_last_line_is_taken_back_and_what_follows_is_whole(tmp_path):
    Journal(tmp_path).decide(DECISION)
    file = tmp_path / "tune.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"schema": 1, "ev')
    journal = Journal(tmp_path)
    assert journal.decisions == [DECISION]
    other = Decision(rung=1, candidate="int8", kept=False, reason="r")
    journal.decide(other)
    assert Journal(tmp_path).decisions == [DECISION, other]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{}", "Unable to extract tag"),
        (b"nonsense", "Invalid JSON"),
        (
            json.dumps(
                {
                    "event": "trial",
                    "samples": 1,
                    "variant": "int8",
                    "changes": {},
                    "status": "fine",
                    "n": 1,
                    "outcome": "passed",
                }
            ).encode(),
            "'fine' is not a valid RunStatus",
        ),
    ],
)
def test_damage_is_told_with_its_line(line, message, tmp_path):
    (tmp_path / "tune.jsonl").write_bytes(line + b"\n")
    with pytest.raises(ConfigError, match="the search cannot be read") as caught:
        Journal(tmp_path)
    assert message in caught.value.found
    assert caught.value.where.endswith("tune.jsonl:1")


def test_a_file_of_a_newer_hil_is_refused(tmp_path):
    Journal(tmp_path).decide(DECISION)
    file = tmp_path / "tune.jsonl"
    file.write_text(file.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(ConfigError, match="written by a newer hil"):
        Journal(tmp_path)


def test_a_folder_that_is_gone_is_told(tmp_path):
    journal = Journal(tmp_path / "gone")
    with pytest.raises(RecordingError, match="the search cannot be recorded"):
        journal.decide(DECISION)
