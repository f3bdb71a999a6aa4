from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from hil.codegen import hex_text
from hil.codegen.hex_text import hex_blocks


@given(st.binary(min_size=1, max_size=100))
@example(bytes(12))
@example(bytes(13))
def test_the_text_reads_back_as_the_bytes(data: bytes) -> None:
    text = b"".join(hex_blocks(data)).decode("ascii")
    lines = text.split("\n")
    values = [re.findall(r"0x([0-9a-f]{2}),", line) for line in lines]
    assert bytes(int(value, 16) for line in values for value in line) == data
    assert all(len(line) == 12 for line in values[:-1])
    assert 1 <= len(values[-1]) <= 12
    assert all(re.fullmatch(r" ( 0x[0-9a-f]{2},)+", line) for line in lines)


def test_blocks_join_without_a_seam() -> None:
    size = 2 * hex_text._BLOCK_BYTES + 5
    data = bytes(index % 251 for index in range(size))
    blocks = list(hex_blocks(data))
    assert len(blocks) > 2
    text = b"".join(blocks).decode("ascii")
    assert text.split() == [f"0x{value:02x}," for value in data]
    assert len(text.split("\n")) == -(-size // 12)
