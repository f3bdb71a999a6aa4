"""Where operators stand in a picture."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hil.models.layout import lay_out


def test_a_chain_stands_in_one_column() -> None:
    layout = lay_out([0, 1, 2], [(0, 1), (1, 2)])
    assert dict(layout.row) == {0: 0, 1: 1, 2: 2}
    assert set(layout.column.values()) == {0.0}
    assert (layout.rows, layout.columns) == (3, 1.0)


def test_a_line_that_skips_a_row_has_a_place_beside_the_box() -> None:
    layout = lay_out([0, 1, 2], [(0, 1), (1, 2), (0, 2)])
    ((column, row),) = layout.paths[0, 2]
    assert row == 1
    assert abs(column - layout.column[1]) > 0.5


def test_wide_graphs_grow_downward() -> None:
    layout = lay_out(range(100), [])
    assert layout.rows == 13
    assert layout.columns == 8


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=80),
)
def test_boxes_never_overlap_and_lines_lead_down(
    count: int, pairs: list[tuple[int, int]]
) -> None:
    edges = [(a, b) for a, b in pairs if a < b < count]
    layout = lay_out(range(count), edges)
    places: dict[int, list[float]] = {}
    for node in range(count):
        places.setdefault(layout.row[node], []).append(layout.column[node])
    for row in places.values():
        row.sort()
        for left, right in pairwise(row):
            assert right - left >= 0.999
    assert all(layout.row[a] < layout.row[b] for a, b in edges)
    assert all(
        0 <= column <= layout.columns - 0.999 for column in layout.column.values()
    )
