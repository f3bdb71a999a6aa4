"""Reset and power: by line, by tool, by a command of the user's."""

from __future__ import annotations

import pytest

from hil.deadline import Deadline
from hil.errors import BrokenSetup, ConfigError, ToolError
from hil.firmware.reset import power_on, reset, reset_argv
from hil.links.control_lines import ControlLine
from hil.links.serial_identity import PortIdentity
from hil.vocab import CommandSettings

NUCLEO = PortIdentity(
    device="/dev/ttyACM0", usb_serial="066BFF30", vid_pid="0483:374b", location="1-2"
)


def settings(tool, *arguments):
    return CommandSettings(tool=tool, arguments=arguments)


@pytest.mark.parametrize("line", list(ControlLine))
def test_a_line_is_pulsed(line):
    pulsed = []
    told = reset(
        settings(line.value),
        NUCLEO,
        Deadline(5),
        pulse=lambda path, line, _: pulsed.append((path, line)),
    )
    assert pulsed == [("/dev/ttyACM0", line)]
    assert told == f"{line.name} of /dev/ttyACM0"


def test_a_line_takes_no_arguments():
    with pytest.raises(ConfigError, match="reset by rts takes no arguments"):
        reset(settings("rts", "100"), NUCLEO, Deadline(5), pulse=pytest.fail)


@pytest.mark.parametrize(
    ("own", "argv"),
    [
        (
            settings("openocd", "-f", "b.cfg"),
            "openocd|-f|b.cfg|-c|adapter serial 066BFF30|-c|init; reset run; exit",
        ),
        (
            settings("pyocd", "--target", "x"),
            "pyocd|reset|--target|x|--uid|066BFF30",
        ),
        (settings("st-flash"), "st-flash|--serial|066BFF30|reset"),
        (settings("esptool"), "esptool|--port|/dev/ttyACM0|run"),
        (settings("uhubctl", "-a", "cycle"), "uhubctl|-a|cycle"),
        (
            settings("my-reset", "{port}", "{usb_serial}"),
            "my-reset|/dev/ttyACM0|066BFF30",
        ),
        (
            settings("openocd", "-c", "reset_of {usb_serial}"),
            "openocd|-c|reset_of 066BFF30",
        ),
    ],
)
def test_each_tool_gets_its_words(own, argv):
    assert "|".join(reset_argv(own, NUCLEO)) == argv


def test_picotool_restarts_the_board_of_that_number():
    pico = PortIdentity(device="/dev/ttyACM0", usb_serial="E66", vid_pid="2e8a:000a")
    argv = ("picotool", "reboot", "-f", "--ser", "E66")
    assert reset_argv(settings("picotool"), pico) == argv


def test_the_command_is_run_and_told(tools_on_path):
    tools_on_path.add("my-reset")
    own = settings("my-reset", "{port}")
    assert reset(own, NUCLEO, Deadline(10)) == "my-reset /dev/ttyACM0"
    assert tools_on_path.argv == ["my-reset", "/dev/ttyACM0"]


def test_a_reset_that_hangs_is_ended_at_the_deadline(tools_on_path):
    tools_on_path.add("my-reset", "exec sleep 600")
    with pytest.raises(ToolError, match="did not end in time") as caught:
        reset(settings("my-reset"), NUCLEO, Deadline(0.5))
    assert caught.value.remedy.startswith("the reset was stopped at the deadline")


def test_power_is_switched_by_a_command(tools_on_path):
    tools_on_path.add("uhubctl")
    told = power_on(settings("uhubctl", "-l", "1-2", "-a", "on"), None, Deadline(10))
    assert told == "uhubctl -l 1-2 -a on"
    assert tools_on_path.argv == ["uhubctl", "-l", "1-2", "-a", "on"]


def test_power_comes_before_the_port_is_known():
    with pytest.raises(BrokenSetup, match=r"ask for \{port\}"):
        power_on(settings("uhubctl", "{port}"), None, Deadline(10))
