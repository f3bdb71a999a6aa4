"""Real models behind the text protocol, in the firmware `native`."""

from __future__ import annotations

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.engines.litert import Kernels, LitertEngine
from hil.firmware.build import build, profile_request
from hil.links.process import ProcessLink
from hil.profiles import find_profile
from hil.session.mlperf import MlperfSession

pytestmark = pytest.mark.qemu


def image(model, cache):
    request = profile_request(find_profile("native"), model, variant="as-is")
    return build(request, Deadline(120), cache=cache).elf


@pytest.mark.shared
def test_the_keyword_model_answers_as_the_reference_kernels(shared, need, cache):
    need("native")
    model = shared / "models" / "kws_ref_model.tflite"
    with np.load(shared / "data/kws/kws01.npz", allow_pickle=False) as data:
        samples = data["x"][:40]
    engine = LitertEngine(Kernels.REFERENCE)
    engine.load(model.read_bytes())
    session = MlperfSession(ProcessLink([str(image(model, cache))]))
    deadline = Deadline(60)
    assert session.open(deadline).model == "kws01"
    for sample in samples:
        (expected,) = engine.invoke([sample[None]])
        real = (expected.astype(np.float64).reshape(-1) + 128) / 256
        answered = session.infer(sample.tobytes(), deadline).results
        assert [f"{v:.3f}" for v in answered] == [f"{v:.3f}" for v in real]
    session.close()


def test_a_model_of_no_benchmark_takes_its_tensors_bytes(digits_int8, need, cache):
    need("native")
    session = MlperfSession(ProcessLink([str(image(digits_int8, cache))]))
    deadline = Deadline(60)
    assert session.open(deadline).model == "custom"
    done = session.infer(bytes(64), deadline, n=10, warmup=1)
    assert len(done.results) == 10
    assert done.elapsed_us > 0
    session.close()
