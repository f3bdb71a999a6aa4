from __future__ import annotations

from hil.android.properties import parse_properties

GETPROP = """\
[persist.sys.timezone]: []
[ro.build.fingerprint]: [google/oriole/oriole:14/AP2A/1:user/release-keys]
[ro.build.version.release]: [14]
[ro.build.version.sdk]: [34]
[ro.odd]: [one
two [three]
[four]]
[ro.product.cpu.abi]: [arm64-v8a]
[ro.product.manufacturer]: [Google]
[ro.product.model]: [Pixel 6]
"""


def test_every_property_is_read() -> None:
    properties = parse_properties(GETPROP)
    assert properties["persist.sys.timezone"] == ""
    assert properties["ro.product.model"] == "Pixel 6"
    assert len(properties) == 8


def test_a_value_may_span_lines_and_hold_brackets() -> None:
    assert parse_properties(GETPROP)["ro.odd"] == "one\ntwo [three]\n[four]"


def test_line_ends_of_an_old_terminal_do_not_matter() -> None:
    assert parse_properties(GETPROP.replace("\n", "\r\n")) == parse_properties(GETPROP)


def test_what_is_no_list_of_properties_has_none() -> None:
    assert parse_properties("sh: getprop: not found\n") == {}


def test_an_entry_that_never_ends_is_left_out() -> None:
    cut = GETPROP[: GETPROP.index("Pixel") + 3]
    assert "ro.product.model" not in parse_properties(cut)
    assert parse_properties(cut)["ro.product.manufacturer"] == "Google"
