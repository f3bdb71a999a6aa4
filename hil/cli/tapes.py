"""The cassettes of one command: each goes on where it was, whoever opens it next.

A device is given up and made anew where a job failed; its recording, or what replays
it, is still the same dialogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.links.cassette import Recorder
from hil.links.cassette_player import CassetteLink
from hil.links.phone_cassette import PhoneRecorder
from hil.links.phone_cassette_player import CassettePhone

if TYPE_CHECKING:
    from hil.links.phone import Phone
    from hil.vocab import DeviceProfile, Link


class Tapes:
    """Recorders and players by the names of their devices."""

    def __init__(self) -> None:
        """Start with none; nothing is read or written before a device is made."""
        self._recorders: dict[str, Recorder] = {}
        self._players: dict[str, CassetteLink] = {}
        self._phone_recorders: dict[str, PhoneRecorder] = {}
        self._phone_players: dict[str, CassettePhone] = {}

    def recorded(self, profile: DeviceProfile, link: Link) -> Link:
        """Return *link*, written down where `link.record` asks for it."""
        path, name = profile.link.record, profile.name
        if path is None:
            return link
        if name not in self._recorders:
            self._recorders[name] = Recorder(path, device=name, profile=name)
        return self._recorders[name].wrap(link)

    def recorded_phone(self, profile: DeviceProfile, phone: Phone) -> Phone:
        """Return *phone*, written down where `link.record` asks for it."""
        path, name = profile.link.record, profile.name
        if path is None:
            return phone
        if name not in self._phone_recorders:
            recorder = PhoneRecorder(path, device=name, profile=name)
            self._phone_recorders[name] = recorder
        return self._phone_recorders[name].wrap(phone)

    def player(self, profile: DeviceProfile, port: str) -> CassetteLink:
        """Return what replays the board of *port*; ConfigError for no such cassette."""
        if profile.name not in self._players:
            self._players[profile.name] = CassetteLink(port)
        return self._players[profile.name]

    def phone_player(self, profile: DeviceProfile, port: str) -> CassettePhone:
        """Return what replays the phone of *port*; ConfigError for no such cassette."""
        if profile.name not in self._phone_players:
            self._phone_players[profile.name] = CassettePhone(port)
        return self._phone_players[profile.name]
