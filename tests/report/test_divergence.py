"""What `hil diverge` shows: text, JSON and a page, of the same findings."""

from __future__ import annotations

import dataclasses
import io
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from hil.accuracy.divergence import diverge
from hil.accuracy.divergence_found import (
    Answerer,
    Cause,
    Comparison,
    Doubt,
    Fingerprint,
    FirstLayer,
    Pair,
)
from hil.accuracy.divergence_rounding import Rounding
from hil.report import divergence_words as words
from hil.report.divergence import render, render_fingerprint
from hil.report.divergence_document import document, fingerprint_document
from hil.report.divergence_page import page

LEFT = np.array([[1, 2], [4, 3], [0, 9]], np.int8)
RIGHT = np.array([[1, 2], [3, 4], [0, 9]], np.int8)
LAYER = FirstLayer(
    operator=3,
    name="CONV_2D",
    tensor="conv/Relu",
    parameters={
        "padding": "SAME",
        "stride_w": "2",
        "dilation_w_factor": "1",
        "keep_num_dims": "False",
        "input": "[1, 8] int8, scale 0.5, zero point 3",
        "output": "[1, 4] int8, scale 0.25, zero point 0",
    },
    rows=2,
    examined=3,
    others={5: 1},
    values=8_000,
    differing=12,
    largest_lsb=1,
    cause=Cause(
        text="rounding: as it is",
        is_proved=True,
        left=(Rounding.ONCE,),
        right=(Rounding.TWICE,),
        values=8_000,
    ),
)


def pair_of(left, right, *, same=False, **more):
    found = diverge(LEFT, LEFT if same else RIGHT)
    return Pair(
        left=left,
        right=right,
        rows=(0, 1, 2),
        divergence=found,
        differing=found.differing,
        flipped=found.flipped,
        **more,
    )


def compared(*pairs, names=("litert", "tflm", "board")):
    return Comparison(
        model="m",
        sha256="ab" * 32,
        dataset="d.npz",
        inputs=3,
        sides=tuple(Answerer(name=n, engine=f"{n} 1", answered=3) for n in names),
        pairs=pairs,
    )


@pytest.fixture
def found():
    return compared(
        pair_of("litert", "tflm", first_layer=LAYER),
        pair_of("litert", "board", first_layer=LAYER),
        pair_of("tflm", "board", same=True),
    )


def shown(renderable, *, width=200):
    console = Console(width=width, highlight=False, file=io.StringIO())
    console.print(renderable)
    return console.file.getvalue()


def test_the_table_has_a_row_for_each_pair(found):
    text = shown(render(found, engines=("litert", "tflm")))
    lines = text.splitlines()
    assert lines[0] == "m on 3 inputs of d.npz"
    assert lines[2].split("  ")[0] == "litert : tflm"
    assert "2 of 3, 66.7 %" in lines[2]
    assert "1 LSB" in lines[2]
    assert "1; 6.1 .. 79.2 %" in lines[2]
    assert lines[2].rstrip().endswith("3 CONV_2D")
    assert lines[4].rstrip().endswith("none")


def test_pairs_of_the_same_answers_are_told_of_once(found):
    text = shown(render(found, engines=("litert", "tflm")))
    assert text.count("operator 3 CONV_2D (conv/Relu)") == 1
    assert "  and so litert : board" in text
    assert "same answers to every input: tflm, board" in text
    assert "board: predicted by tflm" in text


def test_a_pair_tells_its_layer_its_parameters_and_the_cause(found):
    text = shown(render(found, engines=()))
    assert (
        "first in 2 of 3 inputs looked into: 12 of 8,000 values differ, by 1 LSB at "
        "most; the first is another one elsewhere: operator 5 in 1" in text
    )
    assert "padding SAME, stride_w 2\n" in text  # what says nothing is left out
    assert "input    [1, 8] int8, scale 0.5, zero point 3" in text
    assert "cause, proved: rounding: as it is" in text
    assert "inputs by their largest difference in LSB: 2 by 0, 1 by 1" in text
    assert "flipped inputs: 1\n" in text


def test_a_device_that_no_engine_equals_is_said_to_be_predicted_by_none():
    found = compared(pair_of("tflm", "board"), names=("tflm", "board"))
    text = shown(render(found, engines=("tflm",)))
    assert "board: predicted by none of the engines here: tflm" in text


