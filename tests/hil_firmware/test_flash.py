"""Flashing: the right command line for each tool, and failures that say what helps."""

from __future__ import annotations

import pytest

from hil.deadline import Deadline
from hil.errors import BrokenSetup, ConfigError, ToolError, ToolMissing
from hil.firmware.flash import flash, flash_argv
from hil.links.serial_identity import PortIdentity
from hil.vocab import CommandSettings

NUCLEO = PortIdentity(
    device="/dev/ttyACM0", usb_serial="066BFF30", vid_pid="0483:374b", location="1-2"
)
ADAPTER = PortIdentity(
    device="/dev/ttyUSB0", usb_serial="0001", vid_pid="10c4:ea60", location="1-4"
)


@pytest.fixture
def image(tmp_path):
    for suffix in ("elf", "bin", "hex", "uf2"):
        (tmp_path / f"hil.{suffix}").write_bytes(b"image")
    return tmp_path / "hil.elf"


def settings(tool, *arguments):
    return CommandSettings(tool=tool, arguments=arguments)


def test_openocd_programs_verifies_and_starts_by_the_probes_number(image):
    argv = flash_argv(settings("openocd", "-f", "board.cfg"), image, port=NUCLEO)
    assert argv == (
        "openocd",
        "-f",
        "board.cfg",
        "-c",
        "adapter serial 066BFF30",
        "-c",
        f"program {{{image}}} verify reset exit",
    )


def test_pyocd_takes_the_probe_as_uid(image):
    argv = flash_argv(settings("pyocd", "--target", "stm32l4r5zi"), image, port=NUCLEO)
    words = ("pyocd", "flash", "--target", "stm32l4r5zi", "--uid", "066BFF30")
    assert argv == (*words, str(image))


def test_st_flash_takes_the_binary_beside_the_elf_and_an_address(image):
    argv = flash_argv(settings("st-flash"), image, port=NUCLEO)
    binary = str(image.with_suffix(".bin"))
    words = ("st-flash", "--serial", "066BFF30", "--reset", "write")
    assert argv == (*words, binary, "0x08000000")


def test_st_flash_takes_a_hex_file_without_an_address(image):
    path = image.with_suffix(".hex")
    assert flash_argv(settings("st-flash"), path) == (
        *("st-flash", "--reset", "--format", "ihex", "write"),
        str(path),
    )


def test_esptool_writes_over_the_boards_own_port(image):
    argv = flash_argv(settings("esptool", "--chip", "esp32s3"), image, port=ADAPTER)
    assert argv == (
        *("esptool", "--port", "/dev/ttyUSB0", "--chip", "esp32s3"),
        *("write_flash", "0x0", str(image.with_suffix(".bin"))),
    )


def test_picotool_loads_verifies_and_starts(image):
    pico = PortIdentity(device="/dev/ttyACM0", usb_serial="E66", vid_pid="2e8a:000a")
    uf2 = str(image.with_suffix(".uf2"))
    assert flash_argv(settings("picotool"), image.with_suffix(".uf2"), port=pico) == (
        *("picotool", "load", "-v", "-x", uf2, "-f", "--ser", "E66"),
    )


def test_an_adapters_number_is_not_the_probes(image):
    argv = flash_argv(settings("openocd", "-f", "b.cfg"), image, port=ADAPTER)
    assert not any("adapter serial" in word for word in argv)


@pytest.mark.parametrize(
    ("tool", "own"),
    [
        ("openocd", ("-c", "adapter serial ABC")),
        ("pyocd", ("--uid", "ABC")),
        ("st-flash", ("--serial=ABC",)),
        ("picotool", ("--ser", "ABC")),
    ],
)
def test_a_probe_that_the_user_names_is_not_named_again(image, tool, own):
    assert "066BFF30" not in " ".join(
        flash_argv(settings(tool, *own), image, port=NUCLEO)
    )


def test_arguments_with_an_image_are_the_whole_command_line(image):
    own = settings("./burn", "--on={port}", "{usb_serial}", "x{image}", "{other}")
    assert flash_argv(own, image, port=NUCLEO) == (
        *("./burn", "--on=/dev/ttyACM0", "066BFF30", f"x{image}", "{other}"),
    )


def test_braces_of_openocds_language_stay(image):
    own = settings("openocd", "-c", "program {{image}} exit")
    assert flash_argv(own, image)[-1] == f"program {{{image}}} exit"


