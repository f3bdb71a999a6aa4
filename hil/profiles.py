"""Device profiles: TOML files read, checked and turned into DeviceProfile."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hil.errors import ConfigError, nearest
from hil.vocab import (
    AdbSettings,
    CommandSettings,
    DeviceProfile,
    EmulatorSettings,
    FirmwareSettings,
    QemuSettings,
    SerialSettings,
    TargetKind,
    TimeBasis,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PHONES = {TargetKind.PHONE, TargetKind.EMULATED_PHONE}
_CASSETTE = "cassette:"
_PACKAGE = Path(__file__).resolve().parent
Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Link(_Table):
    port: str | Annotated[int, Field(gt=0, le=65535)] | None = None
    usb_serial: str | None = None
    vid_pid: (
        Annotated[str, Field(pattern=r"^[0-9a-fA-F]{4}:[0-9a-fA-F]{4}$")] | None
    ) = None
    location: str | None = None
    baud: Annotated[int, Field(ge=300, le=12_000_000)] = 115200
    protocol: Literal["hil", "mlperf", "auto"] = "hil"
    record: str | None = None
    adb_serial: str | None = None
    host: str | None = None


class _Firmware(_Table):
    template: str | None = None
    engine: Literal["tflm", "compiled"] = "tflm"
    cpu_flags: list[str] = []
    reserved_ram_bytes: NotNegative = 0
    reserved_flash_bytes: NotNegative = 0
    board: str | None = None
    build_id: str | None = None
    image: str | None = None

    @model_validator(mode="after")
    def _an_image_can_be_recognized(self) -> _Firmware:
        if self.image is not None and self.build_id is None:
            message = "an image needs firmware.build_id, by which it is recognized"
            raise ValueError(message)
        return self


class _Command(_Table):
    tool: str
    arguments: list[str] = []


class _Emulator(_Table):
    rx_buffer_bytes: Annotated[int, Field(ge=1024, le=1 << 24)] = 16384
    max_frame_bytes: Annotated[int, Field(ge=256, le=65536)] = 8192
    properties: dict[str, str] = {}
    features: list[str] = []
    require_auth: bool = False
    storage_bytes: Positive = 256 * 1024 * 1024


class _Qemu(_Table):
    machine: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    icount_shift: Annotated[int, Field(ge=0, le=10)]
    serial: Annotated[int, Field(ge=0, le=7)] | None = None


class _Profile(_Table):
    """One device: what it is, how it is reached and what its figures mean."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    kind: Literal["emulated-mcu", "native", "qemu", "mcu", "emulated-phone", "phone"]
    arch: str
    core: str
    clock_hz: Positive | None = None
    ram_bytes: Positive
    flash_bytes: Positive
    time_basis: Literal[
        "cpu_cycles", "device_clock", "host_clock", "emulated_instructions"
    ]
    link: _Link = _Link()
    firmware: _Firmware = _Firmware()
    flash: _Command | None = None
    reset: _Command | None = None
    power: _Command | None = None
    emulator: _Emulator = _Emulator()
    qemu: _Qemu | None = None

    @model_validator(mode="after")
    def _qemu_has_a_machine(self) -> _Profile:
        if self.kind == "qemu" and (self.qemu is None or not self.firmware.template):
            raise ValueError("kind qemu needs qemu.machine and firmware.template")
        return self

    @model_validator(mode="after")
    def _only_an_emulator_is_set_up(self) -> _Profile:
        if "emulator" in self.model_fields_set and not self.kind.startswith("emulated"):
            message = (
                f"the table [emulator] changes nothing of kind {self.kind}: "
                "a firmware's buffers stand in its board.cmake"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _memory_is_left(self) -> _Profile:
        firmware = self.firmware
        for region, total, reserved in (
            ("ram_bytes", self.ram_bytes, firmware.reserved_ram_bytes),
            ("flash_bytes", self.flash_bytes, firmware.reserved_flash_bytes),
        ):
            if reserved >= total:
                message = (
                    f"firmware.reserved_{region} ({reserved:,}) leaves nothing of "
                    f"{region} ({total:,})"
                )
                raise ValueError(message)
        return self


def schema() -> dict[str, object]:
    """Return the JSON Schema of a profile file."""
    return _Profile.model_json_schema()


def shipped_folder() -> Path:
    """Return the folder of the profiles that come with hil."""
    inside = _PACKAGE / "device_profiles"  # in the wheel
    return inside if inside.is_dir() else _PACKAGE.parent / "device_profiles"


def profile_folders(extra: Sequence[Path] = ()) -> list[Path]:
    """Return the folders that are searched, the user's own before the shipped ones.

    In order: *extra*, `HIL_PROFILES` (colon-separated), `./device_profiles`,
    `~/.config/hil/device_profiles`, the shipped folder.
    """
    named = [
        Path(part) for part in os.environ.get("HIL_PROFILES", "").split(":") if part
    ]
    folders = [*extra, *named, Path("device_profiles"), *_home(), shipped_folder()]
    unique = dict.fromkeys(folder.resolve() for folder in folders)
    return [folder for folder in unique if folder.is_dir()]


def _home() -> list[Path]:
    """Return the folder in the user's home; a container's user may have no home."""
    try:
        return [Path.home() / ".config/hil/device_profiles"]
    except RuntimeError:
        return []


def profile_files(extra: Sequence[Path] = ()) -> dict[str, Path]:
    """Return the path of each known profile by its name, first folder first."""
    found: dict[str, Path] = {}
    for folder in profile_folders(extra):
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def find_profile(
    name: str, *, overrides: Sequence[str] = (), extra: Sequence[Path] = ()
) -> DeviceProfile:
    """Return the profile called *name*, or read the file if it is a path to one.

    *overrides* are lines such as `link.baud=9600`, laid over the file. The name
    `cassette:FILE` is the profile that was recorded, with the cassette as its port.
    Raises ConfigError for an unknown name, with the nearest match.
    """
    if name.startswith(_CASSETTE):
        port = f"link.port={json.dumps(name)}"
        return find_profile(_recorded(name), overrides=[port, *overrides], extra=extra)
    if name.endswith(".toml"):
        return read_profile(Path(name), overrides)
    files = profile_files(extra)
    if name not in files:
        raise ConfigError(
            f"no device profile is called {name!r}",
            where=", ".join(str(folder) for folder in profile_folders(extra)),
            allowed=", ".join(files),
            remedy=nearest(name, files) or "hil devices list",
        )
    return read_profile(files[name], overrides)


def _recorded(name: str) -> str:
    """Return the name of the profile that the cassette's first line tells."""
    path = Path(name.removeprefix(_CASSETTE).removesuffix("?timed"))
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="ascii") as file:
            profile = json.loads(file.readline())["profile"]
    except FileNotFoundError as exc:
        raise ConfigError(
            "there is no such cassette",
            where=str(path),
            remedy="hil bench --record FILE makes one",
        ) from exc
    except (OSError, EOFError, ValueError, KeyError, TypeError) as exc:
        raise ConfigError(
            "the cassette does not tell which device it recorded",
            where=str(path),
            found=repr(exc),
            allowed="a cassette of link.record; hil mlperf run --port takes any",
        ) from exc
    return str(profile)


