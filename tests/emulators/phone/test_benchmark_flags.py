from __future__ import annotations

import pytest

from hil.emulators.phone.benchmark_flags import parse, usage


def test_flags_are_read_by_their_types() -> None:
    settings = parse(
        ["--graph=m.tflite", "--num_runs=3", "--min_secs=0", "--use_gpu", "--dry_run=1"]
    )
    assert settings.text("graph") == "m.tflite"
    assert settings.whole("num_runs") == 3
    assert settings.seconds("min_secs") == 0.0
    assert settings.flag("use_gpu")
    assert settings.flag("dry_run")
    assert not settings.flag("help")


def test_what_is_not_known_or_not_honoured_stays_unconsumed() -> None:
    words = [
        "--foo=1",
        "word",
        "-use_gpu=true",
        "--enable_op_profiling=true",
        "--graph",
    ]
    assert parse(words).unconsumed == words


@pytest.mark.parametrize(
    "word",
    [
        "--num_runs=x",
        "--num_runs=99999999999",
        "--min_secs=1e400",
        "--use_gpu=maybe",
        "--num_runs=",
    ],
)
def test_a_value_of_another_type_is_broken(word: str) -> None:
    assert parse([word]).broken == [word[2:].split("=", 1)[0]]


def test_only_what_was_given_is_logged_unless_asked_for() -> None:
    assert parse(["--num_threads=2"]).logged() == [
        "Log parameter values verbosely: [0]",
        "Num threads: [2]",
        "Graph: []",
        "Signature to run: []",
    ]
    assert (
        "Min warmup runs duration (seconds): [0.5]"
        in parse(["--verbose=true"]).logged()
    )


def test_the_usage_names_every_flag_with_its_default() -> None:
    assert "\t--num_runs=50\tint32\toptional" in usage("benchmark_model").splitlines()
