"""Cassettes that outlive the targets which use them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from hil.cli.tapes import Tapes
from hil.deadline import Deadline
from hil.errors import ConfigError, LinkClosed
from hil.links.fake import FakeLink
from hil.profiles import find_profile

if TYPE_CHECKING:
    from pathlib import Path


class Echo(FakeLink):
    """A board that says back what it hears."""

    def __init__(self) -> None:
        super().__init__(lambda data: data)


def board(**link: object):
    profile = find_profile("emulated-mcu")
    return dataclasses.replace(profile, link=dataclasses.replace(profile.link, **link))


def say(link, word: bytes) -> None:
    deadline = Deadline(10)
    link.open(deadline)
    link.write(word, deadline)
    assert link.read(deadline) == word
    link.close()


def test_a_board_that_is_tried_again_goes_on_with_its_cassette(tmp_path: Path) -> None:
    path = tmp_path / "t.cassette"
    tapes = Tapes()
    profile = board(record=path)
    for word in (b"first try", b"second"):
        say(tapes.recorded(profile, Echo()), word)
    port = f"cassette:{path}"
    replays = Tapes()
    for word in (b"first try", b"second"):
        say(replays.player(board(port=port), port), word)
    with pytest.raises(LinkClosed, match="the cassette is at its end"):
        replays.player(board(port=port), port).open(Deadline(1))


def test_a_device_that_is_not_recorded_keeps_its_own_link() -> None:
    link = Echo()
    assert Tapes().recorded(board(), link) is link


def test_each_command_replays_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "t.cassette"
    say(Tapes().recorded(board(record=path), Echo()), b"once")
    for _ in range(2):
        say(Tapes().player(board(), f"cassette:{path}"), b"once")


def test_a_cassette_that_is_missing_is_told(tmp_path: Path) -> None:
    phone = find_profile("emulated-phone")
    with pytest.raises(ConfigError, match="the cassette cannot be read"):
        Tapes().phone_player(phone, f"cassette:{tmp_path / 'none'}")
