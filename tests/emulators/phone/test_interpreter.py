from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.emulators.phone.lexer import ShellSyntaxError
from hil.emulators.phone.syntax import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Done


DD = "printf abcdefgh >f; dd if=f of=g bs=3 {} 2>log; cat g"


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        ("echo a  b", "a b\n"),
        ("echo 'a  b' \"c  d\" e\\ f", "a  b c  d e f\n"),
        ("x=1; echo $x ${x}2 '$x' \"$x\" \\$x", "1 12 $x 1 $x\n"),
        ("x='a  b'; echo $x; echo \"$x\"", "a b\na  b\n"),
        ("x='a b'; for w in $x c; do echo [$w]; done", "[a]\n[b]\n[c]\n"),
        ('x=; for w in "" $x; do echo [$w]; done', "[]\n"),
        ("true && echo yes || echo no", "yes\n"),
        ("false && echo yes || echo no", "no\n"),
        ("! true; echo $?", "1\n"),
        ("(exit 3); echo $?", "3\n"),
        ("(x=2; echo $x); x=${x}; echo [$x]", "2\n[]\n"),
        ("{ x=2; echo a; }; echo $x", "a\n2\n"),
        ("if [ a = b ]; then echo 1; elif true; then echo 2; else echo 3; fi", "2\n"),
        ("if false; then echo 1; else echo 3; fi", "3\n"),
        ("i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done", "0\n1\n2\n"),
        ("i=0; until [ $i -ge 2 ]; do i=$((i + 1)); done; echo $i", "2\n"),
        ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n"),
        ("for i in 1 2; do for j in 1 2; do break 2; done; done; echo $i$j", "11\n"),
        ("echo a | cat | wc -l", "1\n"),
        ("printf 'a\\nb\\n' | while read x; do echo [$x]; done", "[a]\n[b]\n"),
        ("echo 'one two three' | (read a b; echo $b-$a)", "two three-one\n"),
        ('x=$(echo a; echo b); echo "$x"', "a\nb\n"),
        ("echo $(echo $(echo deep))", "deep\n"),
        ("echo $((2 + 3 * (4 - 1) % 5)) $((-7 / 2)) $((1 < 2))", "6 -3 1\n"),
        ("x=5 sh -c 'echo $x'; echo [$x]", "5\n[]\n"),
        ("sh -c 'echo $0 $1 $# \"$@\"' name a 'b c'", "name a 2 a b c\n"),
        ("sh -c 'for a in \"$@\"; do echo [$a]; done' x 'a b' c", "[a b]\n[c]\n"),
        ("echo a # no comment\necho b;# one", "a\nb\n"),
        ("echo a\\\nb", "ab\n"),
        ("echo a; exit 4; echo b", "a\n"),
        ("cd /data/local/tmp; echo x > f; echo y >> f; cat < f", "x\ny\n"),
        ("cd /data/local/tmp; { echo o; echo e >&2; } > f 2>&1; cat f", "o\ne\n"),
        (
            "cd /data/local/tmp; touch b.x a.x c.y; echo *.x '*'.x [c]*",
            "a.x b.x *.x c.y\n",
        ),
        ("echo /data/*/tmp", "/data/local/tmp\n"),
        ("echo /nothing/*.x", "/nothing/*.x\n"),
        ("set_=1; echo $set_; unset set_; echo [$set_]", "1\n[]\n"),
        ("yes=$(cat /dev/zero | head -c 3 | wc -c); echo $yes", "3\n"),
        (
            "cd /data/local/tmp; echo 'echo in $1; exit 5' > s; sh s a; echo $?",
            "in a\n5\n",
        ),
        ("cd /data/local/tmp; echo 'x=7' > s; . ./s; echo $x", "7\n"),
        ("exec echo a; echo b", "a\n"),
        ("sh -c 'exit 300'; echo $?", "44\n"),
        ("(exit 3); x=$?; echo $x $?", "3 0\n"),
        ("x=$(exit 3); echo $?", "3\n"),
        ("(exit 3) & wait $!; echo $?", "3\n"),
        ("(exit 3) & (exit 4) & wait; echo $?", "0\n"),
        ("sleep 60 & kill -9 $!; wait $!; echo $?", "137\n"),
        ("echo a & p=$!; wait $p; echo b; [ $p -ne $$ ] && echo c", "a\nb\nc\n"),
        ("x=1; { x=2; } & wait; echo $x; false & echo $?", "1\n0\n"),
        ("sleep 60 & kill -0 -$$ && echo there; kill -9 $!; wait", "there\n"),
        ("cat & wait $!; echo $?", "0\n"),  # a job reads nothing of ours
        ("cd /data/local/tmp; " + DD.format("skip=1 count=1"), "def"),
        ("cd /data/local/tmp; " + DD.format("skip=2"), "gh"),
        ("cd /data/local/tmp; " + DD.format("count=1"), "abc"),
    ],
)
def test_scripts_print_what_a_shell_prints(
    run: Callable[..., Done], script: str, printed: str
) -> None:
    done = run(script)
    assert (done.stdout, done.stderr) == (printed, "")


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        ("foo", 127, "/system/bin/sh: foo: inaccessible or not found\n"),
        ("/data/foo", 127, "/system/bin/sh: /data/foo: inaccessible or not found\n"),
        ("wait 99", 127, ""),
        ("cat << X", 2, "/system/bin/sh: '<<' is not supported here\n"),
        ("case x in x) ;; esac", 2, "/system/bin/sh: ';;' is not supported here\n"),
        ("echo 'a", 1, "/system/bin/sh: no closing quote\n"),
        ("echo a )", 1, "/system/bin/sh: syntax error: unexpected ')'\n"),
        ("if true; then", 1, "/system/bin/sh: syntax error: unexpected end of file\n"),
        (
            "for 1 in a; do echo; done",
            1,
            "/system/bin/sh: syntax error: unexpected '1'\n",
        ),
        ("echo ${x:-y}", 1, "/system/bin/sh: ${x:-y}: bad substitution\n"),
        ("echo $((1 / 0))", 1, "/system/bin/sh: divide by zero\n"),
        ("echo `id`", 2, "/system/bin/sh: '`' is not supported here: use $(..)\n"),
        ("echo x > /y", 1, "/system/bin/sh: can't create /y: Read-only file system\n"),
        ("cat < /y", 1, "/system/bin/sh: can't open /y: No such file or directory\n"),
        ("echo x > /data", 1, "/system/bin/sh: can't create /data: Is a directory\n"),
        ("echo x 3>&1", 1, "/system/bin/sh: 1: bad file descriptor\n"),
        ("/data", 126, "/system/bin/sh: /data: can't execute: Is a directory\n"),
        ("exit x", 1, "exit: x: bad number\n"),
    ],
)
def test_errors_have_the_texts_of_android(
    run: Callable[..., Done], script: str, status: int, error: str
) -> None:
    done = run(script)
    assert (done.status, done.stderr) == (status, error)


