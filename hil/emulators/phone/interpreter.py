"""Runs a parsed script, with built-in commands only.

No text that a client sends ever reaches a shell or a process of this machine: all
commands are functions of this package, but for benchmark_model, which the phone's
runtime starts with its arguments.
"""

from __future__ import annotations

import asyncio
import errno
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hil.emulators.phone.arithmetic import evaluate
from hil.emulators.phone.call import Call, Io, UsageError
from hil.emulators.phone.commands import COMMANDS
from hil.emulators.phone.expansion import expand, expand_one
from hil.emulators.phone.lexer import ShellSyntaxError, Substitution
from hil.emulators.phone.paths import normal, reason, refusal
from hil.emulators.phone.pipes import (
    Capture,
    FileSink,
    Pipe,
    Source,
    empty,
    file_source,
)
from hil.emulators.phone.processes import SIGNALLED, Killed, run_killable
from hil.emulators.phone.program import is_program, run_program
from hil.emulators.phone.shell import (
    NOT_FOUND,
    NOT_RUNNABLE,
    SHELL,
    Leave,
    LoopControl,
)
from hil.emulators.phone.syntax import For, Group, If, Script, Simple, While, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.emulators.phone.lexer import Word
    from hil.emulators.phone.shell import Shell
    from hil.emulators.phone.storage import Storage
    from hil.emulators.phone.syntax import AndOr, Node, Pipeline, Redirect

_BROKEN_PIPE: Final = SIGNALLED + 13
_MAX_DEPTH: Final = 40  # of scripts inside scripts; Python's own stack is finite
_MAX_CAPTURE_BYTES: Final = 1 << 20
_MAX_SCRIPT_BYTES: Final = 1 << 20
_COMMAND_FOLDER: Final = "/system/bin/"


async def run_text(text: str, shell: Shell, io: Io) -> int:
    """Run *text* in *shell* to its end or its `exit`; return its exit status."""
    try:
        return await source(text, shell, io)
    except Leave as exc:
        return exc.status


async def source(text: str, shell: Shell, io: Io) -> int:
    """Run *text* as a part of a longer script: `exit` comes out as Leave."""
    try:
        await _Run(shell, io).script(parse(text))
    except ShellSyntaxError as exc:
        await _complain(io, str(exc))
        shell.status = exc.status
    except LoopControl:
        pass  # outside of a loop, they do nothing
    except BrokenPipeError:
        shell.status = _BROKEN_PIPE
    except OSError as exc:  # an expansion too large, a path too long
        await _complain(io, reason(exc))
        shell.status = 1
    return shell.status


async def run_words(words: Sequence[str], shell: Shell, io: Io) -> int:
    """Run one command, its name and arguments already expanded."""
    # Every command gives way once, so that no loop can hold up the other connections.
    await asyncio.sleep(0)
    name = words[0].removeprefix(_COMMAND_FOLDER)
    command = COMMANDS.get(name)
    if command is None:
        if "/" in words[0]:
            return await _run_file(words, shell, io)
        await _complain(io, f"{words[0]}: inaccessible or not found")
        return NOT_FOUND
    call = Call(
        name=name,
        arguments=words[1:],
        io=io,
        shell=shell,
        run=run_words,
        source=source,
    )
    try:
        return await command(call)
    except BrokenPipeError:  # SIGPIPE ends the whole shell, not the command alone
        raise
    except UsageError as exc:
        return await call.fail(str(exc))
    except OSError as exc:
        named = f"{exc.filename}: " if exc.filename else ""
        return await call.fail(f"{named}{reason(exc)}")


async def _complain(io: Io, text: str) -> None:
    await io.stderr.write(f"{SHELL}: {text}\n".encode(errors="surrogateescape"))


async def _run_file(words: Sequence[str], shell: Shell, io: Io) -> int:
    """Run a file of the phone: a script, or the stand-in of benchmark_model."""
    storage = shell.phone.storage
    try:
        path = normal(words[0], shell.cwd)
        entry = storage.stat(path)
    except OSError as exc:
        missing = exc.errno in {errno.ENOENT, errno.ENOTDIR}
        text = "inaccessible or not found" if missing else reason(exc)
        await _complain(io, f"{words[0]}: {text}")
        return NOT_FOUND if missing else NOT_RUNNABLE
    if entry.is_folder or not entry.mode & 0o111:
        problem = errno.EISDIR if entry.is_folder else errno.EACCES
        text = reason(refusal(problem, path))
        await _complain(io, f"{words[0]}: can't execute: {text}")
        return NOT_RUNNABLE
    try:
        content = storage.read(path, limit_bytes=_MAX_SCRIPT_BYTES)
    except OSError as exc:
        await _complain(io, f"{words[0]}: can't execute: {reason(exc)}")
        return NOT_RUNNABLE
    if is_program(content):
        return await run_program(words, shell, io)
    if b"\0" in content:
        magic = content[:4].hex().upper()
        await _complain(io, f"{words[0]}: not executable: magic {magic}")
        return NOT_RUNNABLE
    script = shell.copy()
    script.arguments = list(words)
    return await run_text(content.decode(errors="surrogateescape"), script, io)


