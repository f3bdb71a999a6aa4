from __future__ import annotations

from hil.android.properties import identity, parse_properties

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


def test_a_phone_is_named_by_what_it_says() -> None:
    assert identity(parse_properties(GETPROP)) == {
        "manufacturer": "Google",
        "model": "Pixel 6",
        "abi": "arm64-v8a",
        "release": "14",
        "sdk": "34",
        "fingerprint": "google/oriole/oriole:14/AP2A/1:user/release-keys",
        "is_emulator": False,
    }


def test_an_emulator_is_told_from_a_phone() -> None:
    assert identity({"ro.kernel.qemu": "1"}) == {"is_emulator": True}
    assert identity({"ro.boot.qemu": "1"}) == {"is_emulator": True}
    assert identity({"ro.hardware": "ranchu"}) == {"is_emulator": True}
