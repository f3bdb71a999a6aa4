"""`hil inspect`: the label, the verdicts, the tables, the picture, the ranges."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from hil import tools
from hil.cli.main import main
from hil.deadline import Deadline

if TYPE_CHECKING:
    from pathlib import Path

DIGITS = "example:digits.tflite"


def told(capsys, *words: str) -> str:
    """Return what is printed, with every run of spaces as one."""
    assert main(["inspect", *words]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_the_page_tells_what_the_model_is_and_who_runs_it(capsys) -> None:
    page = told(capsys, DIGITS)
    assert "is float32" in page
    assert "B of activations live at once, at operator" in page
    assert (
        "21,168 B in use by TFLite Micro on a 32-bit core: 18,432 for activations, "
        "2,736 kept" in page
    )
    assert "21,168 B of arena are enough to set it up; 112 of them record" in page
    assert "with CMSIS-NN's kernels at most " in page
    assert "min/max 0" in page
    assert "GPU (OpenCL, OpenGL) all 11 operators by table, not tried" in page
    assert "none of 11 operators: CONV_2D (operator 0): float32 activations" in page


def test_macs_say_so_where_they_are_of_the_first_subgraph(
    digits: Path, tmp_path: Path, capsys
) -> None:
    data = (digits / "digits.tflite").read_bytes()
    tree = schema.ModelT.InitFromPackedBuf(data, 0)
    tree.subgraphs.append(tree.subgraphs[0])
    builder = flatbuffers.Builder()
    builder.Finish(tree.Pack(builder), b"TFL3")
    (tmp_path / "two.tflite").write_bytes(builder.Output())
    macs = re.compile(r"MACs ([0-9,]+) \(([^)]*)\)")
    once, both = (
        macs.search(told(capsys, model))
        for model in (DIGITS, str(tmp_path / "two.tflite"))
    )
    assert once
    assert both
    assert both.groups() == (once[1], f"{once[2]}, of subgraph 0")


def test_the_tensors_are_printed_on_request(capsys) -> None:
    assert "serving_default_image:0 input" not in told(capsys, DIGITS)
    page = told(capsys, DIGITS, "--tensors")
    assert "serving_default_image:0 input float32[1,8,8,1] 256 - -" in page


def test_the_engines_are_tried_on_request(capsys) -> None:
    page = told(capsys, DIGITS, "--engines")
    assert "litert all of it tried: ai-edge-litert" in page
    assert "tflm all of it tried: tflite-micro" in page
    assert "21,168 B for tflm, on a 32-bit core: borne out by the wheel" in page
    assert "B for compiled, planned by hil codegen --engine compiled" in page


def test_what_an_engine_refuses_is_told(tmp_path: Path, capsys) -> None:
    assert main(["quantize", DIGITS, "--recipe", "dynamic", "-o", str(tmp_path)]) == 0
    capsys.readouterr()
    page = told(capsys, str(tmp_path / "digits_dynamic.tflite"), "--engines")
    assert "its name says dynamic range, rightly" in page
    assert "tflm no: tflm cannot run CONV_2D, operator 0: Hybrid models are not" in page
    assert "compiled no: the compiled engine has no kernel for CONV_2D" in page


def test_a_request_that_holds_is_status_0(capsys) -> None:
    assert "expected float32, and so it is" in told(
        capsys, DIGITS, "--expect", "float32"
    )


def test_a_request_that_does_not_hold_is_status_1(capsys) -> None:
    assert main(["inspect", DIGITS, "--expect", "int8"]) == 1
    page = " ".join(capsys.readouterr().out.split())
    assert "expected int8, but it is float32; these operators compute in float:" in page
    assert "its boundary is float, not int8" in page


def test_an_unknown_request_is_status_2(capsys) -> None:
    assert main(["inspect", DIGITS, "--expect", "int9"]) == 2
    assert "did you mean 'int8'?" in capsys.readouterr().err


def test_the_json_is_complete(capsys) -> None:
    assert main(["inspect", DIGITS, "--engines", "--expect", "int8", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["verdicts"]["expected"]["holds"] is False
    assert "name" not in document["verdicts"]  # "digits" says nothing
    assert [d["delegate"].split()[0] for d in document["delegates"]] == [
        *("XNNPACK", "GPU", "NNAPI", "Ethos-U"),
    ]
    assert {d["basis"] for d in document["delegates"]} == {"by table, not tried"}
    assert all(d["source"] for d in document["delegates"])
    engines = {trial["engine"]: trial for trial in document["engines"]}
    assert list(engines) == ["litert", "litert-ref", "tflm", "compiled"]
    assert engines["tflm"]["runs"]
    assert engines["tflm"]["arena_bytes"] > document["peak_activations"]["size_bytes"]
    arena = document["tflm_arena"]
    assert (arena["basis"], arena["total_bytes"]) == ("exact", 21168)
    assert sum(arena["kinds"].values()) == arena["persistent_bytes"]
    assert set(arena["cmsis_nn_at_most_bytes"]) == {"dsp", "mve"}
    assert len(document["tensors"]) == 25
    assert document["anatomy"]["quantization"]["min_max_bytes"] == 0


def test_the_picture_is_an_svg(tmp_path: Path, capsys) -> None:
    picture = tmp_path / "digits.svg"
    assert main(["inspect", DIGITS, "--svg", str(picture)]) == 0
    assert "digits.svg: written" in capsys.readouterr().err
    assert ET.parse(picture).getroot().tag.endswith("svg")
    assert list(tmp_path.iterdir()) == [picture]


def test_a_picture_that_cannot_be_written_is_status_2(tmp_path: Path, capsys) -> None:
    assert main(["inspect", DIGITS, "--svg", str(tmp_path / "no" / "a.svg")]) == 2
    assert "the picture cannot be written" in capsys.readouterr().err


@pytest.fixture
def graph(tmp_path: Path):
    """Write a frozen graph: x -> FakeQuant -> conv, whose output has no range."""

    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    def node(name: str, op: str, *inputs: str) -> bytes:
        body = field(1, name.encode()) + field(2, op.encode())
        return field(1, body + b"".join(field(3, i.encode()) for i in inputs))

    nodes = [node("x", "Placeholder"), node("w", "Const")]
    nodes += [
        node("q", "FakeQuantWithMinMaxArgs", "x"),
        node("conv", "Conv2D", "q", "w"),
    ]

    def write(*more: tuple[str, ...]) -> str:
        path = tmp_path / "graph.pb"
        path.write_bytes(b"".join([*nodes, *(node(*item) for item in more)]))
        return str(path)

    return write


def test_a_gap_in_a_graph_is_status_1(graph, capsys) -> None:
    assert main(["inspect", graph()]) == 1
    page = " ".join(capsys.readouterr().out.split())
    assert "1 value without a range: the converter leaves" in page
    assert "Conv2D conv no range follows its output" in page
    assert "q 8 1 -6 6" in page


def test_a_covered_graph_is_status_0(graph, capsys) -> None:
    path = graph(("after", "FakeQuantWithMinMaxArgs", "conv"))
    page = told(capsys, path)
    assert "covered: all 1 layers have a range" in page
    assert "1 without a range; the converter makes one of their values" in page
    document = told(capsys, path, "--json")
    assert json.loads(document)["uncovered"] == []


def test_a_graph_without_ranges_is_a_plain_float_graph(tmp_path: Path, capsys) -> None:
    path = tmp_path / "plain.pb"
    path.write_bytes(b"\x0a\x10" + b"\x0a\x01x\x12\x0bPlaceholder")
    assert main(["inspect", str(path)]) == 0
    assert "a float graph without any range" in capsys.readouterr().out


def test_options_of_a_tflite_are_refused_for_a_graph(graph, capsys) -> None:
    assert main(["inspect", graph(), "--expect", "int8", "--tensors"]) == 2
    shown = capsys.readouterr().err
    assert "these options are for a .tflite" in shown
    assert "--expect, --tensors" in shown


@pytest.mark.parametrize(
    ("name", "head"), [("m.keras", b"PK\x03\x04"), ("m.h5", b"\x89HDF\r\n\x1a\n")]
)
def test_keras_files_are_told_the_way(
    name: str, head: bytes, tmp_path: Path, capsys
) -> None:
    path = tmp_path / name
    path.write_bytes(head + bytes(32))
    assert main(["inspect", str(path)]) == 2
    assert (
        "hil convert turns it into a .tflite; exported as a SavedModel, hil inspect "
        "shows its ranges"
    ) in capsys.readouterr().err


def test_nothing_heavy_is_imported_for_a_tflite() -> None:
    script = (
        "import sys; from hil.cli.main import main; "
        f"main(['inspect', {DIGITS!r}, '--json']); "
        "heavy = {'numpy', 'scipy', 'tensorflow', 'ai_edge_litert', 'jinja2', "
        "'tflite_micro', 'matplotlib'} & set(sys.modules); "
        "print(sorted(heavy), file=sys.stderr)"
    )
    done = tools.run([sys.executable, "-c", script], deadline=Deadline(60))
    assert done.stderr.splitlines()[-1] == b"[]"
