from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Done

    from hil.vocab import DeviceProfile

IN_TMP = "cd /data/local/tmp; "


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        ("mkdir a; mkdir -p a/b/c; ls a; [ -d a/b/c ] && echo d", "b\nd\n"),
        ("echo hi > f; cp f g; mv f h; cat g h; ls", "hi\nhi\nbenchmark_model\ng\nh\n"),
        ("mkdir d; echo 1 > f; mv f d; cp d/f d/g; ls d", "f\ng\n"),
        (
            "echo abc > f; stat -c '%s %a %n' f; chmod 700 f; stat -c %a f",
            "4 644 f\n700\n",
        ),
        (
            "touch f; [ -e f ] && [ -f f ] && [ ! -s f ] && [ ! -d f ] && echo ok",
            "ok\n",
        ),
        (
            ">f; chmod -w f; [ -w f ] || echo ro; [ -x benchmark_model ] && echo x",
            "ro\nx\n",
        ),
        ("touch f; rm f; rm -f f; rm -rf nothing; [ -e f ]; echo $?", "1\n"),
        ("mkdir -p d/e; touch d/e/f; rm -r d; rmdir d 2> /dev/null; echo $?", "1\n"),
        ("echo -n a; echo -e 'b\\tc'; printf '%s-%d%%\\n' x 5", "ab\tc\nx-5%\n"),
        ("printf 'a b\\nc\\n' > f; wc f; wc -c < f; wc -l f", "2 3 6 f\n6\n2 f\n"),
        (
            "for i in 1 2 3; do echo $i; done > f; head -n 2 f; tail -1 f; head -c 3 f",
            "1\n2\n3\n1\n2",
        ),
        (
            "for i in 1 2 3; do echo $i; done > f; tail -c 2 f; tail -n 9 f",
            "3\n1\n2\n3\n",
        ),
        (
            "printf 'a1\\nb2\\na3\\n' > f; grep a f; grep -c '^a' f; grep -v a < f",
            "a1\na3\n2\nb2\n",
        ),
        (
            "printf 'a.b\\nacb\\n' > f; grep -F a.b f; grep -q zzz f; echo $?",
            "a.b\n1\n",
        ),
        ("sleep 0; true; echo $?; false; echo $?; :", "0\n1\n"),
        ("basename /a/b.x .x; dirname /a/b.x; pwd", "b\n/a\n/data/local/tmp\n"),
        (
            "[ 1 -eq 01 ] && [ 2 -gt 1 ] && test a != b && [ -n x ] && echo y",
            "y\n",
        ),
        ("env A=1 sh -c 'echo $A'; nohup echo out", "1\nout\n"),
        ("whoami; id -u; uname; uname -m", "shell\n2000\nLinux\nx86_64\n"),
        (
            "cd /sys/devices/system/cpu; cat possible cpu3/cpufreq/related_cpus",
            "0-3\n0 1 2 3\n",
        ),
        (
            "ls /sys/devices/system/cpu/cpu0/cpufreq",
            "cpuinfo_max_freq\nrelated_cpus\nscaling_cur_freq\nscaling_governor\n",
        ),
        ("cat /proc/$$/comm", "sh\n"),
        (
            "getprop ro.product.model; getprop no.such; getprop no.such else",
            "Emulated Phone\n\nelse\n",
        ),
        ("read -r x < /proc/version; echo $x | grep -c '^Linux version 6'", "1\n"),
    ],
)
def test_commands_print_what_android_prints(
    run: Callable[..., Done], script: str, printed: str
) -> None:
    done = run(IN_TMP + script)
    assert (done.stdout, done.stderr) == (printed, "")


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("cat no", "cat: no: No such file or directory"),
        ("cat /data", "cat: /data: Is a directory"),
        ("ls no", "ls: no: No such file or directory"),
        ("rm no", "rm: no: No such file or directory"),
        ("rm /data/local/tmp", "rm: /data/local/tmp: Is a directory"),
        ("rm -r /proc/version", "rm: /proc/version: Permission denied"),
        ("rmdir /system/bin", "rmdir: /system/bin: Read-only file system"),
        ("mkdir /x", "mkdir: /x: Read-only file system"),
        ("mkdir a a", "mkdir: a: File exists"),
        ("mkdir a/b/c", "mkdir: a/b/c: No such file or directory"),
        ("cp no x", "cp: bad 'no': No such file or directory"),
        ("mv no /", "mv: bad 'no': Read-only file system"),
        ("stat no", "stat: 'no': No such file or directory"),
        ("chmod 999 x", "chmod: bad mode '999'"),
        ("cd no", "cd: no: No such file or directory"),
        ("cd /proc/version", "cd: /proc/version: Not a directory"),
        ("ls -Q", "ls: Unknown option 'Q'"),
        ("kill 99999", "kill: bad pid '99999': No such process"),
        ("kill -99 1", "kill: bad signal"),
        ("kill x", "kill: bad pid 'x'"),
        ("taskset zz true", "taskset: bad mask 'zz'"),
        ("[ a", "[: missing ]"),
        ("[ a -eq b ]", "[: syntax error"),
        ("head -n x", "head: bad number"),
        ("sleep soon", "sleep: bad time 'soon'"),
        ("date now", "date: bad date 'now'"),
        ("touch " + "n" * 300, "touch: " + "n" * 300 + ": File name too long"),
        ("dumpsys nothing", "Can't find service: nothing"),
    ],
)
def test_commands_fail_with_the_texts_of_android(
    run: Callable[..., Done], script: str, error: str
) -> None:
    done = run(IN_TMP + script)
    assert done.stderr == f"{error}\n"


