from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.errors import (
    BrokenSetup,
    DeviceCrashed,
    FirmwareFault,
    LinkClosed,
    ModelError,
    TargetError,
    UnsupportedOp,
)
from hil.links.adb_output import ShellResult
from hil.models.facts import artifact
from hil.profiles import find_profile
from hil.targets.phone import BINARY, PhoneTarget
from hil.vocab import Job, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hil.vocab import Deadline as DeadlineLike

GETPROP = b"[ro.product.model]: [Fake]\n[ro.product.cpu.abi]: [arm64-v8a]\n"
REPORT = """\
INFO: STARTING!
INFO: Initialized session in 1.5ms.
INFO: Running benchmark for at least 1 iterations and at least 0 seconds but terminate \
if exceeding 150 seconds.
INFO: count=1 curr=40

INFO: Running benchmark for at least 5 iterations and at least 0 seconds but terminate \
if exceeding 150 seconds.
INFO: count=5 first=30 curr=32 min=29 max=33 avg=31 std=1 p5=29 median=31 p95=33

INFO: Inference timings in us: Init: 1500, First inference: 40, Warmup (avg): 40, \
Inference (avg): 31
INFO: Memory footprint delta from the start of the tool (MB): init=1.5 overall=2.5
INFO: Overall peak memory footprint (MB) via periodic monitoring: 12.5
"""


