"""The phone target over a real shell: what is asked, what is recorded, what is refused.

Nothing of Android is here; that is the emulated phone's part (test_phone_emulated.py).
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hil.deadline import Deadline
from hil.errors import (
    BrokenSetup,
    ConfigError,
    DeviceCrashed,
    FirmwareFault,
    LinkClosed,
    ModelError,
    TargetError,
    UnsupportedOp,
)
from hil.profiles import find_profile
from hil.targets.phone import PhoneTarget
from hil.targets.phone_binary import BINARY
from hil.tools import Child
from hil.vocab import Job, Setting, TimeBasis

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import ShellPhone

    MakeTarget = Callable[..., PhoneTarget]


@pytest.fixture
def target(make_target: MakeTarget) -> PhoneTarget:
    target = make_target()
    target.open(Deadline(60))
    return target


def _flags(argv: list[str]) -> dict[str, str]:
    return dict(word.removeprefix("--").split("=", 1) for word in argv)


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
    assert measured.memory["tool_peak_bytes"] == 13_107_200
    assert measured.outputs is None
    assert measured.probe_output is not None
    assert measured.probe_output.dtype == np.float32
    assert measured.probe_output.tolist() == [[128.0] + [0.0] * 9]


def test_the_peak_memory_is_what_the_kernel_says_while_the_program_runs(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    small = "monitoring: 0.5"
    report = phone._play["report"]
    assert isinstance(report, str)
    phone.play(looks=2, report=report.replace("monitoring: 12.5", small))
    memory = target.measure(job, Deadline(60)).memory
    assert memory["tool_peak_bytes"] == 524_288
    assert 1 << 20 < memory["peak_rss_bytes"] < 1 << 28  # a small Python's


def test_the_tool_is_told_the_input_by_its_name_with_the_colon_doubled(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    target.measure(job, Deadline(60))
    (argv,) = phone.runs
    flags = _flags(argv)
    assert flags["input_layer"] == "serving_default_image:0"
    assert flags["input_layer_shape"] == "1,8,8,1"
    assert flags["input_layer_value_files"].startswith("serving_default_image::0:/")
    assert (flags["num_runs"], flags["warmup_runs"]) == ("5", "1")
    assert "use_xnnpack" not in flags


def test_the_time_limit_of_each_phase_comes_from_the_deadline(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    target.measure(job, Deadline(60))
    assert 25 < float(_flags(phone.runs[0])["max_secs"]) < 27
    target.measure(job, Deadline(4000))
    assert _flags(phone.runs[1])["max_secs"] == "150"
    target.measure(replace(job, min_seconds=200), Deadline(4000))
    assert _flags(phone.runs[2])["max_secs"] == "200"


@pytest.mark.parametrize(
    ("asked", "seconds", "short"),
    [
        ({"min_runs": 5}, 60, None),
        ({"min_runs": 6}, 4000, "5 runs in 150 s, of at least 6 runs and 0 s"),
        (
            {"min_seconds": 40},
            60,
            r"5 runs in [12]\d(\.\d)? s, of at least 5 runs and 40 s",
        ),
    ],
)
def test_a_window_that_its_time_limit_ended_says_what_was_not_done(
    target: PhoneTarget, job: Job, asked: dict[str, int], seconds: int, short: str
) -> None:
    job = replace(job, **asked)
    window = target.measure(job, Deadline(seconds)).evidence["window"]
    assert isinstance(window, dict)
    if short is None:
        assert window["short"] is None
    else:
        assert re.fullmatch(short, window["short"])


def test_every_sample_gets_its_own_answer_in_order_by_two_scripts(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    samples = np.arange(12, dtype=np.float32).repeat(64).reshape(12, 8, 8, 1)
    measured = target.measure(replace(job, samples=samples), Deadline(60))
    assert measured.outputs is not None
    assert measured.outputs.shape == (12, 10)
    assert measured.outputs[:, 0].tolist() == [64.0 * i for i in range(12)]
    assert len(phone.runs) == 13
    assert _flags(phone.runs[1])["num_runs"] == "1"
    assert _flags(phone.runs[1])["warmup_runs"] == "0"
    assert sum("--num_runs=1 " in script for script in phone.scripts) == 1
    assert measured.evidence["samples_run"] == 12
    assert measured.evidence["samples_resumed"] == 0


def test_samples_that_a_broken_link_left_undone_are_the_only_ones_run_again(
    make_target: MakeTarget, phone: ShellPhone, job: Job
) -> None:
    samples = np.arange(8, dtype=np.float32).repeat(64).reshape(8, 8, 8, 1)
    job = replace(job, samples=samples)
    target = make_target()
    target.open(Deadline(60))
    pull = phone.pull

    def gone(remote: str, deadline: Deadline) -> bytes:
        if remote.endswith("/answers"):
            # As if the link had gone in the middle of the sixth answer.
            path = phone.host(remote)
            path.write_bytes(path.read_bytes()[: 5 * 40 + 7])
            raise LinkClosed("the connection to the phone is gone")
        return pull(remote, deadline)

    phone.pull = gone
    with pytest.raises(LinkClosed):
        target.measure(job, Deadline(60))
    target.close()
    phone.pull = pull
    before = len(phone.runs)
    again = make_target()
    again.open(Deadline(60))
    measured = again.measure(job, Deadline(60))
    assert measured.outputs is not None
    assert measured.outputs[:, 0].tolist() == [64.0 * i for i in range(8)]
    assert measured.evidence["samples_resumed"] == 5
    assert len(phone.runs) - before == 1 + 3
    assert not list(phone.root.glob("hil/answers-*"))


def test_samples_stop_when_the_first_of_them_decide(
    phone: ShellPhone, make_target: MakeTarget, job: Job
) -> None:
    asked: list[int] = []

    def decide(_: Job, rows: np.ndarray) -> bool:
        asked.append(len(rows))
        return len(rows) >= 100

    samples = np.ones((130, 8, 8, 1), dtype=np.float32)
    conditions = make_target(stop_early=True)._conditions
    target = PhoneTarget(
        find_profile("emulated-phone"), phone, conditions, decide=decide
    )
    target.open(Deadline(60))
    measured = target.measure(replace(job, samples=samples), Deadline(60))
    assert measured.outputs is not None
    assert (len(measured.outputs), asked) == (100, [50, 100])


def test_what_is_on_the_phone_is_not_pushed_again(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    target.measure(job, Deadline(60))
    assert len(phone.pushed) == 2  # model and probe
    target.measure(job, Deadline(60))
    assert len(phone.pushed) == 2
    model = phone.pushed[0].removesuffix(".hil-part")
    phone.host(model).write_bytes(b"cut")
    target.measure(job, Deadline(60))
    assert len(phone.pushed) == 3


def test_the_evidence_names_the_phone_the_binary_and_the_command(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    evidence = target.measure(job, Deadline(60)).evidence
    told = evidence["phone"]
    assert isinstance(told, dict)
    assert told["model"] == "Fake"
    assert told["battery_temperature_c"] is None
    assert "Can't find service: battery" in told["not_told"]["battery"]
    digest = hashlib.sha256(phone.host(BINARY).read_bytes()).hexdigest()
    assert (evidence["binary"], evidence["binary_source"]) == (BINARY, "on the phone")
    assert evidence["binary_sha256"] == digest
    assert evidence["argv"][0] == BINARY
    assert evidence["stdout"] == phone._play["report"]
    assert evidence["serial"] is None
    assert isinstance(evidence["pid"], int)


def test_the_raw_text_that_is_kept_is_bounded_and_shows_control_characters(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    phone.play(stderr="\x1b" + "x\n" * 90_000)
    stderr = target.measure(job, Deadline(60)).evidence["stderr"]
    assert isinstance(stderr, str)
    assert len(stderr) == 32 * 1024
    phone.play(stderr="\x1b[2J\n")
    assert target.measure(job, Deadline(60)).evidence["stderr"] == "\\x1b[2J\n"


def test_closing_removes_exactly_our_folder(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    other = phone.root / "hil" / "another" / "file"
    other.parent.mkdir()
    other.write_bytes(b"not ours")
    target.measure(job, Deadline(60))
    target.close()
    target.close()
    assert phone.closed
    assert [path.name for path in (phone.root / "hil").iterdir()] == ["another"]


def test_a_folder_that_cannot_be_removed_does_not_stop_the_closing(
    target: PhoneTarget, phone: ShellPhone
) -> None:
    phone.gone_at = "rm -rf"
    target.close()
    assert phone.closed


def test_a_phone_without_the_binary_says_where_to_get_it(
    phone: ShellPhone, make_target: MakeTarget
) -> None:
    phone.answer("getprop", "", "[ro.product.cpu.abi]: [arm64-v8a]\n")
    phone.host(BINARY).unlink()
    with pytest.raises(BrokenSetup, match="has no benchmark_model") as caught:
        make_target().open(Deadline(60))
    remedy = str(caught.value.remedy)
    assert "get android_aarch64_benchmark_model from https://" in remedy
    assert f"chmod 755 {BINARY}" in remedy


def test_a_flag_that_the_binary_does_not_know_is_an_error(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    phone.play(stderr="WARN: Unconsumed cmdline flags: --output_filepath\n")
    with pytest.raises(FirmwareFault, match="does not know a flag") as caught:
        target.measure(job, Deadline(60))
    assert caught.value.found == "--output_filepath"


@pytest.mark.parametrize(
    ("play", "kind", "found"),
    [
        (
            {"code": 1, "stderr": "ERROR: Encountered unresolved custom op: Foo.\n"},
            UnsupportedOp,
            "ERROR: Encountered unresolved custom op: Foo.",
        ),
        (
            {"code": 1, "stderr": "ERROR: Failed to load model\n"},
            FirmwareFault,
            "ERROR: Failed to load model",
        ),
        ({"signal": 6}, DeviceCrashed, None),
    ],
)
@pytest.mark.parametrize("in_samples", [False, True])
def test_a_failed_run_is_an_error_with_the_last_lines(
    target: PhoneTarget,
    phone: ShellPhone,
    job: Job,
    *,
    play: dict[str, object],
    kind: type[TargetError],
    found: str | None,
    in_samples: bool,
) -> None:
    phone.play(**play, after=3 if in_samples else 0)
    samples = np.ones((5, 8, 8, 1), dtype=np.float32)
    with pytest.raises(kind) as caught:
        target.measure(replace(job, samples=samples), Deadline(60))
    if found is not None:
        assert found in str(caught.value.found)
    where = "digits (as-is) on emulated-phone"
    assert caught.value.where == (f"sample 2 of {where}" if in_samples else where)


def test_a_sample_without_an_answer_is_an_error(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    phone.play(
        mute=True, after=2, report="INFO: no output\n" + str(phone._play["report"])
    )
    samples = np.ones((5, 8, 8, 1), dtype=np.float32)
    with pytest.raises(FirmwareFault, match="no answer for a sample") as caught:
        target.measure(replace(job, samples=samples), Deadline(60))
    assert caught.value.where == "sample 1 of digits (as-is) on emulated-phone"
    assert "INFO: no output" in str(caught.value.found)


def test_an_answer_of_the_wrong_size_is_refused_and_not_gone_on_with(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    samples = np.ones((3, 8, 8, 1), dtype=np.float32)
    phone.play(answer_bytes=36)
    with pytest.raises(FirmwareFault, match="the wrong size") as caught:
        target.measure(job, Deadline(60))
    assert (caught.value.found, caught.value.allowed) == (
        "36 bytes",
        "40 bytes for 1 runs",
    )
    pull = phone.pull

    def whole_probe(remote: str, deadline: Deadline) -> bytes:
        data = pull(remote, deadline)
        return data.ljust(40, b"\0") if remote.endswith("probe.out") else data

    phone.pull = whole_probe
    with pytest.raises(FirmwareFault, match="the wrong size") as caught:
        target.measure(replace(job, samples=samples), Deadline(60))
    assert caught.value.found == "108 bytes"
    assert not list(phone.root.glob("hil/answers-*"))


def test_an_old_answer_does_not_stand_for_a_new_one(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    target.measure(job, Deadline(60))
    phone.play(mute=True)
    with pytest.raises(TargetError, match="refused the file"):
        target.measure(job, Deadline(60))


def test_figures_that_contradict_each_other_are_no_measurement(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    phone.play(report=str(phone._play["report"]).replace("avg=31", "avg=30"))
    with pytest.raises(FirmwareFault, match="contradict"):
        target.measure(job, Deadline(60))


def test_a_file_that_the_phone_changed_is_noticed(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    send = phone.send

    def flip(parts: object, remote: str, **settings: object) -> None:
        send([b"".join(parts)[:-1] + b"?"], remote, **settings)

    phone.send = flip
    with pytest.raises(TargetError, match="is not what was sent"):
        target.measure(job, Deadline(60))


def test_what_is_no_model_is_refused_before_anything_is_pushed(
    target: PhoneTarget, phone: ShellPhone, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "bad.tflite").write_bytes(b"no model at all")
    bad = replace(job, model=replace(job.model, path=tmp_path / "bad.tflite"))
    with pytest.raises(ModelError):
        target.measure(bad, Deadline(60))
    assert phone.pushed == []


def test_threads_cores_and_delegate_go_into_the_command_line(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    setting = Setting(threads=4, cores="0", delegate="none")
    samples = np.ones((1, 8, 8, 1), dtype=np.float32)
    measured = target.measure(
        replace(job, setting=setting, samples=samples), Deadline(60)
    )
    assert measured.evidence["argv"][:3] == ["taskset", "1", BINARY]
    for argv in phone.runs:
        assert _flags(argv)["num_threads"] == "4"
        assert _flags(argv)["use_xnnpack"] == "false"
    window = measured.evidence["window"]
    assert isinstance(window, dict)
    assert window["pinned_cores"] == [0]


def test_cores_that_the_phone_does_not_have_fail_their_setting_alone(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    with pytest.raises(ConfigError, match="the phone has no such cores") as caught:
        target.measure(replace(job, setting=Setting(cores="turbo")), Deadline(60))
    assert caught.value.found == "turbo"
    assert "all" in str(caught.value.allowed)
    assert phone.runs == []
    assert target.measure(job, Deadline(60)).summary is not None


def test_a_delegate_that_there_is_not_is_refused(target: PhoneTarget, job: Job) -> None:
    with pytest.raises(ConfigError, match="has no such delegate") as caught:
        target.measure(replace(job, setting=Setting(delegate="gpuu")), Deadline(60))
    assert caught.value.remedy == "did you mean 'gpu'?"


def test_a_delegate_that_took_a_part_only_is_a_failure_with_the_nodes_left(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    phone.play(
        stderr="VERBOSE: Replacing 5 out of 8 node(s) with delegate "
        "(TfLiteGpuDelegateV2) node, yielding 2 partitions for the whole graph.\n"
    )
    with pytest.raises(FirmwareFault, match="took only a part") as caught:
        target.measure(replace(job, setting=Setting(delegate="gpu")), Deadline(60))
    assert "3 of 8 nodes fell back to the CPU" in str(caught.value.found)


def test_a_window_on_a_gpu_says_that_nobody_watched_its_clock(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    def unwatched(delegate: str | None) -> list[str]:
        asked = replace(job, setting=Setting(delegate=delegate))
        window = target.measure(asked, Deadline(60)).evidence["window"]
        assert isinstance(window, dict)
        return list(window["unwatched"])

    phone.play(
        stderr="INFO: Explicitly applied GPU delegate, and the model graph will be "
        "completely executed by the delegate.\n"
    )
    clock = "clock of the delegate's unit"
    assert clock in unwatched("gpu")
    assert clock not in unwatched(None)


def test_a_program_that_ran_on_other_cores_is_no_measurement(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    phone.play(looks=2)
    phone.commands.joinpath("taskset").write_text('#!/bin/sh\nshift\nexec "$@"\n')
    phone.commands.joinpath("taskset").chmod(0o755)
    with pytest.raises(FirmwareFault, match="not run on the cores") as caught:
        target.measure(replace(job, setting=Setting(cores="0")), Deadline(60))
    assert caught.value.allowed == "Cpus_allowed 1"


def test_a_watch_that_was_cut_is_an_error(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    shell = phone.shell

    def cut(command, deadline):
        done = shell(command, deadline)
        is_watch = isinstance(command, str) and command.startswith("w=")
        return replace(done, stdout=done.stdout[:-40]) if is_watch else done

    phone.shell = cut
    with pytest.raises(FirmwareFault, match="the watch on the phone did not") as caught:
        target.measure(job, Deadline(60))
    assert "free space" in str(caught.value.remedy)


def test_a_profile_that_the_tool_cannot_make_costs_the_profile_only(
    make_target: MakeTarget, phone: ShellPhone, job: Job
) -> None:
    target = make_target(op_profile=True)
    target.open(Deadline(60))
    measured = target.measure(job, Deadline(60))
    assert measured.summary is not None
    assert measured.evidence["profile"] == {
        "problem": "benchmark_model printed no profile of the model's graph"
    }
    assert "--enable_op_profiling=true" in phone.runs[1]
    assert "--enable_op_profiling=true" not in phone.runs[0]


def test_a_serial_number_that_two_profiles_reach_is_refused(
    make_target: MakeTarget, phone: ShellPhone
) -> None:
    phone.answer("getprop", "ro.serialno", "R58N123\n")
    first = make_target()
    first.open(Deadline(60))
    other = replace(find_profile("emulated-phone"), name="another")
    second = PhoneTarget(other, phone)
    with pytest.raises(BrokenSetup, match="two profiles reach the same phone") as got:
        second.open(Deadline(60))
    assert got.value.where == "another and emulated-phone"
    assert got.value.found == "serial number R58N123"
    second.close()
    first.close()
    second.open(Deadline(60))
    second.close()


_HOLDER = """
import sys
from hil.targets.phone_claims import IN_USE
IN_USE.claim("R58N123", "my-phone")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_phone_that_another_process_measures_is_refused_until_that_has_ended(
    make_target: MakeTarget, phone: ShellPhone, job: Job
) -> None:
    phone.answer("getprop", "ro.serialno", "R58N123\n")
    other = Child([sys.executable, "-c", _HOLDER])
    try:
        assert other.read_line(Deadline(60)) == "held"
        target = make_target()
        with pytest.raises(TargetError, match="the device is in use") as caught:
            target.open(Deadline(60))
        assert caught.value.where == "phone with serial number R58N123"
        holder = f"process {other.pid}, hil, my-phone, since "
        assert str(caught.value.found).startswith(holder)
        assert caught.value.remedy == "wait until that has ended"
    finally:
        other.stop()
    target.open(Deadline(60))
    assert target.measure(job, Deadline(60)).evidence["serial"] == "R58N123"
    target.close()


