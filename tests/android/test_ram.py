from __future__ import annotations

from hil.android.ram import parse_ram

MEMINFO = """\
MemTotal:        7722304 kB
MemFree:          391412 kB
MemAvailable:    3120556 kB
SwapTotal:       3145724 kB
SwapFree:        2310012 kB
"""


def test_sizes_are_in_bytes() -> None:
    ram = parse_ram(MEMINFO)
    assert ram is not None
    assert ram.total_bytes == 7722304 * 1024
    assert ram.available_bytes == 3120556 * 1024
    assert ram.swap_free_bytes == 2310012 * 1024


def test_a_part_larger_than_the_whole_is_not_believed() -> None:
    ram = parse_ram(MEMINFO.replace("MemAvailable:    3", "MemAvailable:  993"))
    assert ram is not None
    assert ram.available_bytes is None
    assert ram.free_bytes == 391412 * 1024


def test_an_old_kernel_tells_no_available_memory() -> None:
    ram = parse_ram("MemTotal:        948576 kB\nMemFree:          30112 kB\n")
    assert ram is not None
    assert (ram.available_bytes, ram.swap_total_bytes) == (None, None)


def test_without_a_plausible_total_there_is_none() -> None:
    assert parse_ram("MemTotal:        12 kB\n") is None
    assert parse_ram("cat: /proc/meminfo: Permission denied\n") is None
