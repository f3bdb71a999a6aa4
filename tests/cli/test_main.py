"""The command line: verbs, help, errors and exit status."""

from __future__ import annotations

import importlib
import json
import os
import subprocess  # noqa: TID251 - needs a stdout of its own
import sys
from pathlib import Path

import pytest
import typer
from rich.text import Text
from typer.main import get_command

from hil import __version__, tools
from hil.cli.main import VERBS, main
from hil.deadline import Deadline
from hil.profiles import find_profile


def test_without_a_verb_all_verbs_are_told(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {verb} " in shown for verb in VERBS)
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == shown


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hil {__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert "Usage:" in capsys.readouterr().out


def _helps(command):
    yield command.help or ""
    yield from (getattr(option, "help", None) or "" for option in command.params)
    for verb in getattr(command, "commands", {}).values():
        yield from _helps(verb)


@pytest.mark.parametrize("verb", VERBS)
def test_no_help_loses_words_that_would_be_markup(verb):
    app = importlib.import_module(f"hil.cli.{verb}").app
    helps = _helps(get_command(app)) if isinstance(app, typer.Typer) else [app.__doc__]
    lost = [text for text in helps if Text.from_markup(text).plain != text]
    assert not lost


def test_a_mistyped_verb_is_answered_with_the_nearest(capsys):
    assert main(["benhc"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "there is no verb 'benhc'" in shown.err
    assert "did you mean 'bench'?" in shown.err


def test_a_mistyped_option_is_status_2(capsys):
    assert main(["inspect", "example:digits.tflite", "--jason"]) == 2
    assert "--jason" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["inspect", "none.tflite"], 2, "the model cannot be read"),
        (["inspect", "example:digitz.tflite"], 2, "did you mean 'digits.tflite'?"),
        (["inspect", __file__], 2, "not a .tflite file"),
        (["codegen", "none.tflite"], 2, "the model cannot be read"),
        (["quantize", "none.tflite"], 2, "the model cannot be read"),
        (
            ["quantize", "example:digits.tflite", "--recipe", "int9"],
            2,
            "unknown recipe",
        ),
        (["quantize", "example:digits.tflite"], 2, "int8 needs calibration data"),
        (["devices", "show", "emulated-mpu"], 2, "did you mean 'emulated-mcu'?"),
        (["devices", "show"], 2, "which device?"),
        (["report", "no-such-run"], 2, "there are no records to read"),
        (["bench", "none.toml"], 2, "the plan cannot be read"),
        (["bench", "none.tflite"], 2, "the model cannot be read"),
        (
            ["bench", "example:digits.tflite", "--device", "nucleo"],
            2,
            "no device profile is called 'nucleo'",
        ),
        (
            ["bench", "example:digits.tflite", "--variants", "int8,flaot16"],
            2,
            "did you mean 'float16'?",
        ),
        (
            ["bench", "plan.toml", "--dataset", "x.npz"],
            2,
            "the plan says this already",
        ),
        (
            ["emulate", "mcu", "--profile", "emulated-phone"],
            2,
            "a profile of kind emulated-mcu",
        ),
        (
            ["emulate", "phone", "--profile", "emulated-mcu"],
            2,
            "a profile of kind emulated-phone",
        ),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    words, status, says, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(words) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert says in shown.err
    assert "Traceback" not in shown.err


def test_a_fault_of_our_own_is_told_as_one(capsys, monkeypatch):
    # No input is known to make one, so one is planted.
    monkeypatch.setitem(sys.modules, "hil.cli.doctor", None)
    assert main(["doctor"]) == 70
    assert "this is a fault in hil; please report it" in capsys.readouterr().err


def test_the_help_needs_no_heavy_package():
    code = (
        "import sys; from hil.cli.main import main; main(['--help']);"
        "sys.exit(any(m in sys.modules for m in ('numpy', 'typer', 'rich')))"
    )
    output = tools.run([sys.executable, "-c", code], deadline=Deadline(60), check=False)
    assert output.exit_code == 0


def test_inspect_needs_no_scipy_matplotlib_or_tensorflow(digits):
    code = (
        "import sys; from hil.cli.main import main;"
        f"main(['inspect', {str(digits / 'digits.tflite')!r}]);"
        "sys.exit(any(m in sys.modules for m in"
        " ('scipy', 'matplotlib', 'tensorflow', 'ai_edge_litert', 'sqlalchemy')))"
    )
    output = tools.run([sys.executable, "-c", code], deadline=Deadline(60), check=False)
    assert output.exit_code == 0


def test_a_reader_that_goes_away_is_no_error():
    command = f"{sys.executable} -m hil inspect example:digits.tflite | head -n 1"
    output = tools.run(["sh", "-c", command], deadline=Deadline(60))
    assert output.stdout.startswith(b"file")
    assert output.stderr == b""


def parsed(words, capsys):
    assert main(words) == 0
    return json.loads(capsys.readouterr().out)


def test_inspect_tells_what_the_file_is(capsys):
    told = parsed(["inspect", "example:digits.tflite", "--json"], capsys)
    assert told["label"]["text"] == "float32"
    assert told["histogram"]["CONV_2D"] == 3
    assert told["inputs"][0]["shape"] == [1, 8, 8, 1]
    assert main(["inspect", "example:digits.tflite"]) == 0
    shown = capsys.readouterr().out
    assert "float32[1,8,8,1]" in shown
    assert "DEPTHWISE_CONV_2D" in shown


def test_quantize_writes_what_was_asked_for(capsys, tmp_path):
    words = ["quantize", "example:digits.tflite", "--recipe", "int8,float16"]
    data = ["--calibration", "example:digits_calibration.npz"]
    told = parsed([*words, *data, "--out", str(tmp_path), "--json"], capsys)
    assert [row["label"] for row in told["files"]] == [
        "full int8, int8 boundary",
        "float16 weights",
    ]
    for row in told["files"]:
        assert (tmp_path / row["path"]).stat().st_size == row["size_bytes"]


def test_codegen_writes_an_array_and_a_resolver(capsys, tmp_path):
    words = ["codegen", "example:digits.tflite", "--out", str(tmp_path)]
    assert main(words) == 0
    names = [line.rpartition("/")[2] for line in capsys.readouterr().out.split()]
    assert names == [
        "digits_model_data.h",
        "digits_model_data.cc",
        "digits_op_resolver.h",
    ]
    assert "AddDepthwiseConv2D" in (tmp_path / "digits_op_resolver.h").read_text()


def test_codegen_compiles_a_model_to_c(capsys, tmp_path):
    words = ["codegen", "example:digits.tflite", "--engine", "compiled"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    names = {line.rpartition("/")[2] for line in shown.out.split()}
    assert names == {"hil_model.h", "hil_model.c"}
    assert "arena 18,432 B planned, lower bound 18,432 B" in shown.err
    assert main([*words[:-1], "compield"]) == 2
    assert "did you mean 'compiled'?" in capsys.readouterr().err


def test_the_list_of_profiles_has_each_ones_memory_and_time_basis(
    tmp_path, monkeypatch, capsys
):
    text = find_profile("emulated-mcu").source.read_text()
    own = tmp_path / "device_profiles"
    own.mkdir()
    odd = text.replace("ram_bytes = 262144", "ram_bytes = 100001")
    assert odd != text
    (own / "board.toml").write_text(odd.replace('"emulated-mcu"', '"board"', 1))
    monkeypatch.chdir(tmp_path)
    assert main(["devices", "list"]) == 0
    first, second = capsys.readouterr().out.rstrip().split("\n\n")
    assert "device_profiles:" in first
    assert "100,001 B" in " ".join(first.split())
    words = " ".join(second.split())
    assert "emulated-mcu emulated-mcu 256 KiB 1 MiB host clock Cortex-M4 class" in words
    assert "nucleo-l4r5zi mcu 640 KiB 2 MiB cpu cycles" in words


def test_devices_are_listed_and_shown(capsys):
    told = parsed(["devices", "list", "--json"], capsys)
    assert {"emulated-mcu", "emulated-phone"} <= {d["name"] for d in told["devices"]}
    shown = parsed(
        ["devices", "show", "emulated-mcu", "--set", "ram_bytes=65536", "--json"],
        capsys,
    )
    assert shown["ram_bytes"] == 65536
    assert "clock_hz" not in shown
    schema = parsed(["devices", "show", "--schema"], capsys)
    assert schema["additionalProperties"] is False


def test_doctor_tells_what_is_there_and_what_is_not(capsys):
    told = parsed(["doctor", "--json"], capsys)
    findings = {finding["name"]: finding for finding in told["findings"]}
    assert findings["ai-edge-litert"]["found"]
    for finding in findings.values():
        assert bool(finding["found"]) != bool(finding["remedy"])


@pytest.mark.parametrize("verb", [["--version"], ["devices", "list", "--json"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout_is_told_in_a_sentence(verb, unbuffered):
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "hil", *verb],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert ended.returncode == 3
    assert ended.stderr == (
        "error: the disk is full, and what was written is cut\n"
        "  where:   standard output\n"
        "  found:   No space left on device\n"
        "  remedy:  free space; records that are on the disk are whole\n"
    )
