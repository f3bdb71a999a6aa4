"""Device profiles: read, checked, found, and refused with a text that helps."""

from __future__ import annotations

import os

import pytest

from hil.errors import ConfigError
from hil.profiles import find_profile, profile_files, read_profile, schema
from hil.vocab import AdbSettings, SerialSettings, TargetKind, TimeBasis

BOARD = """
name = "bench-board"
kind = "mcu"
arch = "armv7e-m"
core = "Cortex-M4F"
clock_hz = 120_000_000
ram_bytes = 655360
flash_bytes = 2097152
time_basis = "cpu_cycles"
"""


@pytest.fixture(autouse=True)
def _no_profiles_of_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HIL_PROFILES", raising=False)


def written(folder, text, name="board"):
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_a_user_without_a_home_has_the_profiles_that_ship(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 2**30)  # a number without a name
    assert find_profile("emulated-mcu").name == "emulated-mcu"


def test_the_two_default_devices_come_with_hil():
    mcu = find_profile("emulated-mcu")
    assert (mcu.kind, mcu.ram_bytes, mcu.flash_bytes) == (
        TargetKind.EMULATED_MCU,
        256 * 1024,
        1024 * 1024,
    )
    phone = find_profile("emulated-phone")
    assert phone.kind is TargetKind.EMULATED_PHONE
    assert "shell_v2" in phone.emulator.features


def test_every_shipped_profile_is_valid_and_named_as_its_file():
    for name, path in profile_files().items():
        assert read_profile(path).name == name


def test_every_shipped_profile_says_on_what_it_was_tried():
    for path in profile_files().values():
        assert "# Tried on:" in path.read_text()


def test_a_board_is_read_with_its_tables(tmp_path):
    link = '[link]\nusb_serial = "066B"\nvid_pid = "0483:374b"\nbaud = 921600\n'
    flash = '[flash]\ntool = "openocd"\narguments = ["-f", "board.cfg"]\n'
    profile = read_profile(written(tmp_path, BOARD + link + flash))
    assert profile.time_basis is TimeBasis.CPU_CYCLES
    assert profile.link == SerialSettings(
        usb_serial="066B", vid_pid="0483:374b", baud=921600
    )
    assert profile.flash is not None
    assert profile.flash.arguments == ("-f", "board.cfg")


def test_a_phone_is_reached_by_host_and_port(tmp_path):
    text = (
        BOARD.replace('"mcu"', '"phone"') + '[link]\nhost = "10.0.0.7"\nport = 5556\n'
    )
    profile = read_profile(written(tmp_path, text))
    assert profile.link == AdbSettings(host="10.0.0.7", port=5556)


def test_a_users_own_profile_comes_before_the_shipped_one(tmp_path):
    text = BOARD.replace("bench-board", "emulated-mcu")
    written(tmp_path, text, name="emulated-mcu")
    assert find_profile("emulated-mcu", extra=[tmp_path]).clock_hz == 120_000_000


def test_folders_named_in_the_environment_are_searched(tmp_path, monkeypatch):
    written(tmp_path, BOARD, name="bench-board")
    monkeypatch.setenv("HIL_PROFILES", str(tmp_path))
    assert find_profile("bench-board").core == "Cortex-M4F"


def test_settings_are_laid_over_a_profile_and_checked():
    profile = find_profile(
        "emulated-mcu", overrides=["ram_bytes=65536", "link.baud=9600"]
    )
    assert (profile.ram_bytes, profile.link.baud) == (65536, 9600)
    assert profile.overrides == ("ram_bytes=65536", "link.baud=9600")
    with pytest.raises(ConfigError, match="the setting is not a line of TOML"):
        find_profile("emulated-mcu", overrides=["ram_bytes"])
    with pytest.raises(ConfigError, match=r"unknown key 'link\.boud'"):
        find_profile("emulated-mcu", overrides=["link.boud=9600"])


def test_an_unknown_profile_is_answered_with_the_nearest():
    with pytest.raises(ConfigError) as caught:
        find_profile("emulated-mpu")
    assert "no device profile is called 'emulated-mpu'" in str(caught.value)
    assert caught.value.remedy == "did you mean 'emulated-mcu'?"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("ram_bytes", "ram_byte"), "unknown key 'ram_byte'"),
        (('core = "Cortex-M4F"', ""), "the key 'core' is missing"),
        (('"mcu"', '"mcp"'), "kind: Input should be"),
        (("655360", "-1"), "ram_bytes: Input should be greater than 0"),
        (("655360", '"640K"'), "ram_bytes: Input should be a valid integer"),
        (('"cpu_cycles"', '"cycles"'), "time_basis: Input should be"),
        (('"bench-board"', '"../x"'), "name: String should match pattern"),
        (("120_000_000", "0"), "clock_hz: Input should be greater than 0"),
    ],
)
def test_a_bad_key_or_value_is_named_with_its_file(tmp_path, change, says):
    path = written(tmp_path, BOARD.replace(*change))
    with pytest.raises(ConfigError) as caught:
        read_profile(path)
    assert caught.value.what.startswith(says)
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            "[link]\nbaud = 10",
            "link.baud: Input should be greater than or equal to 300",
        ),
        ('[link]\nvid_pid = "483"', "link.vid_pid: String should match pattern"),
        ("[link]\nport = 7", "link.port: a board's port is a text"),
        ("[firmware]\nreserved_ram_bytes = 655360", "leaves nothing of"),
        ("[emulator]", "changes nothing of kind mcu: a firmware's buffers stand in"),
        ('[firmware]\nengine = "tvm"', "firmware.engine: Input should be"),
        ('[flash]\nargument = ["x"]\ntool = "x"', "unknown key 'flash.argument'"),
    ],
)
def test_a_bad_table_is_named(tmp_path, table, says):
    with pytest.raises(ConfigError) as caught:
        read_profile(written(tmp_path, BOARD + table))
    assert says in str(caught.value)