def test_a_mask_without_a_core_of_the_phone_is_refused(
    run: Callable[..., Done],
) -> None:
    done = run("taskset f0 true")
    assert re.fullmatch(
        r"taskset: failed to set pid \d+'s affinity: Invalid argument\n", done.stderr
    )
    assert done.status == 1
    assert run("taskset 9 true").status == 0


def test_ls_shows_modes_sizes_and_times(run: Callable[..., Done]) -> None:
    done = run(IN_TMP + "echo abc > f; chmod 640 f; ls -l f; ls -la | head -n 3")
    lines = done.stdout.splitlines()
    assert re.fullmatch(
        r"-rw-r----- 1 shell shell +4 \d{4}-\d\d-\d\d \d\d:\d\d f", lines[0]
    )
    assert re.fullmatch(r"total \d+", lines[1])
    assert [line.split()[-1] for line in lines[2:]] == [".", ".."]


def test_control_characters_in_names_are_not_printed(run: Callable[..., Done]) -> None:
    done = run(IN_TMP + "touch $(printf 'a\\tb'); touch \"$(printf 'c\\td')\"; ls")
    assert done.stdout == "a\nb\nbenchmark_model\nc?d\n"


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_digests_are_those_of_the_bytes(run: Callable[..., Done], name: str) -> None:
    done = run(IN_TMP + f"head -c 100000 /dev/zero > f; {name}sum f; {name}sum < f")
    digest = hashlib.new(name, bytes(100000)).hexdigest()
    assert done.stdout == f"{digest}  f\n{digest}  -\n"


def test_every_property_of_the_profile_is_listed(
    run: Callable[..., Done], profile: DeviceProfile
) -> None:
    lines = run("getprop").stdout.splitlines()
    expected = sorted(profile.emulator.properties.items())
    assert lines == [f"[{key}]: [{value}]" for key, value in expected]


def test_the_battery_and_the_thermal_service_speak_androids_format(
    run: Callable[..., Done],
) -> None:
    battery = run("dumpsys battery").stdout
    assert battery.startswith("Current Battery Service state:\n")
    assert "  temperature: 250\n" in battery
    thermal = run("dumpsys thermalservice").stdout
    assert "IsStatusOverride: false\n" in thermal
    assert "Thermal Status: 0\n" in thermal
    assert "Temperature{mValue=25.0, mType=0, mName=CPU, mStatus=0}" in thermal


def test_the_memory_is_the_profiles(
    run: Callable[..., Done], profile: DeviceProfile
) -> None:
    lines = run("cat /proc/meminfo").stdout.splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    assert sizes["MemTotal"] == profile.ram_bytes // 1024
    assert 0 < sizes["MemAvailable"] <= sizes["MemTotal"]


def test_df_counts_what_is_stored(run: Callable[..., Done]) -> None:
    before, after = (
        int(line.split()[2])
        for line in run(
            IN_TMP + "df | tail -n 1; head -c 10000 /dev/zero > f; df | tail -n 1"
        ).stdout.splitlines()
    )
    assert after - before == 12


def test_ps_lists_shells_and_kill_ends_them(run: Callable[..., Done]) -> None:
    done = run("sh -c 'ps'; pidof sh | wc -w; kill -0 $$; echo $?")
    assert [line.split()[-1] for line in done.stdout.splitlines()[:3]] == [
        "NAME",
        "sh",
        "sh",
    ]
    assert done.stdout.splitlines()[3:] == ["1", "0"]


def test_kill_ends_a_background_command_of_nohup(run: Callable[..., Done]) -> None:
    done = run(
        "cd /data/local/tmp; nohup sh -c 'while :; do touch f; sleep 0.01; done' & "
        "while [ ! -e f ]; do sleep 0.01; done; kill -9 $!; wait $!; echo $?; "
        "rm f; sleep 0.1; ls f"
    )
    assert done.stdout == "137\n"
    assert "No such file" in done.stderr


def test_a_shell_that_kills_itself_ends_alone(run: Callable[..., Done]) -> None:
    done = run("sh -c 'kill -9 $$; sleep 60'; echo $?")
    assert (done.stdout, done.stderr) == ("137\n", "Killed \n")


def test_the_time_is_told_in_seconds_of_the_epoch(run: Callable[..., Done]) -> None:
    seconds, day = run("date +%s; date '+%Y-%m-%d %H:%M:%S'").stdout.splitlines()
    assert int(seconds) > 1_700_000_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", day)