@pytest.mark.parametrize("serial", ["unknown", "0123456789ABCDEF", "", "a b"])
def test_a_number_that_tells_no_phone_apart_is_no_serial_number(
    make_target: MakeTarget, phone: ShellPhone, job: Job, serial: str
) -> None:
    phone.answer("getprop", "ro.serialno", f"{serial}\n")
    target = make_target()
    target.open(Deadline(60))
    assert target.measure(job, Deadline(60)).evidence["serial"] is None


def test_a_profile_stands_in_the_evidence_as_reports_read_it(
    make_target: MakeTarget, phone: ShellPhone, job: Job
) -> None:
    corpus = Path(__file__).resolve().parents[1] / "data" / "benchmark_model"
    phone.play(profile=(corpus / "2023-op-profile.txt").read_text(encoding="utf-8"))
    target = make_target(op_profile=True)
    target.open(Deadline(60))
    profile = target.measure(job, Deadline(60)).evidence["profile"]
    assert isinstance(profile, dict)
    assert profile["runs"] > 0
    assert profile["ops"]
    assert profile["ops"][0].keys() >= {"type", "name", "avg_ms", "times_called"}


def test_gpu_memory_of_the_process_is_told_where_dumpsys_tells_it(
    target: PhoneTarget, phone: ShellPhone, job: Job
) -> None:
    dumpsys = phone.commands / "dumpsys"
    # The program is the only process whose command line names the graph.
    dumpsys.write_text(
        f'#!/bin/sh\necho "dumpsys $*" >>{phone.commands}/calls\n'
        "[ $1 = gpu ] || exit 0\n"
        'for p in /proc/[0-9]*; do grep -q -a graph= "$p/cmdline" 2>/dev/null && '
        'n=${p#/proc/} && echo "Proc $n total: 4096"; done\n'
        'echo "Global total: 8192"\n'
    )
    phone.play(
        looks=2,
        stderr="INFO: Explicitly applied GPU delegate, and the model graph will be "
        "completely executed by the delegate.\n",
    )
    measured = target.measure(
        replace(job, setting=Setting(delegate="gpu")), Deadline(60)
    )
    assert measured.memory["gpu_bytes"] == 4096