def read_profile(path: Path, overrides: Sequence[str] = ()) -> DeviceProfile:
    """Read and check one profile file; ConfigError names file, key, found, allowed."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(
            "the device profile cannot be read", where=str(path), found=exc.strerror
        ) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(
            "the device profile is not TOML", where=str(path), found=str(exc)
        ) from exc
    for line in overrides:
        raw = _overlaid(raw, line)
    profile = parse_profile(raw, path)
    return dataclasses.replace(profile, overrides=tuple(overrides))


def _overlaid(table: Mapping[str, object], line: str) -> dict[str, object]:
    """Return *table* with the one TOML line *line* laid over it."""
    try:
        change = tomllib.loads(line)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(
            "the setting is not a line of TOML",
            found=line,
            allowed="KEY=VALUE such as ram_bytes=65536 or link.port='/dev/ttyACM0'",
        ) from exc
    return _merged(table, change)


def _merged(
    table: Mapping[str, object], change: Mapping[str, object]
) -> dict[str, object]:
    merged = dict(table)
    for key, value in change.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def parse_profile(raw: Mapping[str, object], path: Path) -> DeviceProfile:
    """Check the tables of a profile and return it; *path* is named in errors."""
    try:
        return _to_vocab(_Profile.model_validate(raw), path)
    except ValidationError as exc:
        raise config_error(exc, _Profile, where=str(path)) from exc


def config_error(
    exc: ValidationError, model: type[BaseModel], *, where: str
) -> ConfigError:
    """Turn the first of pydantic's complaints into ours: file, key, found, allowed.

    A misspelt key comes first: it explains the missing one.
    """
    complaints = exc.errors(include_url=False)
    first = next(
        (c for c in complaints if c["type"] == "extra_forbidden"), complaints[0]
    )
    location = first["loc"]
    key = ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        keys = _keys_beside(model, location[:-1])
        return ConfigError(
            f"unknown key {key!r}",
            where=where,
            found=key,
            allowed=", ".join(keys),
            remedy=nearest(str(location[-1]), keys),
        )
    if first["type"] == "missing":
        return ConfigError(f"the key {key!r} is missing", where=where, found="nothing")
    text = str(first["msg"]).removeprefix("Value error, ")
    expected = first.get("ctx", {}).get("expected")
    found = first["input"]
    return ConfigError(
        f"{key}: {text}" if key else text,
        where=where,
        found=repr(found) if not isinstance(found, dict) else None,
        allowed=str(expected) if expected else None,
        remedy=nearest(str(found), str(expected).replace("'", "").split(", "))
        if expected
        else None,
    )


def _keys_beside(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the table at *path* below *model*."""
    table = model
    for part in path:
        if isinstance(part, int):
            continue
        annotation = table.model_fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        table = next(
            c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)
        )
    return sorted(table.model_fields)


