"""The front of a device, from records and scores that are made up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hil.accuracy.gate import Gate
from hil.accuracy.metrics import find_metric
from hil.accuracy.sample_scores import SampleScores
from hil.bench.tuning.outcome import conclude, last_attempts
from hil.bench.tuning.plot import draw
from hil.bench.tuning.settings import Objective, read_settings, settings_document
from hil.results.scores import StoredScores
from hil.vocab import RunRecord, RunStatus, TargetKind, TimeBasis, Timing

N = 1000


@pytest.fixture
def settings(digits, tmp_path):
    def make(*, accept_undecidable=False, objectives=(), device="emulated-mcu"):
        text = settings_document(
            model=digits / "digits.tflite",
            dataset=digits / "digits_test.npz",
            calibration=digits / "digits_calibration.npz",
            pixels=None,
            metric="top1",
            devices=[device],
            measure={},
            gate=Gate(most_drop=0.01),
            accept_undecidable=accept_undecidable,
            objectives=objectives,
            trials=9,
            finalists=4,
            seed=0,
        )
        return read_settings(text, where="plan.toml", folder=tmp_path)

    return make


def record(variant, *, window=0, ticks=(100, 101), size=1000, **more):
    values = {
        "schema": 1,
        "run": "r",
        "job_id": f"digits.{variant}.emulated-mcu.{window}",
        "model": "digits",
        "variant": variant,
        "device": "emulated-mcu",
        "kind": TargetKind.EMULATED_MCU,
        "window": window,
        "status": RunStatus.OK,
        "started_utc": "2026-01-01T00:00:00.000+00:00",
        "seconds": 1.0,
        "model_sha256": variant,
        "size_bytes": size,
        "time_basis": TimeBasis.HOST_CLOCK,
        "engine": "tflm",
        "timing": Timing(
            basis=TimeBasis.HOST_CLOCK, tick_hz=1_000_000, invoke_ticks=ticks
        ),
        "memory": {"arena_bytes": 8000},
    }
    return RunRecord(**(values | more))


def windows(variant, *medians, **more):
    """One record for each window, with the median that it has."""
    return [
        record(variant, window=number, ticks=(median,), **more)
        for number, median in enumerate(medians)
    ]


def scores(variant, lost=0, *, n=N, device="emulated-mcu"):
    """Scores of a variant that is wrong in the first *lost* samples."""
    hits = np.ones(n, np.bool_)
    hits[:lost] = False
    return StoredScores(
        model="digits",
        variant=variant,
        device=device,
        engine="tflm",
        scores=SampleScores(metric=find_metric("top1"), n=n, hits=hits),
    )


FLOAT = scores("as-is", device=None)


def names(rows):
    return [row.result.variant for row in rows]


def row_of(standing, variant):
    (row,) = [row for row in standing.rows if row.result.variant == variant]
    return row


def test_a_smaller_file_that_loses_nothing_is_the_front(settings):
    records = [record("int8"), record("int8+slim", size=900)]
    (found,) = conclude(
        settings(), records, [FLOAT, scores("int8"), scores("int8+slim")]
    )
    assert names(found.front) == ["int8+slim"]
    assert found.winner == "int8+slim"
    assert row_of(found, "int8+slim").beats_plain
    assert not row_of(found, "int8").beats_plain


def test_a_trade_keeps_both_on_the_front_and_the_first_objective_picks(settings):
    records = [*windows("int8", 100, 101, 102, 103)]
    records += windows("small", 300, 301, 302, 303, size=900)
    stored = [FLOAT, scores("int8"), scores("small")]
    (by_time,) = conclude(settings(objectives=["latency", "flash"]), records, stored)
    assert sorted(names(by_time.front)) == ["int8", "small"]
    assert by_time.winner == "int8"
    (by_size,) = conclude(settings(objectives=["flash", "latency"]), records, stored)
    assert by_size.winner == "small"
    assert not row_of(by_size, "small").beats_plain


def test_a_difference_of_latency_that_not_every_window_shows_is_none(settings):
    records = [
        *windows("int8", 100, 120, 120, 121),
        *windows("b+slim", 95, 95, 96, 110),
    ]
    (found,) = conclude(settings(), records, [FLOAT, scores("int8"), scores("b+slim")])
    # Nothing tells the two apart, so the one with fewer changes stands.
    assert names(found.front) == ["int8"]


@pytest.mark.parametrize(("count", "winner"), [(3, "b+slim"), (4, "int8")])
def test_too_few_windows_of_the_hosts_clock_tell_nothing_apart(count, winner, settings):
    records = windows("int8", *range(100, 100 + count))
    records += windows("b+slim", *range(200, 200 + count), size=900)
    stored = [FLOAT, scores("int8"), scores("b+slim")]
    (found,) = conclude(settings(), records, stored)
    assert found.winner == winner


def test_instructions_that_differ_by_what_inputs_do_are_the_same(settings):
    counted = {
        "time_basis": TimeBasis.EMULATED_INSTRUCTIONS,
        "kind": TargetKind.QEMU,
        "device": "qemu-mps2-an386",
    }

    def counts(variant, ticks, size):
        basis = TimeBasis.EMULATED_INSTRUCTIONS
        timing = Timing(basis=basis, tick_hz=None, invoke_ticks=(ticks,))
        return record(variant, size=size, timing=timing, **counted)

    records = [
        counts("int8", 10_201_537, 100),
        counts("small", 10_201_542, 90),
        counts("slow", 10_301_542, 90),
    ]
    stored = [FLOAT]
    stored += [scores(r.variant, device="qemu-mps2-an386") for r in records]
    (found,) = conclude(settings(device="qemu-mps2-an386"), records, stored)
    assert names(found.front) == ["small"]
    assert row_of(found, "small").beats_plain
    assert not row_of(found, "slow").beats_plain


def test_a_broken_gate_keeps_a_variant_off_the_front(settings):
    records = [record("int8"), record("tiny", size=10)]
    stored = [FLOAT, scores("int8"), scores("tiny", lost=30)]
    (found,) = conclude(settings(), records, stored)
    assert names(found.front) == ["int8"]
    assert row_of(found, "tiny").refused == "loses more than the gate allows"


def test_too_few_samples_keep_it_off_too_unless_that_is_accepted(settings):
    records = [record("int8"), record("tiny", size=10)]
    stored = [scores("as-is", device=None, n=100)]
    stored += [scores("int8", n=100), scores("tiny", lost=1, n=100)]
    (found,) = conclude(settings(), records, stored)
    assert found.winner is None
    assert row_of(found, "tiny").refused == "the gate is undecidable with 100 samples"
    (found,) = conclude(settings(accept_undecidable=True), records, stored)
    assert found.winner == "tiny"
    assert sorted(names(found.front)) == ["int8", "tiny"]


def test_what_is_shown_less_accurate_than_plain_int8_is_off_the_front(settings):
    # Float is wrong where the variant is: the gate sees no loss, plain int8 does.
    records = [record("int8"), record("tiny", size=10)]
    stored = [scores("as-is", 9, device=None), scores("int8"), scores("tiny", lost=9)]
    (found,) = conclude(settings(), records, stored)
    assert row_of(found, "tiny").refused == "less accurate than plain int8"
    assert row_of(found, "tiny").versus_plain.p_holm < 0.05


def test_a_failure_is_a_row_with_its_reason(settings):
    failed = record(
        "float",
        status=RunStatus.DOES_NOT_FIT,
        problem="arena: 1 byte missing",
        timing=None,
        memory={},
    )
    (found,) = conclude(settings(), [record("int8"), failed], [FLOAT, scores("int8")])
    assert row_of(found, "float").refused == "arena: 1 byte missing"
    assert names(found.front) == ["int8"]


def test_an_objective_that_not_every_variant_has_a_figure_of_is_left_out(settings):
    records = [record("int8"), record("b", memory={})]
    (found,) = conclude(settings(), records, [FLOAT, scores("int8"), scores("b")])
    assert [o.value for o in found.objectives] == ["latency", "flash"]


def test_flash_is_that_of_the_image_where_there_is_one(settings):
    memory = {"flash_bytes": 70_000, "arena_bytes": 8000}
    (found,) = conclude(
        settings(objectives=["flash"]),
        [record("int8", memory=memory)],
        [FLOAT, scores("int8")],
    )
    (figure,) = found.rows[0].figures.values()
    assert figure.value == 70_000


def test_only_the_last_attempt_of_a_variant_counts():
    cut = [record("a", ticks=(1,)), record("a", window=1, ticks=(2,))]
    again = [record("a", ticks=(3,)), record("a", window=1, ticks=(4,))]
    other = [record("b")]
    assert last_attempts([*cut, *other, *again]) == [*again, *other]


def test_a_picture_shows_every_variant_by_name_and_is_the_same_each_time(settings):
    records = [record("int8"), record("int8+slim", size=900), record("x<&>$a$", size=5)]
    stored = [FLOAT, scores("int8"), scores("int8+slim"), scores("x<&>$a$", 30)]
    (found,) = conclude(settings(), records, stored)
    first, second = (draw(found, title="digits") for _ in range(2))
    assert first["svg"] == second["svg"]
    text = first["svg"].decode()
    assert "int8+slim</text>" in text
    assert "x&lt;&amp;&gt;$a$</text>" in text
    assert "median latency, us (host clock)" in text
    assert first["png"].startswith(b"\x89PNG")


def test_times_that_are_not_known_apart_are_drawn_without_an_interval(settings):
    records = [record("int8"), record("b", size=900)]
    (found,) = conclude(settings(), records, [FLOAT, scores("int8"), scores("b")])
    assert row_of(found, "b").figures[Objective.LATENCY].high == math.inf
    assert "inf" not in draw(found, title="digits")["svg"].decode()


def test_there_is_no_picture_of_nothing(settings):
    failed = record("int8", status=RunStatus.CRASHED, problem="it died")
    (found,) = conclude(settings(), [failed], [FLOAT])
    assert draw(found, title="digits") == {}
    assert found.winner is None
