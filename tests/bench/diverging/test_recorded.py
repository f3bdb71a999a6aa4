"""Answers from logs, files and cassettes, and to which inputs they are."""

from __future__ import annotations

import io

import numpy as np
import pytest

from hil.bench.diverging.pairs import hold_together
from hil.bench.diverging.recorded import (
    open_recording,
    read_log,
    read_outputs,
    replay,
)
from hil.bench.diverging.side import HostSide, LayersUnknown
from hil.deadline import Deadline
from hil.errors import ConfigError
from hil.links.cassette import write_cassette
from hil.results.mlperf_cassette import cassette_of
from hil.wire.mlperf_run import MlperfRun, Mode, Runner, Window

LOG = "v05_l4r5zi_tflm_kws_accuracy.txt.gz"


def run_of(outputs, *, n=1, warmup=0, model="kws01"):
    """Return a run that printed *outputs* of the digits with three decimals."""
    windows = tuple(
        Window(
            n=n,
            warmup=warmup,
            seconds=0.1 * n,
            results=tuple(round(float(v), 3) for v in row),
            input_bytes=64,
        )
        for row in outputs
    )
    return MlperfRun(
        runner=Runner.HIL, mode=Mode.ACCURACY, windows=windows, model=model
    )


@pytest.fixture(scope="module")
def tflm(subject):
    return HostSide("tflm", subject)


@pytest.fixture(scope="module")
def real(subject, tflm):
    found = subject.output.quantization
    return (tflm.outputs.astype(np.float64) - found.zero_points[0]) * found.scales[0]


@pytest.fixture
def cassette(real, tmp_path):
    def make(**more):
        path = tmp_path / "device.cassette"
        write_cassette(path, *cassette_of(run_of(real, **more), origin="test"))
        return f"cassette:{path}"

    return make


def test_a_cassette_is_asked_for_its_answer_to_each_input(subject, tflm, cassette):
    side = replay(cassette(), subject, Deadline(60))
    assert side.tolerance == 0
    assert side.engine == "unspecified, printed with 3 decimals"
    np.testing.assert_array_equal(side.outputs, tflm.outputs)


def test_a_cassette_may_end_before_the_inputs_do(subject, tmp_path, real, tflm):
    path = tmp_path / "short"
    write_cassette(path, *cassette_of(run_of(real[:7]), origin="test"))
    side = open_recording(f"cassette:{path}", subject, Deadline(60))
    assert side.rows.tolist() == list(range(7))
    np.testing.assert_array_equal(side.outputs, tflm.outputs[:7])


def test_a_cassette_of_another_model_is_refused(subject, tmp_path, real):
    path = tmp_path / "other"
    write_cassette(path, *cassette_of(run_of(real[:2, :5]), origin="test"))
    with pytest.raises(ConfigError, match="the recorded device runs another model"):
        replay(f"cassette:{path}", subject, Deadline(60))


def test_a_device_that_takes_floats_cannot_be_asked(subject, cassette):
    with pytest.raises(ConfigError, match="this device takes floats"):
        replay(cassette(model="ad01"), subject, Deadline(60))


def test_images_are_sent_as_pixels(subject, tmp_path, real, tflm):
    pixels = [(row.astype(np.int16) + 128).astype(np.uint8) for row in subject.samples]
    run = run_of(real, model="ic01")
    sent = [row.tobytes() for row in pixels]
    path = tmp_path / "images"
    write_cassette(path, *cassette_of(run, origin="test", inputs=sent))
    side = replay(f"cassette:{path}", subject, Deadline(60))
    np.testing.assert_array_equal(side.outputs, tflm.outputs)


def test_a_recording_gives_out_no_layers(subject, cassette):
    side = replay(cassette(), subject, Deadline(60))
    with pytest.raises(LayersUnknown, match="is a recording of answers alone"):
        side.layer(0, 0, Deadline(1))


def test_a_file_that_is_not_there_is_named(subject):
    with pytest.raises(ConfigError, match=r"cannot be read(.|\n)*no-such-file"):
        open_recording("cassette:no-such-file", subject, Deadline(1))


