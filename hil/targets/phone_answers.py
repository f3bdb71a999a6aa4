"""A phone's answer to every sample: one file there, one script, one file back.

The samples go to the phone in one file, and one script cuts it up and runs them all: no
round trip and no push for a sample. The folder's name comes from the content, so that a
run that was broken off goes on where it stopped, be it the same process or the next.
"""

from __future__ import annotations

import contextlib
import hashlib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.android.benchmark_command import single_run
from hil.android.failure import failure
from hil.errors import FirmwareFault, HilError, TargetError
from hil.links.adb_files import PhoneFiles
from hil.models.facts import sha256_of
from hil.printable import tail
from hil.targets.phone_folder import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from hil import vocab
    from hil.android.benchmark_command import RunSettings
    from hil.android.tool_model import ToolModel
    from hil.links.phone import Phone

_BATCH = 50  # samples between two looks at whether the test is decided
_VERSION = "1"  # of the files in the folder


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRun:
    """What all samples of one variant are run with; *graph* lies on the phone."""

    link: Phone
    binary: str
    graph: str
    model: ToolModel
    settings: RunSettings
    identity: str  # of model and program: their digests
    where: str

    def run(
        self,
        samples: npt.NDArray[np.generic],
        deadline: vocab.Deadline,
        *,
        is_decided: Callable[[npt.NDArray[np.generic]], bool] | None = None,
    ) -> tuple[npt.NDArray[np.generic], int]:
        """Return the answers, one row a sample, and how many were there from before.

        Given *is_decided*, it is asked after each batch with the answers so far, and
        the rest is left out once it says yes. FirmwareFault, DeviceCrashed or
        UnsupportedOp name the sample that failed.
        """
        data = samples.tobytes()
        command = self._command()
        folder = f"{FOLDER}/answers-{self._digest(data, command)}"
        self._must(f"mkdir -p {folder}", folder, deadline)
        self._end_orphan(folder, deadline)
        PhoneFiles(self.link).push(data, f"{folder}/samples", deadline=deadline)
        done = kept = self._resumed(folder, deadline)
        size = len(data) // len(samples)
        step = len(samples) if is_decided is None else _BATCH
        while done < len(samples):
            if is_decided is not None and done:
                rows = self._rows(folder, done, deadline)
                if is_decided(rows):
                    break
            end = min(len(samples), done + step)
            script = _script(
                folder,
                command,
                prefix=self.model.value_prefix,
                size=size,
                first=done,
                end=end,
            )
            result = self.link.shell(script, deadline)
            if result.exit_code != 0:
                raise self._failed(result.stdout, result.stderr, folder, deadline)
            done = end
        rows = self._rows(folder, done, deadline)
        self.link.shell(["rm", "-rf", folder], deadline)
        return rows, kept

    def _command(self) -> str:
        one = [
            word
            for word in single_run(self.binary, self.graph)
            if not word.startswith("--num_threads=")
        ]
        words: Sequence[str] = [
            *self.settings.before(),
            *one,
            *self.settings.flags(),
            *self.model.input_flags,
        ]
        return shlex.join(words)

    def _digest(self, data: bytes, command: str) -> str:
        # The graph's path is new in each session; its content is not.
        said = command.replace(self.graph, "GRAPH")
        parts = [_VERSION, self.identity, said, sha256_of(data)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    def _resumed(self, folder: str, deadline: vocab.Deadline) -> int:
        """Return how many answers are there; half an answer is cut off."""
        answers = f"{folder}/answers"
        size = self.link.stat(answers, deadline) or 0
        done, half = divmod(size, self.model.answer_bytes)
        if half:
            cut = (
                f"dd if={answers} of={answers}.whole bs={self.model.answer_bytes} "
                f"count={done} 2>/dev/null && mv -f {answers}.whole {answers}"
            )
            self._must(cut if done else f"rm -f {answers}", answers, deadline)
        return done

    def _end_orphan(self, folder: str, deadline: vocab.Deadline) -> None:
        """Kill a script that a broken link left behind; it would write beside ours."""
        self.link.shell(
            f"{{ read -r p <{folder}/pid; }} 2>/dev/null || exit 0; "
            f'grep -q {folder} "/proc/$p/cmdline" 2>/dev/null && kill -9 "$p"; '
            f"rm -f {folder}/pid",
            deadline,
        )

    def _rows(
        self, folder: str, n: int, deadline: vocab.Deadline
    ) -> npt.NDArray[np.generic]:
        data = self.link.pull(f"{folder}/answers", deadline)
        try:
            return self.model.rows(data, n, where=self.where)
        except HilError:
            # Answers of a wrong size must not be gone on with.
            self.link.shell(["rm", "-rf", folder], deadline)
            raise

    def _failed(
        self, stdout: bytes, stderr: bytes, folder: str, deadline: vocab.Deadline
    ) -> HilError:
        status, _, index = stdout.decode(errors="replace").strip().rpartition(" ")
        last = ""
        with contextlib.suppress(TargetError):
            last = self.link.pull(f"{folder}/log", deadline).decode(errors="replace")
        where = f"sample {index} of {self.where}" if index.isdigit() else self.where
        self.link.shell(["rm", "-rf", folder], deadline)
        code = int(status) if status.isdigit() else 0
        if code:
            return failure(code, last, stderr="", where=where)
        return FirmwareFault(
            "benchmark_model gave no answer for a sample",
            where=where,
            found=tail(last) or tail(stderr) or "it printed nothing",
        )

    def _must(self, script: str, where: str, deadline: vocab.Deadline) -> None:
        result = self.link.shell(script, deadline)
        if result.exit_code != 0:
            raise TargetError(
                "the phone's shell failed",
                where=where,
                found=tail(result.stderr or result.stdout, lines=1)
                or f"status {result.exit_code}",
            )


def _script(
    folder: str, command: str, *, prefix: str, size: int, first: int, end: int
) -> str:
    """Return the loop over the samples; its one line of output names a failed one."""
    return f"""echo $$ >{folder}/pid
i={first}
while [ "$i" -lt {end} ]; do
rm -f {folder}/one
dd if={folder}/samples of={folder}/in bs={size} skip="$i" count=1 2>{folder}/log ||
{{ echo "0 $i"; exit 1; }}
{command} {shlex.quote(prefix)}{folder}/in --output_filepath={folder}/one \
>{folder}/log 2>&1 || {{ echo "$? $i"; exit 1; }}
cat {folder}/one >>{folder}/answers || {{ echo "0 $i"; exit 1; }}
i=$((i+1))
done
rm -f {folder}/pid
"""
