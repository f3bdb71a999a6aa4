"""Tables that no terminal is too narrow for."""

from __future__ import annotations

import io

from rich.console import Console

from hil.report.plain_table import PlainTable


def test_a_cell_without_room_is_folded_and_not_cut():
    table = PlainTable("name")
    table.add_column("of", justify="right")
    table.add_row("emulated-phone-three-clusters", "262,144 B")
    console = Console(file=io.StringIO(), width=24, color_system=None)
    console.print(table)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 24
    shown = "".join("".join(line[:14].split()) for line in lines[1:])
    assert shown == "emulated-phone-three-clusters"
