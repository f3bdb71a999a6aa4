from __future__ import annotations

from hil.android.cpu_load import (
    CoreTime,
    busy_share,
    parse_core_times,
    parse_load,
    parse_own_ticks,
    parse_uptime,
    spent,
)


def test_the_averages_are_read() -> None:
    load = parse_load("0.52 0.48 0.31 2/2811 14214\n")
    assert load is not None
    assert (load.one_minute, load.five_minutes, load.running) == (0.52, 0.48, 2)
    assert parse_load("0.52 nan 0.31 2/2811 14214\n") is None


def test_the_uptime_is_read() -> None:
    assert parse_uptime("81234.55 510000.12\n") == 81234.55
    assert parse_uptime("1e9 0\n") is None


def test_waiting_for_a_disk_is_not_work_and_guests_count_once() -> None:
    times = parse_core_times("cpu  1 2 3 4\ncpu3 10 20 30 400 50 6 7 8 9 9\n")
    assert times == {3: CoreTime(busy=81, total=531)}


def test_the_share_of_work_is_what_lies_between_two_readings() -> None:
    before = {0: CoreTime(busy=10, total=100), 1: CoreTime(busy=5, total=100)}
    after = {0: CoreTime(busy=60, total=200), 2: CoreTime(busy=1, total=2)}
    assert busy_share(before, after) == {0: 0.5}


def test_counters_that_run_backwards_are_left_out() -> None:
    before = {0: CoreTime(busy=10, total=100)}
    assert busy_share(before, {0: CoreTime(busy=5, total=200)}) == {}
    assert busy_share(before, before) == {}


def test_the_ticks_of_some_cores_are_summed() -> None:
    before = {core: CoreTime(busy=10, total=100) for core in range(3)}
    after = {
        0: CoreTime(busy=60, total=200),
        1: CoreTime(busy=110, total=200),
        2: CoreTime(busy=5, total=200),  # ran backwards
        3: CoreTime(busy=70, total=100),  # was off
    }
    assert spent(before, after, {0, 1, 2, 3}) == (150, 200)
    assert spent(before, after, {1}) == (100, 100)
    assert spent(before, after, {2, 3}) == (0, 0)


def test_a_process_s_own_ticks_are_its_user_and_system_time() -> None:
    stat = "4711 (a) name) x) R 1 4711 0 0 -1 4194560 900 0 0 0 1234 56 7 8 20 0 5"
    assert parse_own_ticks(stat) == 1290
    assert parse_own_ticks(stat.replace(" 56 ", " -56 ")) is None
    assert parse_own_ticks("4711 (cut) R 1 4711 0 0") is None
    assert parse_own_ticks("") is None