def _to_vocab(profile: _Profile, path: Path) -> DeviceProfile:
    kind = TargetKind(profile.kind)
    return DeviceProfile(
        name=profile.name,
        kind=kind,
        arch=profile.arch,
        core=profile.core,
        clock_hz=profile.clock_hz,
        ram_bytes=profile.ram_bytes,
        flash_bytes=profile.flash_bytes,
        time_basis=TimeBasis(profile.time_basis),
        link=_link(profile.link, kind, path),
        firmware=FirmwareSettings(
            template=profile.firmware.template,
            engine=profile.firmware.engine,
            cpu_flags=tuple(profile.firmware.cpu_flags),
            reserved_ram_bytes=profile.firmware.reserved_ram_bytes,
            reserved_flash_bytes=profile.firmware.reserved_flash_bytes,
            board=profile.firmware.board,
            build_id=profile.firmware.build_id,
            image=(
                path.parent / profile.firmware.image
                if profile.firmware.image is not None
                else None
            ),
        ),
        flash=_command(profile.flash),
        reset=_command(profile.reset),
        power=_command(profile.power),
        emulator=EmulatorSettings(
            rx_buffer_bytes=profile.emulator.rx_buffer_bytes,
            max_frame_bytes=profile.emulator.max_frame_bytes,
            properties=profile.emulator.properties,
            features=tuple(profile.emulator.features),
            require_auth=profile.emulator.require_auth,
            storage_bytes=profile.emulator.storage_bytes,
        ),
        qemu=_qemu(profile.qemu),
        source=path,
    )


def _qemu(qemu: _Qemu | None) -> QemuSettings | None:
    if qemu is None:
        return None
    return QemuSettings(
        machine=qemu.machine, icount_shift=qemu.icount_shift, serial=qemu.serial
    )


def _command(command: _Command | None) -> CommandSettings | None:
    if command is None:
        return None
    return CommandSettings(tool=command.tool, arguments=tuple(command.arguments))


def _link(link: _Link, kind: TargetKind, path: Path) -> SerialSettings | AdbSettings:
    if kind in _PHONES:
        return _phone_link(link, kind, path)
    if isinstance(link.port, int):
        raise ConfigError(
            "link.port: a board's port is a text",
            where=str(path),
            found=repr(link.port),
            allowed="a device path such as /dev/ttyACM0, socket://, rfc2217://",
        )
    return SerialSettings(
        port=link.port,
        usb_serial=link.usb_serial,
        vid_pid=link.vid_pid,
        location=link.location,
        baud=link.baud,
        protocol=link.protocol,
        record=_path(link.record),
    )


def _phone_link(link: _Link, kind: TargetKind, path: Path) -> AdbSettings:
    if link.protocol != "hil":
        raise ConfigError(
            "link.protocol is of boards on a serial line",
            where=str(path),
            found=f"{link.protocol}, kind {kind.value}",
            allowed="hil, or nothing",
        )
    record = _path(link.record)
    if not isinstance(link.port, str):
        return AdbSettings(
            serial=link.adb_serial,
            host=link.host,
            port=link.port or 5555,
            record=record,
        )
    if not link.port.startswith(_CASSETTE):
        raise ConfigError(
            "link.port: a phone's port is a TCP port number",
            where=str(path),
            found=repr(link.port),
            allowed="1 to 65535, or cassette:FILE",
        )
    return AdbSettings(cassette=link.port, record=record)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