def test_a_placeholder_that_is_not_known_is_told(image):
    with pytest.raises(BrokenSetup, match=r"ask for \{usb_serial\}"):
        flash_argv(
            settings("burn", "{image}", "{usb_serial}"),
            image,
            port=PortIdentity(device="/dev/ttyS0"),
        )


def test_an_unknown_tool_needs_its_command_line(image):
    with pytest.raises(ConfigError, match="does not know how burn is called") as caught:
        flash_argv(settings("burn", "-x"), image)
    assert "arguments = ['...', '{image}']" in caught.value.remedy


def test_a_missing_image_is_told(tmp_path):
    for own in (settings("openocd"), settings("burn", "{image}")):
        with pytest.raises(ConfigError, match="no image to flash"):
            flash_argv(own, tmp_path / "none.elf")


def test_an_image_that_the_tool_cannot_read_is_told(tmp_path):
    (tmp_path / "hil.elf").touch()
    with pytest.raises(ConfigError, match="st-flash cannot read") as caught:
        flash_argv(settings("st-flash"), tmp_path / "hil.elf")
    assert caught.value.allowed == "hil.bin, hil.hex"


def test_a_path_that_openocd_would_take_apart_is_refused(tmp_path):
    path = tmp_path / "}; shutdown; {.elf"
    path.touch()
    with pytest.raises(ConfigError, match="openocd cannot be given this path"):
        flash_argv(settings("openocd"), path)


def test_a_serial_number_that_is_a_script_reaches_no_tool(image):
    odd = PortIdentity(device="/dev/x", usb_serial="1; shutdown", vid_pid="0483:3748")
    with pytest.raises(BrokenSetup, match="cannot be given to a tool"):
        flash_argv(settings("openocd"), image, port=odd)


def test_the_tool_is_run_with_these_words(image, tools_on_path):
    tools_on_path.add("openocd")
    flash(settings("openocd", "-f", "my board.cfg"), image, Deadline(10), port=NUCLEO)
    assert tools_on_path.argv == [
        *("openocd", "-f", "my board.cfg", "-c", "adapter serial 066BFF30"),
        *("-c", f"program {{{image}}} verify reset exit"),
    ]


def test_a_missing_tool_is_told_with_its_package(image, tools_on_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tools_on_path.folder))
    with pytest.raises(ToolMissing, match="apt-get install stlink-tools"):
        flash(settings("st-flash"), image, Deadline(10))


@pytest.mark.parametrize(
    ("tool", "says", "remedy"),
    [
        ("openocd", "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS", "udev"),
        ("openocd", "Error: open failed", "plug the debug probe in"),
        ("openocd", "Can't find board/st_nope.cfg", "-f file in flash.arguments"),
        ("openocd", "** Verify Failed **", "flash again"),
        ("openocd", "Error: init mode failed (unable to connect)", "power and jumpers"),
        ("pyocd", "No available debug probes are connected", "plug the debug probe in"),
        ("pyocd", "Target type x not recognized", "pyocd pack install"),
        ("st-flash", "Couldn't find any ST-Link devices", "plug the debug probe in"),
        ("esptool", "Failed to connect to ESP32: No serial data", "hold BOOT"),
        ("picotool", "No accessible RP-series devices in BOOTSEL", "hold BOOTSEL"),
    ],
)
def test_a_tools_complaint_is_told_with_what_helps(
    image, tools_on_path, tool, says, remedy
):
    tools_on_path.add(tool, f'echo "{says}" >&2; exit 1')
    with pytest.raises(ToolError, match="ended with status 1") as caught:
        flash(
            settings(tool),
            image.with_suffix(".bin" if "st" in tool or tool == "esptool" else ".elf"),
            Deadline(10),
        )
    assert says in caught.value.found
    assert remedy in caught.value.remedy


def test_a_tool_that_hangs_is_ended_at_the_deadline(image, tools_on_path):
    tools_on_path.add("openocd", "echo Info: waiting; exec sleep 600")
    with pytest.raises(ToolError, match="did not end in time") as caught:
        flash(settings("openocd"), image, Deadline(0.5))
    assert caught.value.found == "Info: waiting"
    assert "unplug the board" in caught.value.remedy


def test_a_file_that_is_no_program_is_told(image, tmp_path):
    burn = tmp_path / "burn"
    burn.write_text("no program")
    with pytest.raises(ToolError, match="chmod"):
        flash(settings(str(burn), "{image}"), image, Deadline(10))
