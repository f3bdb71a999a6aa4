"""Commands on text and bytes: echo, cat, wc, head, tail, grep, sha256sum, md5sum."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING

from hil.emulators.phone.call import number
from hil.emulators.phone.paths import reason
from hil.emulators.phone.pattern import literal, regex
from hil.emulators.phone.pipes import CHUNK_BYTES, Source, file_source

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from hil.emulators.phone.call import Call

_DEFAULT_LINES = 10
_MAX_LINES = 100_000  # that tail keeps in memory
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "0": "\0"}


async def _echo(call: Call) -> int:
    words = list(call.arguments)
    newline = "\n"
    escapes = False
    while words and words[0] in {"-n", "-e", "-ne", "-en"}:
        newline = "" if "n" in words[0] else newline
        escapes = escapes or "e" in words[0]
        del words[0]
    text = " ".join(words)
    await call.say((_unescaped(text) if escapes else text) + newline)
    return 0


async def _printf(call: Call) -> int:
    """`printf FORMAT [ARGUMENT..]` with %s, %d and %%; used once, not repeated."""
    if not call.arguments:
        return await call.fail("Needs 1 argument")
    form, *values = call.arguments

    def filled(found: re.Match[str]) -> str:
        if found[1] == "%":
            return "%"
        return values.pop(0) if values else ""

    await call.say(re.sub("%([sd%])", filled, _unescaped(form)))
    return 0


def _unescaped(text: str) -> str:
    return re.sub(r"\\([ntr0\\])", lambda found: _ESCAPES[found[1]], text)


async def _over_files(
    call: Call,
    operands: Sequence[str],
    work: Callable[[str, Source], Awaitable[None]],
) -> int:
    """Do *work* on every operand's bytes, on standard input where there is none."""
    status = 0
    for operand in operands or ["-"]:
        with ExitStack() as files:
            if operand == "-":
                source = call.io.stdin
            else:
                try:
                    file = call.phone.storage.open_read(call.path(operand))
                except OSError as exc:
                    status = await call.fail(f"{operand}: {reason(exc)}")
                    continue
                source = file_source(files.enter_context(file))
            await work(operand, source)
    return status


async def _cat(call: Call) -> int:
    async def copy(_: str, source: Source) -> None:
        while data := await source.read():
            await call.io.stdout.write(data)

    return await _over_files(call, call.arguments, copy)


async def _wc(call: Call) -> int:
    given, operands = call.options("lwc")
    shown = given or set("lwc")

    async def count(name: str, source: Source) -> None:
        lines = words = size = 0
        inside = False  # a word that the last chunk was cut in
        while data := await source.read():
            lines += data.count(b"\n")
            size += len(data)
            words += len(data.split()) - (inside and not data[:1].isspace())
            inside = not data[-1:].isspace()
        counts = {"l": lines, "w": words, "c": size}
        text = " ".join(str(counts[key]) for key in "lwc" if key in shown)
        await call.say(f"{text}\n" if name == "-" else f"{text} {name}\n")

    return await _over_files(call, operands, count)


def _amount(call: Call) -> tuple[str, int, list[str]] | None:
    """Read `-n N`, `-c N` or `-N`; None where the number is none."""
    operands = list(call.arguments)
    kind, amount = "n", str(_DEFAULT_LINES)
    if operands and operands[0].startswith("-") and operands[0] != "-":
        option = operands.pop(0)[1:]
        kind = option[0] if option[:1] in {"n", "c"} else "n"
        amount = option.removeprefix(kind)
        if not amount and operands:
            amount = operands.pop(0)
    count = number(amount)
    return None if count is None or count < 0 else (kind, count, operands)


async def _head(call: Call) -> int:
    read = _amount(call)
    if read is None:
        return await call.fail("bad number")
    kind, count, operands = read

    async def first(_: str, source: Source) -> None:
        left = count
        while left > 0:
            if kind == "c":
                data = await source.read_exactly(min(left, CHUNK_BYTES))
                left -= len(data)
            else:
                data = await source.read_line()
                left -= 1
            if not data:
                return
            await call.io.stdout.write(data)

    return await _over_files(call, operands, first)


async def _tail(call: Call) -> int:
    read = _amount(call)
    if read is None:
        return await call.fail("bad number")
    kind, count, operands = read
    count = min(count, _MAX_LINES)

    async def last(_: str, source: Source) -> None:
        if kind == "c":
            kept = b""
            while data := await source.read():
                kept = (kept + data)[-count:] if count else b""
            await call.io.stdout.write(kept)
            return
        lines: deque[bytes] = deque(maxlen=count)
        while line := await source.read_line():
            lines.append(line)
        await call.io.stdout.write(b"".join(lines))

    return await _over_files(call, operands, last)


async def _grep(call: Call) -> int:
    """`grep [-cFHiqvE] [-e] PATTERN [-e PATTERN..] [FILE..]`, by lines.

    A pattern is a simple expression or, with -F, a text.
    """
    given, operands = call.options("cFHiqvEe")
    texts = operands[:1]
    names = operands[1:]
    while "e" in given and names[:1] == ["-e"]:
        texts, names = [*texts, *names[1:2]], names[2:]
    if not texts:
        return await call.fail("no pattern", status=2)
    texts = [text.lower() if "i" in given else text for text in texts]
    patterns = [literal(text) if "F" in given else regex(text) for text in texts]
    named = len(names) > 1 or "H" in given
    total = 0

    async def select(name: str, source: Source) -> None:
        nonlocal total
        found = 0
        prefix = f"{name}:" if named else ""
        while line := await source.read_line():
            shown = line.decode(errors="surrogateescape").removesuffix("\n")
            compared = shown.lower() if "i" in given else shown
            found_one = any(pattern.search(compared) for pattern in patterns)
            if found_one == ("v" in given):
                continue
            found += 1
            if not given & {"c", "q"}:
                await call.say(f"{prefix}{shown}\n")
        if "c" in given:
            await call.say(f"{prefix}{found}\n")
        total += found

    status = await _over_files(call, names, select)
    return 2 if status else int(total == 0)


async def _digest(call: Call) -> int:
    """`sha256sum`, `md5sum`, ...: the name of the command names the algorithm."""

    async def add(name: str, source: Source) -> None:
        digest = hashlib.new(call.name.removesuffix("sum"), usedforsecurity=False)
        while data := await source.read():
            digest.update(data)
        await call.say(f"{digest.hexdigest()}  {name}\n")

    return await _over_files(call, call.arguments, add)


COMMANDS: Mapping[str, Callable[[Call], Awaitable[int]]] = {
    "cat": _cat,
    "echo": _echo,
    "grep": _grep,
    "head": _head,
    "md5sum": _digest,
    "printf": _printf,
    "sha1sum": _digest,
    "sha256sum": _digest,
    "tail": _tail,
    "wc": _wc,
}
