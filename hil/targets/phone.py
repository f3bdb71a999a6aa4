"""A phone that runs the stock benchmark_model: push, time, stream, read, clean up."""

from __future__ import annotations

import contextlib
import math
import secrets
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.benchmark_command import (
    single_run,
    timed_run,
)
from hil.android.benchmark_output import parse, unconsumed_flags
from hil.android.failure import failure
from hil.android.properties import identity, parse_properties
from hil.android.tool_model import ToolModel
from hil.deadline import Deadline
from hil.errors import BrokenSetup, FirmwareFault, HilError, TargetError
from hil.models.facts import read_model, sha256_of
from hil.printable import printable, tail
from hil.vocab import Measurement, TimingSummary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from hil import vocab
    from hil.android.benchmark_output import BenchmarkOutput
    from hil.links.adb import Phone
    from hil.links.adb_output import ShellResult
    from hil.vocab import DeviceProfile, Job

BINARY = "/data/local/tmp/benchmark_model"
_FOLDER = "/data/local/tmp/hil"
_CLEAN_SECONDS = 5.0
_EVIDENCE_CHARACTERS = 32 * 1024  # of each stream: a window's text is 2 KiB
_MIB = 1024 * 1024
_RESOLUTION_US = 1.0  # the tool keeps whole microseconds and cuts the rest
_NIGHTLY = (
    "https://storage.googleapis.com/tensorflow-nightly-public/prod/tensorflow/release/"
    "lite/tools/nightly/latest"
)
_BUILDS = {
    "arm64-v8a": "android_aarch64_benchmark_model",
    "armeabi-v7a": "android_arm_benchmark_model",
}