def test_a_board_in_qemu_names_its_machine(tmp_path):
    text = BOARD.replace('"mcu"', '"qemu"')
    with pytest.raises(ConfigError, match=r"needs qemu.machine and firmware.template"):
        read_profile(written(tmp_path, text))


def test_a_misspelt_key_is_answered_with_the_nearest(tmp_path):
    path = written(tmp_path, BOARD + "[link]\nbuad = 9600")
    with pytest.raises(ConfigError) as caught:
        read_profile(path)
    assert caught.value.remedy == "did you mean 'baud'?"


def test_a_phones_port_is_a_number(tmp_path):
    text = BOARD.replace('"mcu"', '"phone"') + '[link]\nport = "/dev/ttyACM0"\n'
    with pytest.raises(ConfigError, match="a phone's port is a TCP") as found:
        read_profile(written(tmp_path, text))
    assert found.value.allowed == "1 to 65535, or cassette:FILE"


@pytest.mark.parametrize("data", [b"name = ", b"\xff\xfe"])
def test_what_is_not_toml_is_refused(tmp_path, data):
    path = tmp_path / "x.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="the device profile is not TOML"):
        read_profile(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        find_profile(str(tmp_path / "none.toml"))


def test_the_schema_names_every_key_of_the_shipped_profiles():
    properties = schema()["properties"]
    assert {"name", "kind", "link", "emulator", "firmware"} <= set(properties)


def test_what_a_board_must_answer_is_read_beside_its_image(tmp_path):
    firmware = '[firmware]\nboard = "desk"\nbuild_id = "b1"\nimage = "out/hil.elf"\n'
    profile = read_profile(written(tmp_path, BOARD + firmware))
    assert profile.firmware.board == "desk"
    assert profile.firmware.build_id == "b1"
    assert profile.firmware.image == tmp_path / "out" / "hil.elf"


def test_an_image_without_a_build_id_cannot_be_recognized(tmp_path):
    with pytest.raises(ConfigError, match=r"needs firmware\.build_id"):
        read_profile(written(tmp_path, BOARD + '[firmware]\nimage = "hil.elf"\n'))


def test_a_board_may_speak_another_dialect_and_be_recorded(tmp_path):
    path = tmp_path / "b.toml"
    path.write_text(BOARD + '[link]\nprotocol = "mlperf"\nrecord = "x.cassette"\n')
    link = read_profile(path).link
    assert (link.protocol, str(link.record)) == ("mlperf", "x.cassette")
    path.write_text(BOARD + '[link]\nprotocol = "mlprf"\n')
    with pytest.raises(ConfigError, match=r"link.protocol") as found:
        read_profile(path)
    assert found.value.allowed == "'hil', 'mlperf' or 'auto'"


def test_a_phone_may_be_recorded_and_speaks_no_other_dialect(tmp_path):
    path = tmp_path / "p.toml"
    phone = BOARD.replace('"mcu"', '"phone"')
    path.write_text(phone + '[link]\nadb_serial = "R5"\nrecord = "x"\n')
    link = read_profile(path).link
    assert (link.serial, str(link.record), link.cassette) == ("R5", "x", None)
    path.write_text(phone + '[link]\nprotocol = "mlperf"\n')
    with pytest.raises(ConfigError, match="is of boards on a serial line") as found:
        read_profile(path)
    assert found.value.found == "mlperf, kind phone"


def test_a_cassette_stands_in_the_place_of_a_phones_address(tmp_path):
    path = tmp_path / "p.toml"
    phone = BOARD.replace('"mcu"', '"phone"')
    path.write_text(phone + '[link]\nadb_serial = "R5"\n')
    link = read_profile(path, overrides=['link.port="cassette:t.gz?timed"']).link
    assert link == AdbSettings(cassette="cassette:t.gz?timed")


def test_a_cassette_names_the_profile_that_was_recorded(tmp_path):
    tape = tmp_path / "t"
    tape.write_text('{"cassette": 1, "profile": "native"}\n')
    found = find_profile(f"cassette:{tape}?timed", overrides=["ram_bytes=65536"])
    assert (found.name, found.ram_bytes) == ("native", 65536)
    assert found.link.port == f"cassette:{tape}?timed"
    for text in ("{}", "hello", ""):
        tape.write_text(text)
        with pytest.raises(ConfigError, match="does not tell which device"):
            find_profile(f"cassette:{tape}")
    with pytest.raises(ConfigError, match="there is no such cassette") as caught:
        find_profile("cassette:none.gz")
    assert (caught.value.where, caught.value.remedy) == (
        "none.gz",
        "hil bench --record FILE makes one",
    )
