"""A bounded FlatBuffer reader: proves that a file can be read, then reads it.

`check` walks every table, vector and string that the schema names, and proves that
each lies inside the file, is aligned and has a sane length. Offsets to data are
unsigned and point forward and the schema's tables do not nest in themselves, so the
depth of the walk is fixed by the schema. All that is referred to may in total not be
larger than a few times the file, where a thing counts as often as it is referred to:
so neither this walk nor any later reading can take more than linear time, however the
parts of a hostile file overlap or share each other.

Format: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import ModelError
from hil.models.schema import FIELD_INDEX, LAYOUTS, UNIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from hil.models.schema import Field, Layout

_WORD = 4  # bytes of an offset, and of the two sizes that begin a field list
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_HEAD = struct.Struct("<HH")  # of a field list: its own size, its tables' size
_I32 = struct.Struct("<i")
# Field lists are shared by design, and a file may share equal lists on purpose.
_SHARING = 4
_SLACK_BYTES = 65536
_VECTOR_LIMIT = 2**31 - 1
REMEDY = "get the file again, or convert the model again"


class Table:
    """One table of a file that `check` has passed; fields are read by their names."""

    __slots__ = ("data", "kind", "position", "slots")

    def __init__(self, data: bytes, *, position: int, kind: str) -> None:
        """Stand on the table of the schema's *kind* at *position*."""
        self.data = data
        self.position = position
        self.kind = kind
        self.slots = _slots(data, position - _I32.unpack_from(data, position)[0])

    def has(self, name: str) -> bool:
        """Return whether the field is stored."""
        return self._offset(name) != 0

    def scalar(self, name: str, code: str, *, default: int = 0) -> int:
        """Return an integer field; *code* is that of the struct module."""
        offset = self._offset(name)
        if not offset:
            return default
        value: int = struct.unpack_from("<" + code, self.data, self.position + offset)[
            0
        ]
        return value

    def integers(self, name: str, code: str = "i") -> tuple[int, ...]:
        """Return a vector of integers, empty where it is absent."""
        start, count = self._vector(name)
        values: tuple[int, ...] = struct.unpack_from(
            f"<{count}{code}", self.data, start
        )
        return values

    def reals(self, name: str) -> tuple[float, ...]:
        """Return a vector of 32-bit floats, empty where it is absent."""
        start, count = self._vector(name)
        values: tuple[float, ...] = struct.unpack_from(f"<{count}f", self.data, start)
        return values

    def blob(self, name: str) -> bytes:
        """Return a vector of bytes, empty where it is absent."""
        start, count = self._vector(name)
        return self.data[start : start + count]

    def count(self, name: str) -> int:
        """Return the number of elements of a vector, 0 where it is absent."""
        return self._vector(name)[1]

    def text(self, name: str) -> str:
        """Return a string; bytes that are no UTF-8 become U+FFFD."""
        return self.blob(name).decode("utf-8", "replace")

    def table(self, name: str) -> Table | None:
        """Return the table that a field leads to."""
        offset = self._offset(name)
        target = LAYOUTS[self.kind][FIELD_INDEX[self.kind][name]].target
        return self._at(self.position + offset, target) if offset else None

    def tables(self, name: str) -> list[Table]:
        """Return the tables of a vector, empty where it is absent."""
        start, count = self._vector(name)
        target = LAYOUTS[self.kind][FIELD_INDEX[self.kind][name]].target
        return [self._at(start + 4 * index, target) for index in range(count)]

    def union(self, name: str) -> Table | None:
        """Return the table of a union; None where its type is none that we know."""
        offset = self._offset(name)
        target = LAYOUTS[self.kind][FIELD_INDEX[self.kind][name]].target
        kind = self.scalar(f"{name}_type", "B")
        if not offset or not 0 < kind < len(UNIONS[target]):
            return None
        return self._at(self.position + offset, UNIONS[target][kind])

    def _at(self, place: int, kind: str) -> Table:
        target = place + _U32.unpack_from(self.data, place)[0]
        return Table(self.data, position=target, kind=kind)

    def _offset(self, name: str) -> int:
        index = FIELD_INDEX[self.kind][name]
        return self.slots[index] if index < len(self.slots) else 0

    def _vector(self, name: str) -> tuple[int, int]:
        offset = self._offset(name)
        if not offset:
            return 0, 0
        place = self.position + offset
        start = place + _U32.unpack_from(self.data, place)[0]
        return start + 4, _U32.unpack_from(self.data, start)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A file whose structure is sound: its root, and where its bytes are.

    `bytes_by_field` counts the bytes of vectors and strings (their length fields
    included), each once, by the field that leads to them: "Tensor.name".
    `unknown_fields` names stored fields that the schema here does not know.
    """

    root: Table
    bytes_by_field: Mapping[str, int]
    unknown_fields: tuple[str, ...]


def check(data: bytes, *, where: str) -> Structure:
    """Walk the whole file; ModelError names the first part that is not sound."""
    walk = _Walk(data, where)
    position = walk.target(0)
    walk.table(position, "Model")
    return Structure(
        root=Table(data, position=position, kind="Model"),
        bytes_by_field=walk.bytes_by_field,
        unknown_fields=tuple(sorted(walk.unknown_fields)),
    )


def _slots(data: bytes, position: int) -> tuple[int, ...]:
    size = _U16.unpack_from(data, position)[0]
    return struct.unpack_from(f"<{(size - 4) // 2}H", data, position + 4)


def _stored_bytes(field: Field | None) -> int:
    """Return the size of a field in its table: a scalar itself, else an offset."""
    if field is None or field.kind == "skip":
        return 1
    return field.size_bytes if field.kind == "scalar" else 4


class _Walk:
    """One pass over a file that nobody has looked at yet."""

    def __init__(self, data: bytes, where: str) -> None:
        self.bytes_by_field: dict[str, int] = {}
        self.unknown_fields: set[str] = set()
        self._data = data
        self._where = where
        self._end = len(data)
        self._limit_bytes = _SHARING * len(data) + _SLACK_BYTES
        self._spent_bytes = 0
        self._path: list[str | int] = []
        self._tables: dict[tuple[int, str], int] = {}  # with the bytes below each
        self._vectors: set[int] = set()
        self._vtables: dict[int, tuple[int, ...]] = {}

    def target(self, place: int) -> int:
        """Return where the offset at *place* leads, inside the file."""
        self._inside(place, 4)
        offset = _U32.unpack_from(self._data, place)[0]
        if offset == 0:
            self._fail("an offset points at itself", found=f"byte {place:,}")
        position: int = place + offset
        self._inside(position, 4)
        self._aligned(position, 4)
        return position

    def table(self, position: int, kind: str) -> None:
        """Check the table at *position* and all that it leads to."""
        known = self._tables.get((position, kind))
        if known is not None:
            self._spend(known)
            return
        before = self._spent_bytes
        slots, size = self._header(position)
        layout: Layout = LAYOUTS.get(kind, ())
        for index, offset in enumerate(slots):
            if offset == 0:
                continue
            field = layout[index] if index < len(layout) else None
            need = _stored_bytes(field)
            if offset < _WORD or offset + need > size:
                self._fail(
                    "a field lies outside its table",
                    found=f"field {index} of {kind}: {need} bytes at {offset}",
                    allowed=f"4 to {size}",
                )
            if field is None:
                self.unknown_fields.add(f"{kind} field {index}")
            elif field.kind != "skip":
                self._path.append(field.name)
                self._field(field, position + offset, owner=kind)
                self._path.pop()
        self._unions(position, slots, layout)
        self._tables[position, kind] = self._spent_bytes - before

    def _header(self, position: int) -> tuple[tuple[int, ...], int]:
        """Return the offsets of a table's fields and its size, both proved."""
        self._inside(position, 4)
        self._aligned(position, 4)
        vtable = position - _I32.unpack_from(self._data, position)[0]
        if not 0 <= vtable <= self._end - 4 or vtable % 2:
            self._fail(
                "a table's field list lies outside the file",
                found=f"byte {vtable:,}",
                allowed=f"0 to {self._end - 4:,}, even",
            )
        length, size = _HEAD.unpack_from(self._data, vtable)
        self._spend(length)
        if vtable not in self._vtables:
            if length < _WORD or length % 2:
                self._fail("a table's field list is malformed", found=f"{length} bytes")
            self._inside(vtable, length)
            self._vtables[vtable] = _slots(self._data, vtable)
        if size < _WORD:
            self._fail("a table is too small", found=f"{size} bytes", allowed="4")
        self._inside(position, size)
        self._spend(size)
        return self._vtables[vtable], size

    def _field(self, field: Field, place: int, *, owner: str) -> None:
        self._aligned(place, _stored_bytes(field))
        match field.kind:
            case "vector":
                self._vector(place, field, owner=owner)
            case "string":
                self._string(place, field, owner=owner)
            case "table":
                self.table(self.target(place), field.target)
            case "tables":
                start, count = self._vector(place, field, owner=owner)
                for index in range(count):
                    self._path.append(index)
                    self.table(self.target(start + 4 * index), field.target)
                    self._path.pop()

    def _unions(self, position: int, slots: tuple[int, ...], layout: Layout) -> None:
        """Check the tables of unions: their type is the field before them."""
        for index, field in enumerate(layout[: len(slots)]):
            if field.kind != "union" or not slots[index] or not slots[index - 1]:
                continue
            kind = self._data[position + slots[index - 1]]
            if kind:
                names = UNIONS[field.target]
                self._path.append(field.name)
                self.table(
                    self.target(position + slots[index]),
                    names[kind] if kind < len(names) else f"{field.target} {kind}",
                )
                self._path.pop()

    def _vector(self, place: int, field: Field, *, owner: str) -> tuple[int, int]:
        """Return the place of the first element and the number of elements."""
        position = self.target(place)
        count = _U32.unpack_from(self._data, position)[0]
        size_bytes = 4 + count * field.size_bytes
        if count > _VECTOR_LIMIT or position + size_bytes > self._end:
            self._fail(
                "a list is longer than the file: it is cut short or damaged",
                found=f"{count:,} elements of {field.size_bytes} bytes at {position:,}",
                allowed=f"{(self._end - position - 4) // field.size_bytes:,} elements",
            )
        if count:
            self._aligned(position + 4, field.size_bytes)
        self._spend(size_bytes)
        if position not in self._vectors:
            self._vectors.add(position)
            key = f"{owner}.{field.name}"
            self.bytes_by_field[key] = self.bytes_by_field.get(key, 0) + size_bytes
        return position + 4, count

    def _string(self, place: int, field: Field, *, owner: str) -> None:
        one_byte = type(field)(name=field.name, kind="string", size_bytes=1)
        start, count = self._vector(place, one_byte, owner=owner)
        if start + count >= self._end or self._data[start + count] != 0:
            self._fail(
                "a text does not end with a zero byte",
                found=f"{count:,} bytes at {start:,}",
            )

    def _inside(self, position: int, size_bytes: int) -> None:
        if position + size_bytes > self._end:
            self._fail(
                "the model is cut short or damaged: an offset leads beyond its end",
                found=f"{size_bytes:,} bytes at {position:,}",
                allowed=f"the file has {self._end:,} bytes",
            )

    def _aligned(self, position: int, size_bytes: int) -> None:
        if position % size_bytes:
            self._fail(
                "a value is not aligned",
                found=f"byte {position:,}",
                allowed=f"a multiple of {size_bytes}",
            )

    def _spend(self, size_bytes: int) -> None:
        self._spent_bytes += size_bytes
        if self._spent_bytes > self._limit_bytes:
            self._fail(
                "parts of the model overlap",
                found=f"over {self._limit_bytes:,} bytes are referred to",
                allowed=f"the file has {self._end:,} bytes",
            )

    def _fail(self, what: str, *, found: str, allowed: str | None = None) -> NoReturn:
        path = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in self._path
        )
        raise ModelError(
            what,
            where=f"{self._where}: {path.lstrip('.')}" if path else self._where,
            found=found,
            allowed=allowed,
            remedy=REMEDY,
        )