class PhoneTarget:
    """Orders the steps of a job on a phone behind any link that speaks ADB."""

    def __init__(self, profile: DeviceProfile, link: Phone) -> None:
        """Take the profile and the way to the phone, which is not opened yet."""
        self.profile = profile
        self._link = link
        self._folder: _Folder | None = None
        self._identity: Mapping[str, str | bool] = {}
        self._binary_sha256 = ""

    def open(self, deadline: vocab.Deadline) -> None:
        """Reach the phone, ask what it is, and make a folder that is ours alone.

        BrokenSetup where it cannot be reached or has no benchmark_model.
        """
        self._link.open(deadline)
        answer = self._link.shell(["getprop"], deadline)
        self._identity = identity(
            parse_properties(answer.stdout.decode(errors="replace"))
        )
        self._binary_sha256 = self._find_binary(deadline)
        folder = _Folder(self._link, f"{_FOLDER}/{secrets.token_hex(8)}")
        folder.make(deadline)
        self._folder = folder

    def measure(self, job: Job, deadline: vocab.Deadline) -> Measurement:
        """Run one window for its times, and each sample once for its answer."""
        assert self._folder is not None
        data = read_model(job.model.path)
        model = ToolModel.of(data, str(job.model.path))
        graph = self._folder.put(data, deadline)
        window = self._window(model, job, graph=graph, deadline=deadline)
        samples = None
        if job.samples is not None:
            samples = self._answers(model, job, graph=graph, deadline=deadline)
        peak_mb = window.output.memory.peak_mb
        return Measurement(
            engine="benchmark_model",
            summary=self._summary(window.output),
            # ru_maxrss counts KiB on Linux and the tool divides it by 1024, so its
            # "MB" is 2**20 bytes. It is the most that the process ever held, its own
            # start included, and does not see a GPU's memory.
            memory={} if peak_mb is None else {"peak_rss_bytes": round(peak_mb * _MIB)},
            outputs=samples,
            probe_output=window.answer,
            evidence=self._evidence(window),
        )

    def close(self) -> None:
        """Remove our folder from the phone, as far as it can be reached, and leave."""
        if self._folder is not None:
            with contextlib.suppress(TargetError):
                self._folder.remove(Deadline(_CLEAN_SECONDS))
            self._folder = None
        self._link.close()

    def _find_binary(self, deadline: vocab.Deadline) -> str:
        """Return the SHA-256 of the phone's benchmark_model: none are published."""
        found = self._link.shell(f"[ -x {BINARY} ] && sha256sum {BINARY}", deadline)
        words = found.stdout.decode(errors="replace").split()
        if found.exit_code == 0 and words:
            return words[0]
        abi = str(self._identity.get("abi", "unknown"))
        build = _BUILDS.get(abi, f"a build for {printable(abi)}")
        raise BrokenSetup(
            "the phone has no benchmark_model that may be executed",
            where=f"{BINARY} on {self.profile.name}",
            found=tail(found.stderr, lines=1) or "no such file, or not executable",
            remedy=f"get {build} from {_NIGHTLY}/, `adb push` it to {BINARY}, "
            f"`adb shell chmod 755 {BINARY}`",
        )

    def _window(
        self, model: ToolModel, job: Job, *, graph: str, deadline: vocab.Deadline
    ) -> _Window:
        assert self._folder is not None
        probe = self._folder.put(job.probe.tobytes(), deadline)
        answer = f"{self._folder.path}/probe.out"
        argv = [
            *timed_run(
                BINARY,
                graph,
                warmup=job.warmup,
                min_runs=job.min_runs,
                min_seconds=job.min_seconds,
                max_seconds=_longest_phase(deadline),
            ),
            *model.input_flags,
            f"{model.value_prefix}{probe}",
            f"--output_filepath={answer}",
        ]
        # An answer of an earlier window must not stand for this one's.
        self._folder.forget(answer, deadline)
        result = self._link.shell(argv, deadline)
        output = self._parsed(result, job)
        data = self._link.pull(answer, deadline)
        return _Window(
            argv=argv,
            result=result,
            output=output,
            answer=model.rows(data, 1, where=self._where(job)),
        )

    def _parsed(self, result: ShellResult, job: Job) -> BenchmarkOutput:
        stdout = result.stdout.decode(errors="replace")
        stderr = result.stderr.decode(errors="replace")
        flags = unconsumed_flags(stdout, stderr)
        if flags:
            # The tool goes on with its defaults, so its figures are of another run.
            raise FirmwareFault(
                "benchmark_model does not know a flag and passed over it",
                where=self._where(job),
                found=printable(" ".join(flags)),
                remedy=f"use a newer build of it: {_NIGHTLY}/",
            )
        if result.exit_code != 0:
            raise failure(
                result.exit_code, stdout, stderr=stderr, where=self._where(job)
            )
        return parse(stdout, stderr)

    def _answers(
        self, model: ToolModel, job: Job, *, graph: str, deadline: vocab.Deadline
    ) -> npt.NDArray[np.generic]:
        """Run every sample once, in one script on the phone, and pull all answers."""
        assert self._folder is not None
        assert job.samples is not None
        inputs = self._folder.put_samples(job.samples, deadline)
        answers, log = f"{self._folder.path}/answers", f"{self._folder.path}/log"
        command = shlex.join([*single_run(BINARY, graph), *model.input_flags])
        prefix = shlex.quote(model.value_prefix)
        one = f"{answers}.one"
        script = (
            f"rm -f {answers}; for f in {inputs}/*; do rm -f {one}; "
            f'{command} {prefix}"$f" --output_filepath={one} > {log} 2>&1 '
            '|| { echo "$? $f"; exit 1; }; '
            f"cat {one} >> {answers} || "
            '{ echo "0 $f"; exit 1; }; done'
        )
        result = self._link.shell(script, deadline)
        if result.exit_code != 0:
            raise self._failed_sample(result, job, log=log, deadline=deadline)
        data = self._link.pull(answers, deadline)
        return model.rows(data, len(job.samples), where=self._where(job))

    def _failed_sample(
        self, result: ShellResult, job: Job, *, log: str, deadline: vocab.Deadline
    ) -> HilError:
        words = result.stdout.decode(errors="replace").split()
        status = words[0] if words else ""
        index = int(words[1][-6:]) if len(words) > 1 and words[1][-6:].isdigit() else 0
        last = self._link.pull(log, deadline).decode(errors="replace")
        where = f"sample {index} of {self._where(job)}"
        if status.isdigit() and int(status) != 0:
            return failure(int(status), last, stderr="", where=where)
        return FirmwareFault(
            "benchmark_model gave no answer for a sample",
            where=where,
            found=tail(last) or tail(result.stderr) or "it printed nothing",
        )

    def _summary(self, output: BenchmarkOutput) -> TimingSummary:
        runs = output.inference
        return TimingSummary(
            basis=self.profile.time_basis,
            n=runs.n,
            first_us=runs.first_us,
            min_us=runs.min_us,
            max_us=runs.max_us,
            avg_us=runs.avg_us,
            std_us=runs.std_us,
            p5_us=runs.p5_us,
            median_us=runs.median_us,
            p95_us=runs.p95_us,
            resolution_us=_RESOLUTION_US,
        )

    def _where(self, job: Job) -> str:
        return f"{job.model.name} ({job.model.variant}) on {self.profile.name}"

    def _evidence(self, window: _Window) -> vocab.Evidence:
        evidence: dict[str, object] = {
            "phone": dict(self._identity),
            "binary_sha256": self._binary_sha256,
            "argv": window.argv,
            "stdout": _bounded(window.result.stdout),
            "stderr": _bounded(window.result.stderr),
            "init_us": window.output.init_us,
        }
        if window.result.pid is not None:
            evidence["pid"] = window.result.pid
        return evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """One timed run: what was asked, what was said, and the probe's answer."""

    argv: Sequence[str]
    result: ShellResult
    output: BenchmarkOutput
    answer: npt.NDArray[np.generic]


