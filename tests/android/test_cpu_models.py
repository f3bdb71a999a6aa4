from __future__ import annotations

from hil.android.cpu_models import parse_cpu_models


def test_each_cores_design_and_the_chips_name_are_read() -> None:
    models = parse_cpu_models(
        "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\n"
        "processor\t: 4\nCPU implementer\t: 0x51\nCPU part\t: 0x804\n"
        "Hardware\t: Qualcomm Technologies, Inc SM7225\n"
    )
    assert models is not None
    assert models.design == {0: "0x41:0xd05", 4: "0x51:0x804"}
    assert models.hardware == "Qualcomm Technologies, Inc SM7225"


def test_a_core_without_an_implementer_has_no_design() -> None:
    models = parse_cpu_models("processor\t: 0\nCPU part\t: 0xd05\nHardware\t: X\n")
    assert models is not None
    assert models.design == {}


def test_cores_of_x86_tell_nothing() -> None:
    assert parse_cpu_models("processor\t: 0\nmodel name\t: Some\n") is None