def test_a_file_needs_its_permission_to_be_run(run: Callable[..., Done]) -> None:
    done = run(
        "cd /data/local/tmp; echo echo hi > s; chmod 644 s; ./s; echo $?;"
        "chmod +x s; ./s; /data/local/tmp/s"
    )
    assert done.stdout == "126\nhi\nhi\n"
    assert done.stderr == "/system/bin/sh: ./s: can't execute: Permission denied\n"


def test_a_file_of_machine_code_is_not_run(run: Callable[..., Done]) -> None:
    done = run("cd /data/local/tmp; head -c 9 /dev/zero > s; chmod 755 s; ./s")
    assert done.stderr == "/system/bin/sh: ./s: not executable: magic 00000000\n"
    assert done.status == 126


def test_a_shell_without_a_command_runs_its_input(run: Callable[..., Done]) -> None:
    done = run("sh", stdin=b"for i in 1 2\ndo echo $i\ndone\nexit 6\necho not here\n")
    assert (done.stdout, done.status) == ("1\n2\n", 6)


def test_reading_does_not_take_more_than_its_line(run: Callable[..., Done]) -> None:
    done = run("read a; echo [$a]; cat", stdin=b"one\ntwo\nthree\n")
    assert done.stdout == "[one]\ntwo\nthree\n"


def test_a_writer_ends_when_nobody_reads(run: Callable[..., Done]) -> None:
    done = run("while true; do echo x; done | head -n 2; echo $?")
    assert done.stdout == "x\nx\n0\n"


def test_scripts_that_call_themselves_end(run: Callable[..., Done]) -> None:
    done = run("cd /data/local/tmp; echo 'sh ./s' > s; sh s")
    assert done.status == 2
    assert "nested too deeply" in done.stderr


@pytest.mark.parametrize("opening", ["(", "{ ", "if ", "while ", "$(", "! ( "])
def test_deep_nesting_is_refused(run: Callable[..., Done], opening: str) -> None:
    done = run(opening * 3000 + "true")
    assert done.status in {1, 2}


def test_nested_substitutions_are_bounded(run: Callable[..., Done]) -> None:
    done = run("echo " + "$(echo " * 60 + "x" + ")" * 60)
    assert "nested too deeply" in done.stderr


@pytest.mark.parametrize(
    "script",
    [
        "x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done; echo not here",
        "x=$(cat /dev/zero); echo not here",
    ],
)
def test_a_value_that_grows_for_ever_is_refused(
    run: Callable[..., Done], script: str
) -> None:
    done = run(script)
    assert "Argument list too long" in done.stderr
    assert "not here" not in done.stdout


def test_a_part_of_a_pipeline_that_fails_ends_alone(run: Callable[..., Done]) -> None:
    done = run("echo $(cat /dev/zero) | cat; (echo $(cat /dev/zero)); echo on")
    assert done.stdout == "on\n"
    assert done.stderr.count("/system/bin/sh: Argument list too long\n") == 2


def test_a_command_that_fills_the_storage_says_so(run: Callable[..., Done]) -> None:
    done = run(
        "cd /data/local/tmp; cat /dev/zero > f; echo $?; rm f; echo x > g; cat g"
    )
    assert done.stderr == "cat: /data/local/tmp/f: No space left on device\n"
    assert done.stdout == "1\nx\n"


@given(st.text("abc ;|&<>(){}$'\"\\\n=`*!ifdohenws2", max_size=60))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_a_script_or_a_syntax_error(text: str) -> None:
    try:
        found = bool(parse(text).items) or not text.strip(" ;\n")
    except ShellSyntaxError as exc:
        found = bool(exc.args[0])
    assert found