@pytest.mark.shared
def test_the_log_of_the_reference_board_is_tflite_micro_bit_for_bit(
    shared, kws, engines
):
    log = read_log(shared / "data" / "mlperf_logs" / LOG, kws)
    side = log.side
    assert (len(side.rows), side.tolerance) == (1000, 0)
    np.testing.assert_array_equal(side.outputs, engines[-1].outputs)


@pytest.mark.shared
def test_the_reference_board_replays_as_a_device(shared, kws, tmp_path):
    log = read_log(shared / "data" / "mlperf_logs" / LOG, kws)
    path = tmp_path / "l4r5zi.cassette.gz"
    sent = [row.tobytes() for row in kws.samples[:100]]
    run = MlperfRun(
        runner=log.run.runner,
        mode=log.run.mode,
        windows=log.run.windows[:100],
        model=log.run.model,
    )
    write_cassette(path, *cassette_of(run, origin="log", inputs=sent))
    side = open_recording(f"cassette:{path}", kws, Deadline(60))
    np.testing.assert_array_equal(side.outputs, log.side.outputs[:100])


@pytest.mark.shared
def test_files_of_a_performance_run_are_found_by_their_names(shared, kws):
    path = shared / "data" / "mlperf_logs" / "v13_l4r5zip_xcubeai_kws_performance.txt"
    assert read_log(path, kws).side.rows.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.shared
def test_a_log_of_other_inputs_says_so(shared, kws):
    path = shared / "data" / "mlperf_logs" / "v13_u385rg_ic_accuracy.txt"
    found = read_log(path, kws)
    assert found.side is None
    assert found.why_not == "none of the log's 200 inputs is known in kws01.npz"
    with pytest.raises(ConfigError, match="answers belong to other inputs"):
        open_recording(f"cassette:{path}", kws, Deadline(1))


@pytest.mark.shared
def test_a_stream_has_no_single_inputs(shared, kws):
    path = shared / "data" / "mlperf_logs" / "v13_u385rg_sww_performance_echo.txt"
    assert read_log(path, kws).why_not == "a stream has no single inputs"


def test_answers_in_an_npz_are_taken_in_the_models_type_or_as_real_values(
    subject, tflm, real, tmp_path
):
    np.savez(tmp_path / "q.npz", outputs=tflm.outputs, other=np.zeros(3))
    np.savez(tmp_path / "f.npz", answers=real.astype(np.float32))
    for name in ("q.npz", "f.npz"):
        side = read_outputs(tmp_path / name, subject)
        assert side.name == str(tmp_path / name)
        np.testing.assert_array_equal(side.outputs, tflm.outputs)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros((3, 10)), "b": np.zeros(3)}, "which array the answers are"),
        ({"a": np.zeros((3, 4), np.int8)}, "the shape of the model's output"),
        ({"a": np.int8(3)}, "the shape of the model's output"),
        ({"a": np.zeros((3, 10), np.int32)}, "the type of the model's output"),
    ],
)
def test_an_npz_of_something_else_is_refused(subject, tmp_path, arrays, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(ConfigError, match=message):
        read_outputs(tmp_path / "x.npz", subject)


def _single_array():
    file = io.BytesIO()
    np.save(file, np.zeros((3, 10), np.int8))
    return file.getvalue()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_answers_without_fractions_are_not_those_of_every_engine(
    subject, tflm, tmp_path, value
):
    np.savez(tmp_path / "x.npz", np.full((3, 10), value, np.float32))
    side = read_outputs(tmp_path / "x.npz", subject)
    (pair,) = hold_together(subject, (side, tflm), Deadline(60), layer_rows=0)
    assert len(pair.differing) == 3


@pytest.mark.parametrize("data", [b"PK\x03\x04 not a zip", b"", _single_array()])
def test_a_file_that_is_no_npz_is_refused(subject, tmp_path, data):
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(ConfigError, match="the answers cannot be read"):
        read_outputs(tmp_path / "x.npz", subject)
