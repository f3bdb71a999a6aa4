from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.emulators.phone.personality_file import (
    PROPERTY,
    find_personality,
    personality_files,
    read_personality,
)
from hil.errors import ConfigError
from hil.profiles import find_profile, profile_files

if TYPE_CHECKING:
    from pathlib import Path

FALLING = """\
rise_c = 1.0
trips = [
  { above_c = 50.0, clock = 0.5, status = 1 },
  { above_c = 40.0, clock = 0.4, status = 2 },
]"""
GOOD = """\
kernel = "1"
[[clusters]]
cores = 1
capacity = 1024
max_khz = 1000000
min_khz = 100000
part = "0xd05"
[heat]
rise_c = 1.0
time_constant_seconds = 1.0
"""


@pytest.mark.parametrize("name", sorted(personality_files()))
def test_each_personality_is_valid_and_has_a_profile_that_names_it(name: str) -> None:
    find_personality(name, where="here")
    profile = find_profile(f"emulated-phone-{name}")
    assert profile.emulator.properties[PROPERTY] == name


def test_each_profile_of_an_emulated_phone_names_a_personality_that_there_is() -> None:
    named = {
        find_profile(name).emulator.properties.get(PROPERTY)
        for name in profile_files()
        if name.startswith("emulated-phone-")
    }
    assert named == set(personality_files())


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError) as caught:
        find_personality("throtling", where="p.toml")
    assert str(caught.value) == (
        "no emulated phone has the personality 'throtling'\n"
        "  where:   p.toml: ro.hil.personality\n"
        "  allowed: 32-bit, hostile, no-shell-v2, no-thermal-service, "
        "three-clusters, throttling, two-clusters\n"
        "  remedy:  did you mean 'throttling'?"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("capacity = 1024", "capacity = 512"), "the fastest has the capacity 1024"),
        (("rise_c = 1.0", "rise_c = 1.0\ntrip = 1"), "unknown key 'heat.trip'"),
        (('part = "0xd05"', ""), "the key 'clusters.0.part' is missing"),
        (("kernel =", "kernel"), "the personality is not TOML"),
        (
            (
                "rise_c = 1.0",
                FALLING,
            ),
            "heat: trips: the coolest comes first, and none twice",
        ),
    ],
)
def test_a_file_with_a_mistake_is_refused(
    tmp_path: Path, change: tuple[str, str], text: str
) -> None:
    path = tmp_path / "p.toml"
    path.write_text(GOOD)
    read_personality(path)
    path.write_text(GOOD.replace(*change))
    with pytest.raises(ConfigError) as caught:
        read_personality(path)
    assert text in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the personality cannot be read"):
        read_personality(tmp_path / "absent.toml")
