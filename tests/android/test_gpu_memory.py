from __future__ import annotations

from hil.android.gpu_memory import parse_gpu_memory, tracked_bytes


def test_the_total_and_each_process_are_read() -> None:
    memory = parse_gpu_memory(
        "Global total: 96571392\nProc 1180 total: 60571648\nProc 22 total: 999999999\n"
    )
    assert memory is not None
    assert memory.total_bytes == 96571392
    assert memory.by_pid == {1180: 60571648}  # one larger than the total is left out


def test_only_the_first_gpu_counts() -> None:
    text = "Global total: 100\nProc 1 total: 50\nGlobal total: 7\nProc 1 total: 7\n"
    memory = parse_gpu_memory(text)
    assert memory is not None
    assert (memory.total_bytes, memory.by_pid) == (100, {1: 50})


def test_a_phone_that_counts_no_gpu_memory_has_none() -> None:
    assert parse_gpu_memory("Failed to attach to gpu memory map\n") is None


def test_a_processs_part_is_the_sum_of_both_kinds() -> None:
    text = "        EGL mtrack    1200     1200      0\n      GL mtrack  300 300 0\n"
    assert tracked_bytes(text) == 1500 * 1024
    assert tracked_bytes("  Native Heap 100 100 0\n") is None
