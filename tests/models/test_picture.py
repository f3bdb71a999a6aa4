"""The picture of a graph: well-formed, escaped, coloured."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from hil.models.graph import read_graph
from hil.models.picture import draw

if TYPE_CHECKING:
    from types import ModuleType

_SVG = "{http://www.w3.org/2000/svg}"


def drawn(data: bytes, title: str = "m") -> ET.Element:
    return ET.fromstring(draw(read_graph(data, "m"), title=title))


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{_SVG}text")]


def boxes(root: ET.Element) -> list[str]:
    """Return the classes of the boxes, the legend's left out."""
    groups = root.findall(f"{_SVG}g")
    return [
        group.attrib["class"]
        for group in groups
        if group.find(f"{_SVG}title") is not None
    ]


def test_each_operator_and_end_is_a_box_of_its_type(tiny: ModuleType) -> None:
    root = drawn(tiny.int8_conv_model("float"))
    assert boxes(root) == ["float", "mixed", "int8", "mixed", "float"]
    assert "1  CONV_2D" in texts(root)
    assert "int8[1,2,2,2]" in texts(root)
    assert len(root.findall(f"{_SVG}path")) == 4


def test_the_legend_has_only_what_is_there(tiny: ModuleType) -> None:
    assert "float" in texts(drawn(tiny.conv_model()))
    assert "8-bit integers" not in texts(drawn(tiny.conv_model()))


def test_names_are_escaped(tiny: ModuleType) -> None:
    operator = tiny.TinyOperator(
        name="<b>&\x1b\x00", inputs=[0], outputs=[1], custom=True
    )
    data = tiny.conv_model(operators=[operator])
    root = drawn(data, title="<script>alert(1)</script>\x07")
    assert root[0].text == "<script>alert(1)</script>\\x07"
    assert "0  <b>&\\x1b\\x00" in texts(root)
    source = draw(read_graph(data, "m"), title="<script>")
    assert "<script" not in source


def test_light_and_dark_are_both_styled(tiny: ModuleType) -> None:
    source = draw(read_graph(tiny.conv_model(), "m"), title="m")
    assert "prefers-color-scheme:dark" in source


def test_long_texts_are_cut_to_the_box_and_whole_in_the_hint(tiny: ModuleType) -> None:
    name = "AnOperatorWithAVeryLongNameIndeedItIs"
    operator = tiny.TinyOperator(name=name, inputs=[0], outputs=[1], custom=True)
    root = drawn(tiny.conv_model(operators=[operator]))
    shown = next(text for text in texts(root) if text.startswith("0  An"))
    assert len(shown) == 30
    assert shown.endswith("…")
    assert any(name in (hint.text or "") for hint in root.iter(f"{_SVG}title"))


def test_subgraphs_stand_below_each_other(tiny: ModuleType) -> None:
    data = tiny.build(tiny.TinyModel(graphs=[tiny.conv_graph(), tiny.conv_graph()]))
    assert {"subgraph 0", "subgraph 1"} <= set(texts(drawn(data)))


def test_a_graph_without_operators_is_drawn(tiny: ModuleType) -> None:
    assert boxes(drawn(tiny.conv_model(operators=[]))) == ["float", "float"]
