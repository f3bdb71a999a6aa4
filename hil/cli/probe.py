"""What answers on the ports of the known boards: `hil devices probe`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import HilError
from hil.firmware.build import board_name
from hil.links.serial_identity import find_port
from hil.targets.attached_board import START_BAUD, ask_port
from hil.vocab import SerialSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.links.serial_identity import PortIdentity
    from hil.vocab import DeviceProfile
    from hil.wire.hello import HelloReply

_PORT_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardProbe:
    """A profile, the port it names and what answers there; `ready`: as it expects."""

    profile: str
    ready: bool
    told: str
    port: str | None = None
    board: str | None = None
    build_id: str | None = None
    engine: str | None = None


def probe_boards(
    profiles: Sequence[DeviceProfile], ports: Sequence[PortIdentity]
) -> list[BoardProbe]:
    """Ask the port that each profile names what it is; each port is asked once."""
    asked: dict[tuple[str, int], HelloReply | HilError | None] = {}
    return [_probe(profile, ports, asked) for profile in profiles]


def _probe(
    profile: DeviceProfile,
    ports: Sequence[PortIdentity],
    asked: dict[tuple[str, int], HelloReply | HilError | None],
) -> BoardProbe:
    link = profile.link
    assert isinstance(link, SerialSettings)
    try:
        port = find_port(link, lambda: ports)
    except HilError as exc:
        return BoardProbe(profile=profile.name, ready=False, told=_reason(exc))
    key = (port.device, link.baud)
    if key not in asked:
        asked[key] = _answer(port, link.baud)
    answer = asked[key]
    if answer is None or isinstance(answer, HilError):
        told = "nothing answers HELLO" if answer is None else _reason(answer)
        return BoardProbe(
            profile=profile.name, ready=False, told=told, port=port.device
        )
    ready, told = _judged(profile, answer)
    return BoardProbe(
        profile=profile.name,
        ready=ready,
        told=told,
        port=port.device,
        board=answer.board,
        build_id=answer.build_id,
        engine=answer.engine,
    )


def _answer(port: PortIdentity, baud: int) -> HelloReply | HilError | None:
    try:
        return ask_port(port, (START_BAUD, baud), Deadline(_PORT_SECONDS))
    except HilError as exc:
        return exc


def _judged(profile: DeviceProfile, hello: HelloReply) -> tuple[bool, str]:
    told = f"{hello.board}, build {hello.build_id}, engine {hello.engine}"
    board, build_id = board_name(profile), profile.firmware.build_id
    if hello.board != board:
        return False, f"another board: {told}; expected {board}"
    if build_id is not None and hello.build_id != build_id:
        return False, f"another build: {told}; expected {build_id}"
    return True, told


def _reason(exc: HilError) -> str:
    parts = [exc.what, f"found: {exc.found}" if exc.found else "", exc.remedy or ""]
    return "\n".join(part for part in parts if part)
