"""The plan of the arena: nothing that is needed at one time overlaps."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hil.codegen.compiled.arena import ALIGNMENT_BYTES, Storage, plan


@st.composite
def _storages(draw: st.DrawFn) -> list[Storage]:
    spans = draw(
        st.lists(
            st.tuples(st.integers(0, 300), st.integers(-1, 9), st.integers(0, 5)),
            max_size=12,
        )
    )
    return [
        Storage(key=key, size_bytes=size, first=first, last=first + length)
        for key, (size, first, length) in enumerate(spans)
    ]


def _overlap(one: Storage, two: Storage, offsets: dict[int, int]) -> bool:
    begin, other = offsets[one.key], offsets[two.key]
    return begin < other + two.size_bytes and other < begin + one.size_bytes


@settings(max_examples=200, deadline=None)
@given(_storages())
def test_what_is_needed_at_one_time_has_memory_of_its_own(
    storages: list[Storage],
) -> None:
    made = plan(storages)
    offsets = dict(made.offsets)
    for one in storages:
        assert offsets[one.key] % ALIGNMENT_BYTES == 0
        assert offsets[one.key] + one.size_bytes <= made.arena_bytes
        for two in storages:
            if one.key < two.key and one.meets(two):
                both = one.size_bytes and two.size_bytes
                assert not (both and _overlap(one, two, offsets))
    assert made.lower_bound_bytes <= made.arena_bytes


@settings(max_examples=200, deadline=None)
@given(_storages())
def test_a_survivor_is_not_written_to_later(storages: list[Storage]) -> None:
    made = plan(storages)
    for one in storages:
        if one.key in made.survivors:
            late = [two for two in storages if two.first > one.first]
            assert not any(_overlap(one, two, dict(made.offsets)) for two in late)


def test_a_chain_needs_two_tensors_at_a_time() -> None:
    chain = [Storage(key=i, size_bytes=100, first=i - 1, last=i) for i in range(5)]
    made = plan(chain)
    assert made.arena_bytes == made.lower_bound_bytes == 224
    assert made.survivors == {3, 4}


def test_no_tensor_needs_no_arena() -> None:
    assert plan([]).arena_bytes == 0
