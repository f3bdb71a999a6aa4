"""What object files and archives say of the core that they were compiled for."""

from __future__ import annotations

import itertools
import shutil

import pytest

from hil.deadline import Deadline
from hil.errors import ConfigError
from hil.firmware.core_abi import read_archive, read_object
from hil.tools import run

CORES = {
    "m3": "-mcpu=cortex-m3 -mthumb -mfloat-abi=soft",
    "m4": "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16",
    "m4 soft": "-mcpu=cortex-m4 -mthumb -mfloat-abi=soft",
    "m7": "-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16",
    "m7 single": "-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-sp-d16",
    "m55": "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard",
}
# Libraries of the first run on cores of the second.
RUNS = {
    ("m3", "m4 soft"),
    ("m4", "m7"),
    ("m4", "m7 single"),
    ("m4", "m55"),
    ("m7 single", "m7"),
    ("m7 single", "m55"),
    ("m7", "m55"),
}


@pytest.fixture(scope="module")
def abis(tmp_path_factory):
    """What the compiler writes for each core."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed: scripts/test installs it")
    folder = tmp_path_factory.mktemp("cores")
    (folder / "code.c").write_text("float f(float x) { return x; }\n")
    found = {}
    for name, flags in CORES.items():
        out = folder / f"{name}.o"
        argv = ["arm-none-eabi-gcc", *flags.split(), "-c", "code.c", "-o", str(out)]
        run(argv, cwd=folder, deadline=Deadline(60))
        found[name] = read_object(out)
    return found


@pytest.mark.qemu
def test_code_runs_on_its_own_core_and_on_those_that_have_all_it_uses(abis):
    for library, core in itertools.product(CORES, CORES):
        expected = library == core or (library, core) in RUNS
        assert abis[library].runs_on(abis[core]) == expected, (library, core)


@pytest.mark.qemu
def test_a_core_is_told_in_words(abis):
    assert str(abis["m3"]) == "Armv7, floats in core registers"
    assert str(abis["m4"]) == (
        "Armv7E-M, floats in VFP registers, FPv4 of single precision"
    )
    assert str(abis["m7"]).endswith("FPv5 of double precision")
    assert str(abis["m55"]).startswith("Armv8.1-M Mainline, floats in VFP registers")
    assert str(abis["m55"]).endswith("Helium")


def test_an_archive_tells_its_members_and_their_symbols(tmp_path):
    for tool in ("cc", "ar"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    for name in ("first", "second_with_a_name_longer_than_sixteen_letters"):
        (tmp_path / f"{name}.c").write_text(f"int {name}(void) {{ return 1; }}\n")
        run(["cc", "-c", f"{name}.c"], cwd=tmp_path, deadline=Deadline(60))
    objects = [path.name for path in tmp_path.glob("*.o")]
    run(["ar", "rcs", "lib.a", *objects], cwd=tmp_path, deadline=Deadline(60))
    archive = read_archive(tmp_path / "lib.a")
    assert archive.symbols == {
        "first",
        "second_with_a_name_longer_than_sixteen_letters",
    }
    assert archive.abis == (read_object(tmp_path / "first.o"),)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "it does not begin with !<arch>"),
        (b"!<thin>\n", "a thin archive: its members are other files"),
        (
            b"!<arch>\n" + b"x.o/".ljust(48) + b"4".ljust(10) + b"`\nnope",
            "Magic number",
        ),
        (
            b"!<arch>\n" + b"x.o/".ljust(48) + b"?".ljust(10) + b"`\nnope",
            "invalid literal",
        ),
    ],
)
def test_what_is_no_archive_of_elf_files_is_refused(tmp_path, data, words):
    (tmp_path / "lib.a").write_bytes(data)
    with pytest.raises(ConfigError, match="no static library of ELF files") as caught:
        read_archive(tmp_path / "lib.a")
    assert words in caught.value.found
    assert caught.value.where == str(tmp_path / "lib.a")


def test_an_archive_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no static library"):
        read_archive(tmp_path / "lib.a")