class FakePhone:
    """A phone of files and one program; answers what PhoneTarget asks."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {BINARY: b"ELF"}
        self.runs: list[list[str]] = []
        self.pushed: list[str] = []
        self.closed = False
        self.program: Callable[[list[str]], tuple[int, str, str]] = self.answer

    def open(self, deadline: DeadlineLike) -> None:
        assert not deadline.expired

    def close(self) -> None:
        self.closed = True

    def stat(self, remote: str, deadline: DeadlineLike) -> int | None:
        del deadline
        return len(self.files[remote]) if remote in self.files else None

    def pull(self, remote: str, deadline: DeadlineLike) -> bytes:
        del deadline
        if remote not in self.files:
            raise TargetError("the phone refused the file", where=remote)
        return self.files[remote]

    def push(
        self, local: bytes, remote: str, *, deadline: DeadlineLike, mode: int = 0o644
    ) -> None:
        del deadline, mode
        self.pushed.append(remote)
        self.files[remote] = local

    def shell(
        self, command: str | Sequence[str], deadline: DeadlineLike
    ) -> ShellResult:
        assert not deadline.expired
        script = command if isinstance(command, str) else shlex.join(command)
        code, out, err = self._run(script)
        return ShellResult(
            exit_code=code, stdout=out.encode(), stderr=err.encode(), pid=77
        )

    def answer(self, argv: list[str]) -> tuple[int, str, str]:
        """Answer ten floats: the sum of the input, then zeros."""
        flags = dict(word.split("=", 1) for word in argv[1:])
        path = flags["--input_layer_value_files"].rpartition(":")[2]
        total = np.frombuffer(self.files[path], dtype=np.float32).sum()
        answer = np.array([total] + [0] * 9, dtype=np.float32)
        self.files[flags["--output_filepath"]] = answer.tobytes()
        return 0, REPORT, ""

    def _run(self, script: str) -> tuple[int, str, str]:
        words = shlex.split(script)
        if script == "getprop":
            return 0, GETPROP.decode(), ""
        if words[0] == "[":
            digest = hashlib.sha256(self.files.get(BINARY, b"")).hexdigest()
            return (
                (0, f"{digest}  {BINARY}\n", "")
                if BINARY in self.files
                else (1, "", "")
            )
        if words[0] in {"sha256sum", "cat"}:
            data = b"".join(self.files[name] for name in self._matching(words[1]))
            return 0, f"{hashlib.sha256(data).hexdigest()}  -\n", ""
        if words[0] == BINARY:
            self.runs.append(words)
            return self.program(words)
        if words[:2] == ["rm", "-f"] and "for" in words:
            return self._loop(script)
        if words[0] == "rm":
            for name in [n for n in self.files if n.startswith(words[-1])]:
                del self.files[name]
        return 0, "", ""

    def _loop(self, script: str) -> tuple[int, str, str]:
        answers, pattern = re.search(r"rm -f (\S+);.* in (\S+);", script).groups()
        one = shlex.split(script[script.index(BINARY) : script.index('"$f"')])
        self.files[answers] = b""
        for name in self._matching(pattern):
            path = f"{answers}.one"
            argv = [*one[:-1], one[-1] + name, f"--output_filepath={path}"]
            self.files.pop(path, None)
            self.runs.append(argv)
            code, out, err = self.program(argv)
            self.files[re.search(r"> (\S+) 2>&1", script)[1]] = (out + err).encode()
            if code != 0 or path not in self.files:
                return 1, f"{code} {name}\n", ""
            self.files[answers] += self.files[path]
        return 0, "", ""

    def _matching(self, pattern: str) -> list[str]:
        prefix = pattern.removesuffix("*")
        return sorted(n for n in self.files if n == pattern or n.startswith(prefix))


@pytest.fixture
def job(digits: Path) -> Job:
    return Job(
        id="j",
        model=artifact(digits / "digits.tflite"),
        device=find_profile("emulated-phone"),
        window=0,
        warmup=1,
        min_runs=5,
        min_seconds=0.0,
        probe=np.full((1, 8, 8, 1), 2, dtype=np.float32),
    )


@pytest.fixture
def phone() -> FakePhone:
    return FakePhone()


@pytest.fixture
def target(phone: FakePhone) -> PhoneTarget:
    target = PhoneTarget(find_profile("emulated-phone"), phone)
    target.open(Deadline(60))
    return target


def _flags(argv: list[str]) -> dict[str, str]:
    return dict(word.removeprefix("--").split("=", 1) for word in argv[1:])


def test_a_window_has_times_memory_and_the_answer_of_its_probe(
    target: PhoneTarget, job: Job
) -> None:
    measured = target.measure(job, Deadline(60))
    assert measured.engine == "benchmark_model"
    assert measured.timing is None
    assert measured.summary is not None
    summary = measured.summary
    assert (summary.basis, summary.n) == (TimeBasis.HOST_CLOCK, 5)
    assert (summary.first_us, summary.min_us, summary.max_us) == (30, 29, 33)
    assert (summary.avg_us, summary.std_us) == (31, 1)
    assert (summary.p5_us, summary.median_us, summary.p95_us) == (29, 31, 33)
    assert measured.memory == {"peak_rss_bytes": 13_107_200}
    assert measured.outputs is None
    assert measured.probe_output is not None
    assert measured.probe_output.dtype == np.float32
    assert measured.probe_output.tolist() == [[128.0] + [0.0] * 9]


def test_the_tool_is_told_the_input_by_its_name_with_the_colon_doubled(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    target.measure(job, Deadline(60))
    (argv,) = phone.runs
    flags = _flags(argv)
    assert flags["input_layer"] == "serving_default_image:0"
    assert flags["input_layer_shape"] == "1,8,8,1"
    assert flags["input_layer_value_files"].startswith(
        "serving_default_image::0:/data/"
    )
    assert (flags["num_runs"], flags["warmup_runs"]) == ("5", "1")
    assert phone.files[flags["graph"]] == job.model.path.read_bytes()


def test_the_time_limit_of_each_phase_comes_from_the_deadline(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    target.measure(job, Deadline(60))
    assert 25 < float(_flags(phone.runs[0])["max_secs"]) < 27
    target.measure(job, Deadline(4000))
    assert _flags(phone.runs[1])["max_secs"] == "150"


def test_every_sample_gets_its_own_answer_in_order(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    samples = np.arange(12, dtype=np.float32).repeat(64).reshape(12, 8, 8, 1)
    measured = target.measure(replace(job, samples=samples), Deadline(60))
    assert measured.outputs is not None
    assert measured.outputs.shape == (12, 10)
    assert measured.outputs[:, 0].tolist() == [64.0 * i for i in range(12)]
    assert len(phone.runs) == 13
    assert _flags(phone.runs[1])["num_runs"] == "1"
    assert _flags(phone.runs[1])["warmup_runs"] == "0"


def test_what_is_on_the_phone_is_not_pushed_again(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    samples = np.ones((3, 8, 8, 1), dtype=np.float32)
    target.measure(replace(job, samples=samples), Deadline(60))
    assert len(phone.pushed) == 5  # model, probe and three samples
    target.measure(replace(job, samples=samples), Deadline(60))
    assert len(phone.pushed) == 5
    for name in [n for n in phone.files if n.endswith(phone.pushed[0][-8:])]:
        phone.files[name] = b"cut"
    target.measure(job, Deadline(60))
    assert len(phone.pushed) == 6


def test_the_evidence_names_the_phone_the_binary_and_the_command(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    evidence = target.measure(job, Deadline(60)).evidence
    assert evidence["phone"] == {
        "model": "Fake",
        "abi": "arm64-v8a",
        "is_emulator": False,
    }
    assert evidence["binary_sha256"] == hashlib.sha256(b"ELF").hexdigest()
    assert evidence["argv"] == phone.runs[0]
    assert (evidence["stdout"], evidence["pid"]) == (REPORT, 77)


def test_the_raw_text_that_is_kept_is_bounded_and_shows_control_characters(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    phone.program = lambda argv: (*phone.answer(argv)[:2], "\x1b" + "x\n" * 90_000)
    stderr = target.measure(job, Deadline(60)).evidence["stderr"]
    assert isinstance(stderr, str)
    assert len(stderr) == 32 * 1024
    phone.program = lambda argv: (*phone.answer(argv)[:2], "\x1b[2J\n")
    assert target.measure(job, Deadline(60)).evidence["stderr"] == "\\x1b[2J\n"


def test_closing_removes_exactly_our_folder(
    target: PhoneTarget, phone: FakePhone
) -> None:
    assert target.profile.name == "emulated-phone"
    other = "/data/local/tmp/hil/another/file"
    phone.files[other] = b"not ours"
    target.close()
    target.close()
    assert phone.closed
    assert set(phone.files) == {BINARY, other}


def test_a_folder_that_cannot_be_removed_does_not_stop_the_closing(
    target: PhoneTarget, phone: FakePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> ShellResult:
        raise LinkClosed("the connection to the phone is gone")

    monkeypatch.setattr(phone, "shell", gone)
    target.close()
    assert phone.closed


def test_a_phone_without_the_binary_says_where_to_get_it(phone: FakePhone) -> None:
    del phone.files[BINARY]
    with pytest.raises(BrokenSetup, match="has no benchmark_model") as caught:
        PhoneTarget(find_profile("emulated-phone"), phone).open(Deadline(60))
    remedy = str(caught.value.remedy)
    assert "get android_aarch64_benchmark_model from https://" in remedy
    assert f"chmod 755 {BINARY}" in remedy


def test_a_flag_that_the_binary_does_not_know_is_an_error(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    warning = "WARN: Unconsumed cmdline flags: --output_filepath\n"
    phone.program = lambda argv: (*phone.answer(argv)[:2], warning)
    with pytest.raises(FirmwareFault, match="does not know a flag") as caught:
        target.measure(job, Deadline(60))
    assert caught.value.found == "--output_filepath"


@pytest.mark.parametrize(
    ("code", "stderr", "kind"),
    [
        (1, "ERROR: Encountered unresolved custom op: Foo.\n", UnsupportedOp),
        (1, "ERROR: Failed to load model\n", FirmwareFault),
        (134, "Aborted \n", DeviceCrashed),
    ],
)
@pytest.mark.parametrize("in_samples", [False, True])
def test_a_failed_run_is_an_error_with_the_last_lines(
    target: PhoneTarget,
    phone: FakePhone,
    job: Job,
    *,
    code: int,
    stderr: str,
    kind: type[TargetError],
    in_samples: bool,
) -> None:
    def fails(argv: list[str]) -> tuple[int, str, str]:
        third = _flags(argv)["input_layer_value_files"].endswith("/000002")
        return (code, "", stderr) if third or not in_samples else phone.answer(argv)

    phone.program = fails
    samples = np.ones((5, 8, 8, 1), dtype=np.float32)
    with pytest.raises(kind) as caught:
        target.measure(replace(job, samples=samples), Deadline(60))
    assert caught.value.found == stderr.strip()
    where = "digits (as-is) on emulated-phone"
    assert caught.value.where == (f"sample 2 of {where}" if in_samples else where)


def test_a_sample_without_an_answer_is_an_error(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    def mute(argv: list[str]) -> tuple[int, str, str]:
        if (
            "--warmup_min_secs=0" in argv
            and "--min_secs=0" in argv
            and len(phone.runs) > 2
        ):
            return 0, "INFO: no output\n", ""
        return phone.answer(argv)

    phone.program = mute
    samples = np.ones((5, 8, 8, 1), dtype=np.float32)
    with pytest.raises(FirmwareFault, match="no answer for a sample") as caught:
        target.measure(replace(job, samples=samples), Deadline(60))
    assert caught.value.where == "sample 1 of digits (as-is) on emulated-phone"
    assert caught.value.found == "INFO: no output"


def test_an_answer_of_the_wrong_size_is_refused(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    def short(argv: list[str]) -> tuple[int, str, str]:
        said = phone.answer(argv)
        phone.files[_flags(argv)["output_filepath"]] = bytes(39)
        return said

    phone.program = short
    with pytest.raises(FirmwareFault, match="the wrong size") as caught:
        target.measure(job, Deadline(60))
    assert (caught.value.found, caught.value.allowed) == (
        "39 bytes",
        "40 bytes for 1 runs",
    )


def test_an_old_answer_does_not_stand_for_a_new_one(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    target.measure(job, Deadline(60))
    phone.program = lambda _: (0, REPORT, "")
    with pytest.raises(TargetError, match="refused the file"):
        target.measure(job, Deadline(60))


def test_figures_that_contradict_each_other_are_no_measurement(
    target: PhoneTarget, phone: FakePhone, job: Job
) -> None:
    wrong = REPORT.replace("avg=31", "avg=30")
    phone.program = lambda argv: (phone.answer(argv)[0], wrong, "")
    with pytest.raises(FirmwareFault, match="contradict"):
        target.measure(job, Deadline(60))


def test_a_file_that_the_phone_changed_is_noticed(
    target: PhoneTarget, phone: FakePhone, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flip(local: bytes, remote: str, **_: object) -> None:
        phone.files[remote] = local[:-1] + b"?"

    monkeypatch.setattr(phone, "push", flip)
    with pytest.raises(TargetError, match="is not what was pushed"):
        target.measure(job, Deadline(60))

    def cut(local: bytes, remote: str, **_: object) -> None:
        phone.files[remote] = local[:-1]

    monkeypatch.setattr(phone, "push", cut)
    with pytest.raises(TargetError, match="did not keep the whole file"):
        target.measure(job, Deadline(60))


def test_what_is_no_model_is_refused_before_anything_is_pushed(
    target: PhoneTarget, phone: FakePhone, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "bad.tflite").write_bytes(b"no model at all")
    bad = replace(job, model=replace(job.model, path=tmp_path / "bad.tflite"))
    with pytest.raises(ModelError):
        target.measure(bad, Deadline(60))
    assert phone.pushed == []