class _Folder:
    """Our own folder on a phone; files are pushed once and known by their content."""

    def __init__(self, link: Phone, path: str) -> None:
        self.path = path
        self._link = link
        self._files: set[str] = set()  # pushed by us, and checked

    def make(self, deadline: vocab.Deadline) -> None:
        made = self._link.shell(["mkdir", "-p", self.path], deadline)
        if made.exit_code != 0:
            raise BrokenSetup(
                "the phone lets us make no folder",
                where=self.path,
                found=tail(made.stderr or made.stdout, lines=1),
            )

    def put(self, data: bytes, deadline: vocab.Deadline) -> str:
        """Push *data* unless it is there, and return its path; checked by SHA-256."""
        digest = sha256_of(data)
        path = f"{self.path}/{digest[:32]}"
        if path not in self._files or self._link.stat(path, deadline) != len(data):
            self._link.push(data, path, deadline=deadline)
            self._check(path, len(data), deadline=deadline)
            self._compare(f"sha256sum {path}", digest, where=path, deadline=deadline)
            self._files.add(path)
        return path

    def put_samples(
        self, samples: npt.NDArray[np.generic], deadline: vocab.Deadline
    ) -> str:
        """Push one file a sample unless they are there; return their folder.

        Their names have six digits, so that the phone's shell lists them in order.
        """
        digest = sha256_of(samples.tobytes())
        path = f"{self.path}/samples-{digest[:32]}-{len(samples)}"
        if path in self._files:
            return path
        self._link.shell(["mkdir", "-p", path], deadline)
        for index, sample in enumerate(samples):
            self._link.push(sample.tobytes(), f"{path}/{index:06d}", deadline=deadline)
        # One sum over all of them proves content, number and order.
        self._compare(
            f"cat {path}/* | sha256sum", digest, where=path, deadline=deadline
        )
        self._files.add(path)
        return path

    def forget(self, path: str, deadline: vocab.Deadline) -> None:
        self._link.shell(["rm", "-f", path], deadline)

    def remove(self, deadline: vocab.Deadline) -> None:
        self._link.shell(["rm", "-rf", self.path], deadline)

    def _check(self, path: str, size: int, *, deadline: vocab.Deadline) -> None:
        found = self._link.stat(path, deadline)
        if found != size:
            raise TargetError(
                "the phone did not keep the whole file",
                where=path,
                found="no file" if found is None else f"{found:,} bytes",
                allowed=f"{size:,} bytes",
            )

    def _compare(
        self, command: str, digest: str, *, where: str, deadline: vocab.Deadline
    ) -> None:
        result = self._link.shell(command, deadline)
        if result.stdout.decode(errors="replace").split()[:1] != [digest]:
            raise TargetError(
                "a file on the phone is not what was pushed",
                where=where,
                found=tail(result.stdout + result.stderr, lines=1) or "no SHA-256",
                allowed=digest,
            )


def _longest_phase(deadline: vocab.Deadline) -> float:
    """Return the seconds that the warm-up and the timed runs may take each."""
    # A tenth is left for loading the model and for pulling the answer.
    return max(0.1, math.floor(deadline.remaining * 0.45 * 10) / 10)


def _bounded(text: bytes) -> str:
    return printable(text, keep_lines=True)[-_EVIDENCE_CHARACTERS:]
