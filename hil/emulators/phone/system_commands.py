"""Commands that tell of the phone: getprop, dumpsys, cmd, ps, kill, df, uname."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import signal
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hil.emulators.phone.call import number
from hil.emulators.phone.shell import NOT_FOUND, SHELL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from hil.emulators.phone.call import Call

_FIXED = "set-fixed-performance-mode-enabled"
_SWITCH = (["true"], ["false"])
_NO_SERVICE = 20
_UNKNOWN_VERB = 255
_KILOBYTE = 1024
_UNITS_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIGNALS = {
    "HUP": signal.SIGHUP,
    "INT": signal.SIGINT,
    "KILL": signal.SIGKILL,
    "TERM": signal.SIGTERM,
    "STOP": signal.SIGSTOP,
    "CONT": signal.SIGCONT,
    "ABRT": signal.SIGABRT,
    "SEGV": signal.SIGSEGV,
}


async def _true(_: Call) -> int:
    return 0


async def _false(_: Call) -> int:
    return 1


async def _pwd(call: Call) -> int:
    await call.say(f"{call.shell.cwd}\n")
    return 0


async def _sleep(call: Call) -> int:
    for argument in call.arguments or ["none"]:
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})([smh]?)", argument)
        if found is None:
            return await call.fail(f"bad time '{argument}'")
        seconds = float(found[1]) * _UNITS_SECONDS[found[2]]
        if not call.phone.personality.workload.skip(seconds):
            await asyncio.sleep(seconds)
    return 0


async def _id(call: Call) -> int:
    if call.arguments[:1] == ["-u"]:
        await call.say("2000\n")
    else:
        await call.say(
            "uid=2000(shell) gid=2000(shell) groups=2000(shell) context=u:r:shell:s0\n"
        )
    return 0


async def _whoami(call: Call) -> int:
    await call.say("shell\n")
    return 0


async def _uname(call: Call) -> int:
    given, _ = call.options("asnrvm")
    personality = call.phone.personality
    parts = {
        "s": "Linux",
        "n": "localhost",
        "r": personality.kernel,
        "v": "#1 SMP PREEMPT emulated",
        "m": personality.machine,
    }
    shown = (
        parts if "a" in given else {key: parts[key] for key in parts if key in given}
    )
    await call.say(" ".join((shown or {"s": "Linux"}).values()) + "\n")
    return 0


async def _date(call: Call) -> int:
    now = dt.datetime.now(tz=dt.UTC)
    form = "+%a %b %d %H:%M:%S UTC %Y"
    if call.arguments and call.arguments[0] != "-u":
        form = call.arguments[0]
    if not form.startswith("+"):
        return await call.fail(f"bad date '{form}'")
    values = {
        "s": str(int(now.timestamp())),
        "N": f"{now.microsecond:06d}000",
        "%": "%",
    }

    def part(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in values:
            return values[letter]
        return now.strftime(f"%{letter}") if letter in "aAbBdeFHIjmMpSTyYZ" else "?"

    await call.say(re.sub(r"%(.)", part, form[1:]) + "\n")
    return 0


async def _getprop(call: Call) -> int:
    properties = call.phone.personality.properties
    if call.arguments:
        default = call.arguments[1] if len(call.arguments) > 1 else ""
        await call.say(properties.get(call.arguments[0], default) + "\n")
    else:
        lines = (f"[{key}]: [{value}]\n" for key, value in sorted(properties.items()))
        await call.say("".join(lines))
    return 0


async def _dumpsys(call: Call) -> int:
    services = call.phone.personality.services
    if not call.arguments:
        names = "".join(f"  {name}\n" for name in sorted(services))
        await call.say(f"Currently running services:\n{names}")
        return 0
    if call.arguments[0] not in services:
        line = f"Can't find service: {call.arguments[0]}\n"
        await call.io.stderr.write(line.encode(errors="surrogateescape"))
        return 0  # as on Android
    await call.say(services[call.arguments[0]]())
    return 0


async def _cmd(call: Call) -> int:
    """`cmd power help` and its fixed-performance mode; there is no other service."""
    power_help = call.phone.personality.power_help
    if power_help is None:
        line = f"{SHELL}: cmd: inaccessible or not found\n"
        await call.io.stderr.write(line.encode())
        return NOT_FOUND
    service, *words = call.arguments or [""]
    if service != "power":
        line = f"cmd: Can't find service: {service}\n"
        await call.io.stderr.write(line.encode(errors="surrogateescape"))
        return _NO_SERVICE
    if words[:1] == [_FIXED] and _FIXED in power_help and words[1:] in _SWITCH:
        call.phone.personality.heat.hold_clock(enabled=words[1] == "true")
        return 0
    if words[:1] == [_FIXED] and words[1:] in _SWITCH:
        await call.io.stderr.write(b"Failed to set FIXED_PERFORMANCE mode\n")
        return _UNKNOWN_VERB
    await call.say(power_help)
    return 0 if words in ([], ["help"]) else _UNKNOWN_VERB


async def _df(call: Call) -> int:
    storage = call.phone.storage
    total, used = storage.limit_bytes, storage.used_bytes
    percent = -(-100 * used // total)
    sizes = [str(size // _KILOBYTE) for size in (total, used, storage.free_bytes)]
    await call.say(
        "Filesystem       1K-blocks     Used Available Use% Mounted on\n"
        f"/dev/block/dm-0 {sizes[0]:>10} {sizes[1]:>8} {sizes[2]:>9} {percent:>3}% "
        "/data\n"
    )
    return 0


async def _ps(call: Call) -> int:
    call.options("Aef")
    lines = [f"{'USER':<8} {'PID':>6} {'PPID':>6} NAME\n"]
    lines += [
        f"{'shell':<8} {process.pid:>6} {process.parent:>6} {process.name}\n"
        for process in call.phone.processes
    ]
    await call.say("".join(lines))
    return 0


async def _pidof(call: Call) -> int:
    found = [
        str(process.pid)
        for process in call.phone.processes
        if process.name in call.arguments
    ]
    if found:
        await call.say(" ".join(found) + "\n")
    return int(not found)


async def _kill(call: Call) -> int:
    """`kill [-9 | -KILL | -s KILL] PID..`; 0 asks whether the process is there.

    A negative number means the whole process group.
    """
    operands = list(call.arguments)
    which: int | None = signal.SIGTERM
    if operands and operands[0].startswith("-"):
        name = operands.pop(0)[1:]
        if name == "s" and operands:
            name = operands.pop(0)
        which = _SIGNALS.get(name.removeprefix("SIG"), number(name))
    if which is None or not 0 <= which <= signal.SIGRTMAX:
        return await call.fail("bad signal")
    status = 0 if operands else await call.fail("Needs 1 argument")
    for operand in operands:
        pid = number(operand)
        if pid is None:
            status = await call.fail(f"bad pid '{operand}'")
            continue
        processes = call.phone.processes
        process = processes.find(pid)
        hit = processes.group(-pid) if pid < 0 else [process] if process else []
        if not hit:
            status = await call.fail(f"bad pid '{operand}': No such process")
        for one in hit:
            if which and one.signal is not None:
                one.signal(which)
    return status


async def _basename(call: Call) -> int:
    if not call.arguments:
        return await call.fail("Needs 1 argument")
    path = PurePosixPath(call.arguments[0])
    if call.name == "dirname":
        await call.say(f"{path.parent}\n")
        return 0
    name = path.name or "/"
    if len(call.arguments) > 1 and name != call.arguments[1]:
        name = name.removesuffix(call.arguments[1])
    await call.say(f"{name}\n")
    return 0


COMMANDS: Mapping[str, Callable[[Call], Awaitable[int]]] = {
    "basename": _basename,
    "cmd": _cmd,
    "date": _date,
    "df": _df,
    "dirname": _basename,
    "dumpsys": _dumpsys,
    "false": _false,
    "getprop": _getprop,
    "id": _id,
    "kill": _kill,
    "pidof": _pidof,
    "ps": _ps,
    "pwd": _pwd,
    "sleep": _sleep,
    "true": _true,
    "uname": _uname,
    "whoami": _whoami,
}
