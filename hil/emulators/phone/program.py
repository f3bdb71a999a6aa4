"""The stand-in for benchmark_model: a marker file that runs as a child process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from functools import partial
from typing import TYPE_CHECKING, Final

from hil.emulators.phone.call import number
from hil.emulators.phone.paths import normal
from hil.emulators.phone.pipes import CHUNK_BYTES
from hil.emulators.phone.processes import SIGNALLED
from hil.emulators.phone.shell import NOT_RUNNABLE, SHELL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.emulators.phone.call import Io
    from hil.emulators.phone.pipes import Sink
    from hil.emulators.phone.processes import Process
    from hil.emulators.phone.runtime_link import Output
    from hil.emulators.phone.shell import Shell
    from hil.emulators.phone.workload import Pace

MARKER: Final = (
    b"hil: this file stands for TensorFlow Lite's benchmark_model. On an emulated "
    b"phone it runs\nLiteRT on the host's processor; a real phone needs the real "
    b"program.\n"
)
PROGRAM_PATH: Final = "/data/local/tmp/benchmark_model"
_WRITES: Final = ("--output_filepath=",)
_THREADS: Final = "--num_threads="


def is_program(content: bytes) -> bool:
    """Whether a file's content is the marker, wherever it was pushed to."""
    return content == MARKER


async def run_program(words: Sequence[str], shell: Shell, io: Io) -> int:
    """Run benchmark_model with *words* in a child process; return its exit status."""
    phone = shell.phone
    cores = shell.cpus or tuple(range(len(phone.personality.cpus)))
    process = shell.process
    if not shell.replaced:
        process = phone.processes.start(words, parent=shell.process.pid)
    process.arguments = words
    process.cpus_allowed = f"{sum(1 << core for core in cores):x}"
    workload = phone.personality.workload
    try:
        with workload.working(cores, _threads(words)) as (work, pace):
            process.run_ticks = partial(workload.work_ticks, work)
            code = await _finished(words, shell, io, process, cores=cores, pace=pace)
    except OSError as exc:
        await io.stderr.write(f"{SHELL}: can't fork - {exc.strerror}\n".encode())
        return NOT_RUNNABLE
    finally:
        phone.processes.end(process)
        _recount(words, shell)
    if code >= 0:
        return code
    await io.stderr.write(f"{signal.strsignal(-code)} \n".encode())
    return SIGNALLED - code


async def _finished(
    words: Sequence[str],
    shell: Shell,
    io: Io,
    process: Process,
    *,
    cores: Sequence[int],
    pace: Pace,
) -> int:
    """Run the child to its end and return its exit code, -N for the signal N."""
    phone = shell.phone
    run = await phone.runtime.start(
        words,
        cwd=shell.cwd,
        root=phone.storage.backing.root,
        free_bytes=phone.storage.free_bytes,
        cpus=[phone.personality.cpus[core] for core in cores],
        ignores_hangup=shell.ignores_hangup,
        pace=pace,
    )
    process.host_pid, process.signal = run.pid, run.signal
    try:
        async with asyncio.TaskGroup() as group:
            for output, sink in zip(run.outputs, (io.stdout, io.stderr), strict=True):
                group.create_task(_pump(output, sink))
        return await run.exit_code()
    finally:
        run.close()


def _threads(words: Sequence[str]) -> int:
    """Return how many cores the program will keep busy."""
    given = [w.removeprefix(_THREADS) for w in words if w.startswith(_THREADS)]
    return max(1, number(given[-1]) or 1) if given else 1


async def _pump(output: Output, sink: Sink) -> None:
    """Hand on all that a child prints.

    When nobody listens any more, the child learns it by SIGPIPE; when a file is full,
    it goes on as the real program does, which looks at no result of its logging.
    """
    reader, writer = output
    while data := await reader.read(CHUNK_BYTES):
        try:
            await sink.write(data)
        except BrokenPipeError:
            writer.close()
            return
        except OSError:
            continue


def _recount(words: Sequence[str], shell: Shell) -> None:
    """Let the storage see what the child has written."""
    for word in words:
        for option in _WRITES:
            if word.startswith(option):
                with contextlib.suppress(OSError):  # then nothing was written there
                    path = normal(word.removeprefix(option), shell.cwd)
                    shell.phone.storage.recount_file(path)
