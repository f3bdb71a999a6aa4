"""Commands on files and folders: ls, stat, rm, mkdir, mv, cp, chmod, touch, test."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import re
import stat
from typing import TYPE_CHECKING

from hil.emulators.phone.call import number
from hil.emulators.phone.paths import parent, reason, refusal
from hil.emulators.phone.pipes import CHUNK_BYTES, FileSink, file_source

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from hil.emulators.phone.call import Call
    from hil.emulators.phone.storage import Entry

_SOURCE_AND_TARGET = 2


async def _each(
    call: Call, operands: Sequence[str], work: Callable[[str], None]
) -> int:
    """Do *work* on the path of every operand; go on after a refusal."""
    if not operands:
        return await call.fail("Needs 1 argument")
    status = 0
    for operand in operands:
        try:
            work(call.path(operand))
        except OSError as exc:
            status = await call.fail(f"{operand}: {reason(exc)}")
    return status


async def _ls(call: Call) -> int:
    given, operands = call.options("la1d")
    status = 0
    folders: list[str] = []
    lines: list[str] = []
    for operand in operands or ["."]:
        try:
            entry = call.phone.storage.stat(call.path(operand))
        except OSError as exc:
            status = await call.fail(f"{operand}: {reason(exc)}")
            continue
        if entry.is_folder and "d" not in given:
            folders.append(operand)
        else:
            lines.append(_line(operand, entry, given))
    for operand in folders:
        if len(folders) + len(lines) > 1:
            lines.append(f"{operand}:\n")
        lines += _listing(call, call.path(operand), given)
    await call.say("".join(lines))
    return status


def _listing(call: Call, path: str, given: set[str]) -> list[str]:
    storage = call.phone.storage
    names = storage.names(path)
    names = [".", "..", *names] if "a" in given else [n for n in names if n[0] != "."]
    special = {".": path, "..": parent(path)}
    entries = [
        (name, storage.stat(special.get(name) or f"{path.rstrip('/')}/{name}"))
        for name in names
    ]
    lines = [_line(name, entry, given) for name, entry in entries]
    if "l" in given:
        kilobytes = sum(-(-entry.size // 1024) for _, entry in entries)
        lines.insert(0, f"total {kilobytes}\n")
    return lines


def _line(name: str, entry: Entry, given: set[str]) -> str:
    shown = printable(name)
    if "l" not in given:
        return f"{shown}\n"
    time = _moment(entry.mtime).strftime("%Y-%m-%d %H:%M")
    mode = stat.filemode(entry.mode)
    return f"{mode} {entry.links} shell shell {entry.size:>8} {time} {shown}\n"


def printable(name: str) -> str:
    """Return a file name with control characters shown, as ls does."""
    return re.sub(r"[\x00-\x1f\x7f]", "?", name)


def _moment(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)


async def _stat(call: Call) -> int:
    """`stat [-c FORMAT] FILE..`."""
    operands = list(call.arguments)
    form = "  File: %n\n  Size: %s\t %F\nAccess: (%a/%A)\tUid: %u\tGid: %g\nModify: %Y"
    if operands[:1] == ["-c"] and len(operands) > 1:
        form = operands[1]
        del operands[:2]
    status = 0 if operands else await call.fail("Needs 1 argument")
    for operand in operands:
        try:
            entry = call.phone.storage.stat(call.path(operand))
        except OSError as exc:
            status = await call.fail(f"'{operand}': {reason(exc)}")
        else:
            await call.say(_filled(form, operand, entry) + "\n")
    return status


def _filled(form: str, name: str, entry: Entry) -> str:
    kind = "directory" if entry.is_folder else "regular file"
    values = {
        "%": "%",
        "n": name,
        "s": str(entry.size),
        "a": f"{stat.S_IMODE(entry.mode):o}",
        "A": stat.filemode(entry.mode),
        "F": kind,
        "Y": str(entry.mtime),
        "i": str(entry.inode),
        "h": str(entry.links),
        "u": "2000",
        "g": "2000",
        "U": "shell",
        "G": "shell",
    }
    return re.sub(r"%(.)", lambda found: values.get(found[1], "?"), form)


async def _rm(call: Call) -> int:
    given, operands = call.options("rRf")
    storage = call.phone.storage
    if "f" in given:
        operands = [name for name in operands if storage.exists(call.path(name))]
        if not operands:
            return 0
    recursive = bool(given & {"r", "R"})
    return await _each(
        call, operands, storage.remove_tree if recursive else storage.remove
    )


async def _rmdir(call: Call) -> int:
    return await _each(call, call.arguments, call.phone.storage.remove_folder)


async def _mkdir(call: Call) -> int:
    given, operands = call.options("p")
    storage = call.phone.storage
    make = storage.make_parents if "p" in given else storage.make_folder
    return await _each(call, operands, make)


async def _touch(call: Call) -> int:
    now = int(dt.datetime.now(tz=dt.UTC).timestamp())

    def touch(path: str) -> None:
        call.phone.storage.open_write(path, append=True).close()
        call.phone.storage.set_mtime(path, now)

    return await _each(call, call.arguments, touch)


async def _chmod(call: Call) -> int:
    """`chmod OCTAL FILE..`, and `+x`, `-w` and the like for all."""
    operands = list(call.arguments)
    if len(operands) < _SOURCE_AND_TARGET:
        return await call.fail("Needs 2 arguments")
    text = operands.pop(0)
    symbolic = re.fullmatch(r"[ugoa]*([-+])([rwx]+)", text)
    if not symbolic and not re.fullmatch(r"[0-7]{1,4}", text):
        return await call.fail(f"bad mode '{text}'")
    storage = call.phone.storage

    def change(path: str) -> None:
        if symbolic is None:
            storage.chmod(path, int(text, 8))
            return
        bits = sum({"r": 0o444, "w": 0o222, "x": 0o111}[c] for c in set(symbolic[2]))
        mode = storage.stat(path).mode
        storage.chmod(path, mode | bits if symbolic[1] == "+" else mode & ~bits)

    return await _each(call, operands, change)


async def _mv(call: Call) -> int:
    _, operands = call.options("f")
    return await _to_target(call, operands, _move)


async def _cp(call: Call) -> int:
    _, operands = call.options("fp")
    return await _to_target(call, operands, _copy)


async def _dd(call: Call) -> int:
    """`dd if=FILE of=FILE [bs=N] [skip=N] [count=N]`, in whole blocks of *bs*."""
    given = dict(word.split("=", 1) for word in call.arguments if "=" in word)
    block, skip = (number(given.get(k, d)) for k, d in (("bs", "512"), ("skip", "0")))
    count = number(given["count"]) if "count" in given else -1
    if not {"if", "of"} <= given.keys() or None in {block, skip, count}:
        return await call.fail("bad arguments")
    assert block is not None
    assert skip is not None
    assert count is not None
    storage = call.phone.storage
    with (
        storage.open_read(call.path(given["if"])) as source,
        contextlib.closing(
            storage.open_write(call.path(given["of"]), append=False)
        ) as target,
    ):
        source.seek(block * skip)
        data = source.read(block * count if count >= 0 else -1) or b""
        target.write(data)
    whole, rest = divmod(len(data), block)
    told = f"{whole}+{int(rest > 0)} records in\n" * 2
    await call.io.stderr.write(told.replace("in", "out", 1).encode())
    return 0


async def _to_target(
    call: Call,
    operands: list[str],
    work: Callable[[Call, str, str], Awaitable[None]],
) -> int:
    """Do *work* from every source to the target, or into it if it is a folder."""
    if len(operands) < _SOURCE_AND_TARGET:
        return await call.fail("Needs 2 arguments")
    storage = call.phone.storage
    *sources, last = operands
    target = call.path(last)
    into = storage.exists(target) and storage.stat(target).is_folder
    if len(sources) > 1 and not into:
        return await call.fail(f"'{last}' not directory")
    status = 0
    for source in sources:
        path = call.path(source)
        name = path.rsplit("/", 1)[-1]
        try:
            await work(call, path, f"{target.rstrip('/')}/{name}" if into else target)
        except OSError as exc:
            status = await call.fail(f"bad '{source}': {reason(exc)}")
    return status


async def _move(call: Call, source: str, target: str) -> None:
    call.phone.storage.rename(source, target)


async def _copy(call: Call, source: str, target: str) -> None:
    storage = call.phone.storage
    if source == target:
        raise refusal(errno.EINVAL, source)
    with storage.open_read(source) as file:
        writer = storage.open_write(
            target, append=False, mode=stat.S_IMODE(storage.stat(source).mode)
        )
        try:
            data = file_source(file)
            sink = FileSink(writer)
            while chunk := await data.read_exactly(CHUNK_BYTES):
                await sink.write(chunk)
        finally:
            writer.close()


async def _test(call: Call) -> int:
    words = list(call.arguments)
    if call.name == "[":
        if words[-1:] != ["]"]:
            return await call.fail("missing ]", status=2)
        words.pop()
    inverted = False
    while words[:1] == ["!"]:
        inverted = not inverted
        del words[0]
    found = _verdict(call, words)
    if found is None:
        return await call.fail("syntax error", status=2)
    return int(found == inverted)


def _verdict(call: Call, words: list[str]) -> bool | None:
    """Whether the test is true; None where it is none."""
    match words:
        case []:
            verdict: bool | None = False
        case [word]:
            verdict = word != ""
        case ["-n" | "-z" as operator, word]:
            verdict = (word != "") == (operator == "-n")
        case ["-e" | "-f" | "-d" | "-x" | "-r" | "-w" | "-s" as operator, word]:
            verdict = _file_test(call, operator, word)
        case [left, "=" | "==" | "!=" as operator, right]:
            verdict = (left == right) == (operator != "!=")
        case [left, operator, right] if operator in _COMPARISONS:
            verdict = _comparison(number(left), operator, number(right))
        case _:
            verdict = None
    return verdict


def _comparison(left: int | None, operator: str, right: int | None) -> bool | None:
    if left is None or right is None:
        return None
    return _COMPARISONS[operator](left, right)


_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "-eq": lambda left, right: left == right,
    "-ne": lambda left, right: left != right,
    "-lt": lambda left, right: left < right,
    "-le": lambda left, right: left <= right,
    "-gt": lambda left, right: left > right,
    "-ge": lambda left, right: left >= right,
}
_PERMISSION = {"-x": 0o111, "-r": 0o444, "-w": 0o222}


def _file_test(call: Call, operator: str, word: str) -> bool:
    try:
        entry = call.phone.storage.stat(call.path(word))
    except OSError:
        return False
    if operator in _PERMISSION:
        return bool(entry.mode & _PERMISSION[operator])
    return {
        "-e": True,
        "-d": entry.is_folder,
        "-f": stat.S_ISREG(entry.mode),
        "-s": entry.size > 0,
    }[operator]


COMMANDS: Mapping[str, Callable[[Call], Awaitable[int]]] = {
    "[": _test,
    "chmod": _chmod,
    "cp": _cp,
    "dd": _dd,
    "ls": _ls,
    "mkdir": _mkdir,
    "mv": _mv,
    "rm": _rm,
    "rmdir": _rmdir,
    "stat": _stat,
    "test": _test,
    "touch": _touch,
}