class _Run:
    """One shell running with given streams."""

    def __init__(self, shell: Shell, io: Io) -> None:
        self._shell = shell
        self._io = io

    async def script(self, script: Script) -> None:
        """Run every command of *script*; its status is the shell's."""
        self._shell.depth += 1
        if self._shell.depth > _MAX_DEPTH:
            raise ShellSyntaxError("commands are nested too deeply", status=2)
        try:
            for item in script.items:
                await self._and_or(item)
        finally:
            self._shell.depth -= 1

    async def _and_or(self, item: AndOr) -> None:
        if item.background:
            self._start_job(replace(item, background=False))
            return
        await self._pipeline(item.first)
        for operator, pipeline in item.rest:
            if (self._shell.status == 0) == (operator == "&&"):
                await self._pipeline(pipeline)

    def _start_job(self, item: AndOr) -> None:
        """Start *item* as a process of its own, which outlives this shell."""
        shell = self._shell.copy()
        phone = self._shell.phone
        process = phone.processes.start(["sh"], parent=self._shell.process.pid)
        shell.process = process
        # A single command takes the new process over, as after a fork and an exec.
        shell.replaced = not item.rest and len(item.first.commands) == 1
        io = replace(self._io, stdin=empty())
        work = _Run(shell, io).subshell(Script((item,)), io)

        async def job() -> int:
            try:
                return await run_killable(process, work)
            except Killed as exc:
                return exc.status
            finally:
                phone.processes.end(process)

        self._shell.jobs[process.pid] = phone.detach(job())
        self._shell.last_job = process.pid
        self._shell.status = 0

    async def _pipeline(self, pipeline: Pipeline) -> None:
        if len(pipeline.commands) == 1:
            await self._node(pipeline.commands[0])
        else:
            await self._joined(pipeline.commands)
        if pipeline.inverted:
            self._shell.status = int(self._shell.status == 0)

    async def _joined(self, nodes: Sequence[Node]) -> None:
        """Run *nodes* at the same time, the output of each the input of the next."""
        pipes = [Pipe() for _ in nodes[1:]]
        async with asyncio.TaskGroup() as group:
            tasks = []
            for index, node in enumerate(nodes):
                before = pipes[index - 1] if index else None
                after = pipes[index] if index < len(pipes) else None
                tasks.append(group.create_task(self._joined_node(node, before, after)))
        self._shell.status = tasks[-1].result()

    async def _joined_node(
        self, node: Node, before: Pipe | None, after: Pipe | None
    ) -> int:
        io = self._io
        if before is not None:
            io = replace(io, stdin=Source(before.fetch))
        if after is not None:
            io = replace(io, stdout=after)
        try:
            return await self.subshell(node, io)
        except BrokenPipeError:  # while it said what was wrong
            return _BROKEN_PIPE
        finally:
            if before is not None:
                await before.end_reading()
            if after is not None:
                await after.end_writing()

    async def subshell(self, work: Node | Script, io: Io) -> int:
        """Run *work* in a copy of the shell, which `exit` leaves."""
        shell = self._shell.copy()
        run = _Run(shell, io)
        try:
            if isinstance(work, Script):
                await run.script(work)
            else:
                await run._node(work)
        except Leave as exc:
            return exc.status
        except LoopControl:
            pass
        except BrokenPipeError:
            return _BROKEN_PIPE
        except ShellSyntaxError as exc:
            await _complain(io, str(exc))
            return exc.status
        except OSError as exc:
            await _complain(io, reason(exc))
            return 1
        return shell.status

    async def _node(self, node: Node) -> None:
        # A background command is detached already; a shield would keep kill off it.
        if _outlives_us(node) and not self._shell.replaced:
            await asyncio.shield(self._shell.phone.detach(self._attached(node)))
        else:
            await self._attached(node)

    async def _attached(self, node: Node) -> None:
        with ExitStack() as files:
            try:
                io = await self._redirected(node.redirects, files)
            except OSError as exc:
                await _complain(self._io, str(exc.strerror))
                self._shell.status = 1
                return
            await _Run(self._shell, io)._bare(node)  # noqa: SLF001 - of the same class

    async def _bare(self, node: Node) -> None:
        """Run a command whose redirections are done."""
        command = node.command
        if isinstance(command, Simple):
            await self._simple(command)
        elif isinstance(command, Group):
            if command.subshell:
                self._shell.status = await self.subshell(command.body, self._io)
            else:
                await self.script(command.body)
        elif isinstance(command, If):
            await self._if(command)
        else:
            await self._loop(command)

    async def _simple(self, command: Simple) -> None:
        shell = self._shell
        words = await expand(command.words, self)
        if not words:
            for name, word in command.assignments:
                shell.assign(name, await expand_one(word, self))
            if not any(_runs_commands(word) for _, word in command.assignments):
                shell.status = 0
            return
        if command.assignments:
            shell = shell.copy()
            for name, word in command.assignments:
                shell.assign(name, await expand_one(word, self))
        self._shell.status = await run_words(words, shell, self._io)

    async def _if(self, command: If) -> None:
        for condition, body in command.branches:
            await self.script(condition)
            if self._shell.status == 0:
                await self.script(body)
                return
        self._shell.status = 0
        if command.otherwise is not None:
            await self.script(command.otherwise)

    async def _loop(self, command: For | While) -> None:
        status = 0
        if isinstance(command, For):
            for word in await expand(command.words, self):
                self._shell.assign(command.name, word)
                if await self._broken_off(command.body):
                    return
            return
        while True:
            await self.script(command.condition)
            if (self._shell.status == 0) == command.until:
                self._shell.status = status
                return
            if await self._broken_off(command.body):
                return
            status = self._shell.status

    async def _broken_off(self, body: Script) -> bool:
        """Run the body of a loop once; whether `break` ends the loop."""
        await asyncio.sleep(0)
        try:
            await self.script(body)
        except LoopControl as control:
            self._shell.status = 0
            if control.levels > 1:
                control.levels -= 1
                raise
            return not control.goes_on
        return False

    async def _redirected(self, redirects: Sequence[Redirect], files: ExitStack) -> Io:
        io = self._io
        for redirect in redirects:
            target = await expand_one(redirect.target, self)
            if redirect.operator in {">&", "<&"}:
                io = _duplicated(io, redirect.descriptor, target)
                continue
            path = target
            try:
                path = normal(target, self._shell.cwd)
                io = self._opened(io, redirect, path, files)
            except OSError as exc:
                verb = "open" if redirect.operator == "<" else "create"
                text = f"can't {verb} {target}: {reason(exc)}"
                raise OSError(exc.errno, text) from exc
        return io

    def _opened(self, io: Io, redirect: Redirect, path: str, files: ExitStack) -> Io:
        if redirect.operator == "<":
            file = files.enter_context(self.storage.open_read(path))
            return replace(io, stdin=file_source(file))
        append = redirect.operator == ">>"
        writer = self.storage.open_write(path, append=append)
        sink = FileSink(files.enter_context(closing(writer)))
        if redirect.descriptor == 1:
            return replace(io, stdout=sink)
        return replace(io, stderr=sink)

    # What the words of a script may refer to: hil.emulators.phone.expansion.Values.

    @property
    def storage(self) -> Storage:
        """The file system that globs look into."""
        return self._shell.phone.storage

    @property
    def cwd(self) -> str:
        """The folder that relative globs start from."""
        return self._shell.cwd

    @property
    def positional(self) -> Sequence[str]:
        """The arguments of the script, `$1` first."""
        return self._shell.positional

    def value(self, name: str) -> str:
        """Return the value of a variable or parameter, "" where it is unset."""
        return self._shell.value(name)

    async def substitute(self, substitution: Substitution) -> str:
        """Return what the commands print, or the value of the arithmetic."""
        if substitution.arithmetic:
            return str(evaluate(substitution.script, self._shell.variables))
        output = Capture(_MAX_CAPTURE_BYTES)
        self._shell.status = await self.subshell(
            parse(substitution.script), replace(self._io, stdout=output)
        )
        if output.overflowed:
            raise refusal(errno.E2BIG, "")
        return output.content().decode(errors="surrogateescape").rstrip("\n")


def _runs_commands(word: Word) -> bool:
    """Whether `$(..)` stands in *word*: then an assignment has the status of that."""
    return any(
        isinstance(piece, Substitution) and not piece.arithmetic
        for piece in word.pieces
    )


def _outlives_us(node: Node) -> bool:
    """Whether a hang-up must not end *node* and close its files: `nohup`."""
    command = node.command
    return (
        isinstance(command, Simple)
        and bool(command.words)
        and command.words[0].bare == "nohup"
    )


def _duplicated(io: Io, descriptor: int, target: str) -> Io:
    """Do `2>&1` or `1>&2`; no other descriptors are there."""
    if (descriptor, target) == (2, "1"):
        return replace(io, stderr=io.stdout)
    if (descriptor, target) == (1, "2"):
        return replace(io, stdout=io.stderr)
    if str(descriptor) == target:
        return io
    raise OSError(errno.EBADF, f"{target[:20]}: bad file descriptor")
