"""Commands that change the shell itself or run others: cd, exit, read, sh, nohup."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from hil.emulators.phone.call import number
from hil.emulators.phone.lexer import ShellSyntaxError
from hil.emulators.phone.paths import reason
from hil.emulators.phone.processes import Killed, run_killable
from hil.emulators.phone.shell import NOT_FOUND, SHELL, Leave, LoopControl
from hil.emulators.phone.syntax import parse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from hil.emulators.phone.call import Call
    from hil.emulators.phone.shell import Shell

_MAX_SCRIPT_BYTES = 1 << 20
_MASK_AND_COMMAND = 2
_HEX_MASK = re.compile(r"[0-9A-Fa-f]{1,16}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


async def _cd(call: Call) -> int:
    target = call.arguments[0] if call.arguments else "/"
    path = call.path(target)
    try:
        is_folder = call.phone.storage.stat(path).is_folder
    except OSError as exc:
        return await call.fail(f"{target}: {reason(exc)}", status=2)
    if not is_folder:
        return await call.fail(f"{target}: Not a directory", status=2)
    call.shell.cwd = path
    return 0


async def _exit(call: Call) -> int:
    given = number(call.arguments[0]) if call.arguments else call.shell.status
    if given is None:
        raise Leave(await call.fail(f"{call.arguments[0]}: bad number"))
    raise Leave(given & 0xFF)


async def _loop_control(call: Call) -> int:
    levels = number(call.arguments[0]) if call.arguments else 1
    raise LoopControl(max(1, levels or 1), goes_on=call.name == "continue")


async def _export(call: Call) -> int:
    for argument in call.arguments:
        if found := _ASSIGNMENT.fullmatch(argument):
            call.shell.assign(found[1], found[2])
        elif not _NAME.fullmatch(argument):
            return await call.fail(f"{argument}: is not an identifier")
    return 0


async def _unset(call: Call) -> int:
    for name in call.arguments:
        call.shell.variables.pop(name, None)
    return 0


async def _shift(call: Call) -> int:
    count = number(call.arguments[0]) if call.arguments else 1
    shell = call.shell
    if count is None or not 0 <= count <= len(shell.positional):
        return await call.fail("nothing to shift")
    shell.arguments = [shell.arguments[0], *shell.positional[count:]]
    return 0


async def _read(call: Call) -> int:
    """`read [-r] NAME...`: 1 at the end of the input."""
    given, names = call.options("r")
    line = await call.io.stdin.read_line()
    text = line.decode(errors="surrogateescape").removesuffix("\n")
    if "r" not in given:
        text = re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
    names = names or ["REPLY"]
    fields = text.split(maxsplit=len(names) - 1)
    for index, name in enumerate(names):
        value = fields[index] if index < len(fields) else ""
        call.shell.assign(name, value.strip())
    return 0 if line.endswith(b"\n") else 1


async def _exec(call: Call) -> int:
    """Run a command in the place of the shell, under its process number."""
    if not call.arguments:
        return 0
    call.shell.replaced = True
    raise Leave(await call.run(call.arguments, call.shell, call.io))


async def _source(call: Call) -> int:
    if not call.arguments:
        return await call.fail("missing argument")
    script = await _script(call, call.arguments[0])
    if isinstance(script, int):
        return script
    return await call.source(script, call.shell, call.io)


async def _sh(call: Call) -> int:
    """`sh FILE args`, `sh -c TEXT [NAME args]`, or a script from standard input."""
    shell = call.shell.copy()
    script: str | int | None = None
    arguments = list(call.arguments)
    if arguments[:1] == ["-c"]:
        if len(arguments) == 1:
            return await call.fail("-c: argument expected")
        script = arguments[1]
        shell.arguments = arguments[2:] or [SHELL]
    elif arguments:
        script = await _script(call, arguments[0])
        shell.arguments = arguments
    if isinstance(script, int):
        return script
    work = _until_exit(call, shell, script)
    if shell.replaced:
        return await work
    shell.process = call.phone.processes.start(
        ["sh", *arguments], parent=call.shell.process.pid
    )
    try:
        return await run_killable(shell.process, work)
    except Killed as exc:
        await call.io.stderr.write(f"{exc.text} \n".encode())
        return exc.status
    finally:
        call.phone.processes.end(shell.process)


async def _until_exit(call: Call, shell: Shell, script: str | None) -> int:
    """Run *script*, or standard input where it is None, up to its end or `exit`."""
    try:
        if script is None:
            return await _lines(call, shell)
        return await call.source(script, shell, call.io)
    except Leave as exc:
        return exc.status


async def _lines(call: Call, shell: Shell) -> int:
    """Run standard input line by line, as far as each line completes a command."""
    text = ""
    while line := await call.io.stdin.read_line():
        text += line.decode(errors="surrogateescape")
        if len(text) > _MAX_SCRIPT_BYTES:
            return await call.fail("the command is too long")
        if not _is_incomplete(text):
            await call.source(text, shell, call.io)
            text = ""
    return await call.source(text, shell, call.io) if text else shell.status


def _is_incomplete(text: str) -> bool:
    try:
        parse(text)
    except ShellSyntaxError as exc:
        return exc.incomplete
    return False


async def _script(call: Call, name: str) -> str | int:
    """Return the text of a script, or the exit status after saying why not."""
    try:
        path = call.path(name)
        content = call.phone.storage.read(path, limit_bytes=_MAX_SCRIPT_BYTES)
    except OSError as exc:
        return await call.fail(f"{name}: {reason(exc)}", status=NOT_FOUND)
    return content.decode(errors="surrogateescape")


async def _env(call: Call) -> int:
    """`env [NAME=VALUE].. [COMMAND ..]`; without a command, list the variables."""
    shell = call.shell.copy()
    words = list(call.arguments)
    while words and (found := _ASSIGNMENT.fullmatch(words[0])):
        shell.assign(found[1], found[2])
        del words[0]
    if words:
        return await call.run(words, shell, call.io)
    lines = (f"{name}={value}\n" for name, value in sorted(shell.variables.items()))
    await call.say("".join(lines))
    return 0


async def _nohup(call: Call) -> int:
    """Run a command that a closed stream does not end.

    The interpreter has already detached it; here its child learns to ignore SIGHUP.
    """
    if not call.arguments:
        return await call.fail("Needs 1 argument", status=125)
    shell = call.shell.copy()
    shell.ignores_hangup = True
    return await call.run(call.arguments, shell, call.io)


async def _taskset(call: Call) -> int:
    """`taskset HEXMASK COMMAND ..`, as toybox has it: no 0x in front of the mask."""
    if len(call.arguments) < _MASK_AND_COMMAND:
        return await call.fail("Needs 2 arguments")
    mask, *words = call.arguments
    if not _HEX_MASK.fullmatch(mask):
        return await call.fail(f"bad mask '{mask}'")
    bits = int(mask, 16)
    cores = range(len(call.phone.personality.cpus))
    shell = call.shell.copy()
    shell.cpus = tuple(core for core in cores if bits >> core & 1)
    if not shell.cpus:
        pid = call.shell.process.pid
        return await call.fail(f"failed to set pid {pid}'s affinity: Invalid argument")
    return await call.run(words, shell, call.io)


async def _wait(call: Call) -> int:
    """`wait [PID..]`: the status of the last; without numbers, for all, and 0."""
    jobs = call.shell.jobs
    status = 0
    for word in call.arguments or [str(pid) for pid in jobs]:
        task = jobs.pop(number(word) or 0, None)
        # Whatever ends this shell, the job is not ended by it.
        status = NOT_FOUND if task is None else await asyncio.shield(task)
    return status if call.arguments else 0


async def _succeed(_: Call) -> int:
    return 0


COMMANDS: Mapping[str, Callable[[Call], Awaitable[int]]] = {
    ".": _source,
    ":": _succeed,
    "break": _loop_control,
    "cd": _cd,
    "continue": _loop_control,
    "env": _env,
    "exec": _exec,
    "exit": _exit,
    "export": _export,
    "nohup": _nohup,
    "read": _read,
    "sh": _sh,
    "shift": _shift,
    "source": _source,
    "taskset": _taskset,
    "unset": _unset,
    "wait": _wait,
}
