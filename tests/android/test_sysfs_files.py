from __future__ import annotations

from hil.android.sysfs_files import parse_files


def test_values_and_refusals_are_told_apart() -> None:
    files = parse_files(
        "cpu0/cpufreq/scaling_governor:schedutil\n"
        "thermal_zone0/type:cpu:0\n"
        "grep: thermal_zone0/temp: Permission denied\n"
        "something else\n"
    )
    assert files.values == {
        "cpu0/cpufreq/scaling_governor": "schedutil",
        "thermal_zone0/type": "cpu:0",
    }
    assert files.refusals == {"thermal_zone0/temp": "Permission denied"}


def test_a_path_with_two_values_is_left_out() -> None:
    assert parse_files("a:1\na:2\nb:3\nb:3\n").values == {"b": "3"}


def test_a_cut_line_is_left_out() -> None:
    assert parse_files("a:1\nb:12345").values == {"a": "1"}
