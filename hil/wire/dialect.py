"""Text commands found among frames: a device that speaks both dialects on one line.

A frame's second byte is its protocol version, 1, and it ends with a zero; a text
command has neither. So a unit begins behind a zero or a command, and its second byte
tells what it is. The firmware does the same (firmware_templates/common/hil_text.c).
"""

from __future__ import annotations

from typing import Final

from hil.wire.kinds import PROTOCOL_VERSION
from hil.wire.mlperf import CommandReader

_VERSION_AT: Final = 1  # in a frame, as its first byte is COBS's


class CommandFinder:
    """Takes all bytes of a line and gives the text commands among them."""

    def __init__(self, max_frame_bytes: int) -> None:
        """Take the longest frame: what is longer is none, and text may be in it."""
        self._max_frame_bytes = max_frame_bytes
        self._reader = CommandReader()
        self._bytes = 0  # of the unit that has begun
        self._is_frame = False

    def feed(self, data: bytes) -> list[str]:
        """Take bytes, cut anywhere; return the commands that ended."""
        commands = []
        for byte in data:
            command = self._take(byte)
            if command is not None:
                commands.append(command)
        return commands

    def _take(self, byte: int) -> str | None:
        if byte == 0:
            self._begin()
            return None
        if self._bytes == _VERSION_AT and byte == PROTOCOL_VERSION:
            self._is_frame = True
        self._bytes += 1
        if self._is_frame:
            if self._bytes > self._max_frame_bytes:
                self._begin()
            return None
        command = self._reader.take(byte)
        if command is not None:
            self._begin()
        return command

    def _begin(self) -> None:
        self._reader.clear()
        self._bytes, self._is_frame = 0, False