def test_why_no_layer_is_known_stands_with_the_pair():
    found = compared(pair_of("a", "b", layers_unknown="b is mute"), names=("a", "b"))
    assert "first layer not known: b is mute" in shown(render(found, engines=()))
    lent = pair_of("a", "b", first_layer=LAYER, layers_of=("a", "c"))
    text = shown(render(compared(lent, names=("a", "b")), engines=()))
    assert "layers as of a : c, which gave the same answers" in text


def test_text_of_a_device_or_model_is_shown_and_not_obeyed():
    evil = dataclasses.replace(LAYER, tensor="\x1b[2Jx<script>alert(1)</script>")
    found = compared(
        pair_of("a", "\x1b]0;b", first_layer=evil), names=("a", "\x1b]0;b")
    )
    assert "\x1b" not in shown(render(found, engines=()))
    html = page(found)
    assert "\x1b" not in html
    assert "<script" not in html


def test_the_document_has_every_figure(found):
    told = json.loads(json.dumps(document(found)))
    first = told["pairs"][0]
    assert told["same_answers"] == [["litert"], ["tflm", "board"]]
    assert first["identical"]["count"] == 2
    assert first["label_flips"] == {
        "count": 1,
        "n": 3,
        "share": pytest.approx(1 / 3),
        "low": pytest.approx(0.0615, abs=1e-4),
        "high": pytest.approx(0.7923, abs=1e-4),
    }
    assert first["rows_by_lsb"] == {"0": 2, "1": 1}
    assert first["values_by_lsb"] == {"-1": 1, "0": 4, "1": 1}
    assert first["differing"] == first["flipped"] == [1]
    assert first["first_layer"]["parameters"]["dilation_w_factor"] == "1"
    assert first["first_layer"]["cause"]["right"] == [Rounding.TWICE.value]
    assert told["pairs"][2]["first_layer"] is None


def test_a_value_that_is_not_finite_is_no_number_in_json():
    left, right = np.float32([[np.nan, 1]]), np.float32([[2, 1]])
    found = dataclasses.replace(pair_of("a", "b"), divergence=diverge(left, right))
    told = document(compared(found, names=("a", "b")))["pairs"][0]
    assert (told["largest_relative"], told["not_finite"]) == (None, True)
    assert words.largest(found.divergence) == "not finite"
    json.dumps(told, allow_nan=False)


class Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_needs_no_network_and_no_script(found):
    outline = Outline()
    outline.feed(page(found))
    names = {tag for tag, _ in outline.tags}
    assert not names & {"script", "link", "img", "iframe"}
    assert not any({"src", "href", "style"} & set(attrs) for _, attrs in outline.tags)
    (policy,) = (a for t, a in outline.tags if "http-equiv" in a and t == "meta")
    assert policy["content"].startswith("default-src 'none'; style-src 'sha256-")
    text = " ".join(outline.text)
    for part in ("m on 3 inputs", "litert : tflm", "cause, proved", "conv/Relu", "+1"):
        assert part in text


def test_histogram_buckets_double_and_leave_out_what_is_empty():
    counts = {0: 5, 1: 1, 3: 2, 4: 1, 255: 1, 300: 4}
    assert words.histogram(counts) == [
        ("0", 5),
        ("1", 1),
        ("3..4", 3),
        ("129..255", 1),
        ("256..4095", 4),
    ]


def test_a_fingerprint_shows_its_verdict_its_figures_and_what_to_do_next():
    advice = "copy the input"
    found = Fingerprint(
        source="log.txt",
        engine="a device, printed with 3 decimals",
        pairs=(pair_of("log.txt", "tflm", same=True),),
        doubts=(
            Doubt(item="device clock", found="0.67", advice=advice),
            Doubt(item="timer", found="coarse", advice=advice),
        ),
    )
    text = shown(render_fingerprint(found))
    assert "log.txt (a device, printed with 3 decimals)" in text
    assert "  equals tflm: all 3 answers, bit for bit\n" in text
    assert "  doubt: device clock: 0.67" in text
    assert text.count("next: copy the input") == 1
    told = fingerprint_document(found)
    assert told["equals"] == ["tflm"]
    assert told["clock_disagrees"] is True
    assert told["verdict"] == "equals tflm: all 3 answers, bit for bit"


def test_coarse_decimals_are_said_to_tell_less():
    found = Fingerprint(
        source="log",
        engine="",
        pairs=(pair_of("log", "tflm", same=True),),
        is_exact=False,
    )
    assert words.verdict(found) == (
        "equals tflm: all 3 answers, within the printed decimals, which do not tell a "
        "step from the next"
    )
