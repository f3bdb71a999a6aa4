"""`hil firmware`: a model as firmware of a board: a folder, an image, or flashed."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.bench.examples import resolve_path
from hil.cli.output import print_json
from hil.deadline import Deadline
from hil.errors import ConfigError, nearest
from hil.firmware.build import build as build_image
from hil.firmware.build import check_fits, profile_request, tflm_parts
from hil.firmware.render import ENGINES, TFLM, FirmwareRequest, render
from hil.models.facts import read_model
from hil.printable import printable
from hil.profiles import find_profile
from hil.targets.attached_board import AttachedBoard
from hil.targets.board_image import flash_image, own_image
from hil.vocab import TargetKind

if TYPE_CHECKING:
    from hil.firmware.build import FirmwareImage
    from hil.firmware.flash import FlashImage
    from hil.vocab import DeviceProfile
    from hil.wire.hello import HelloReply

app = typer.Typer(add_completion=False, help=__doc__)

_MODEL_HELP = "A .tflite (example:digits.tflite comes with hil)."
Model = Annotated[str, typer.Option("--model", help=_MODEL_HELP)]
Profile = Annotated[
    str, typer.Option("--profile", help="A profile's name, or the path of its TOML.")
]
Setting = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE laid over the profile.")
]
Seconds = Annotated[
    float, typer.Option("--timeout-seconds", help="The deadline.", min=1)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Engine = Annotated[
    str | None,
    typer.Option(
        help="compiled or tflm. Default: the profile's; compiled for --board."
    ),
]
Tflm = Annotated[
    Path | None,
    typer.Option(help="Folder of a TFLite Micro. Default: HIL_TFLM; docs/tflm.md."),
]
Serves = Annotated[
    list[str] | None,
    typer.Option(help="tflm: a model that the host may send to the image; repeatable."),
]
Preserve = Annotated[
    bool,
    typer.Option(
        "--preserve-tensors", help="tflm: all layers' outputs can be read; more RAM."
    ),
]


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")],
    model: Model,
    board: Annotated[
        str | None, typer.Option(help="A board of hil's, or the path of your own.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="The device it is for, in place of --board.")
    ] = None,
    engine: Engine = None,
    tflm: Tflm = None,
    serves: Serves = None,
    preserve_tensors: Preserve = False,
    setting: Setting = None,
    timeout_seconds: Seconds = 300.0,
    json: Json = False,
) -> None:
    """Write a folder of C that builds with CMake alone, without hil."""
    if (board is None) == (profile is None):
        raise ConfigError("which board?", allowed="either --board or --profile")
    path = resolve_path(model, Path())
    if profile is not None:
        request = profile_request(find_profile(profile, overrides=setting or []), path)
    else:
        assert board is not None
        request = FirmwareRequest(board=board, model=read_model(path), model_path=path)
    request = _with_engine(
        request, engine, tflm, serves, preserve_tensors=preserve_tensors
    )
    parts = None
    if request.engine == TFLM:
        parts = tflm_parts(request, Deadline(timeout_seconds))
    rendered = render(request, folder, tflm=parts)
    if json:
        print_json({"folder": str(folder), "arena_bytes": rendered.arena_bytes})
        return
    print(f"cmake -S {folder} -B {folder}/build && cmake --build {folder}/build")


@app.command()
def build(
    model: Model,
    profile: Profile,
    engine: Engine = None,
    tflm: Tflm = None,
    serves: Serves = None,
    preserve_tensors: Preserve = False,
    setting: Setting = None,
    timeout_seconds: Seconds = 300.0,
    json: Json = False,
) -> None:
    """Build the image of a model for a device; exit 1 where it does not fit."""
    device = find_profile(profile, overrides=setting or [])
    request = _with_engine(
        profile_request(device, resolve_path(model, Path())),
        engine,
        tflm,
        serves,
        preserve_tensors=preserve_tensors,
    )
    image = _built(request, device, Deadline(timeout_seconds))
    sizes = asdict(image.sizes)
    if json:
        print_json({"elf": str(image.elf), "build_id": image.build_id, **sizes})
        return
    print(image.elf)
    for name, value in sizes.items():
        print(f"  {name.removesuffix('_bytes'):<8} {value:>10,} bytes")
    print(f"  flash {image.sizes.flash_bytes:,}, RAM {image.sizes.ram_bytes:,} bytes")


@app.command()
def flash(
    profile: Profile,
    model: Annotated[
        str | None,
        typer.Option(help=f"{_MODEL_HELP} Default: the profile's own image."),
    ] = None,
    engine: Engine = None,
    tflm: Tflm = None,
    serves: Serves = None,
    setting: Setting = None,
    force: Annotated[
        bool, typer.Option(help="Flash though the board runs this build already.")
    ] = False,
    timeout_seconds: Seconds = 300.0,
    json: Json = False,
) -> None:
    """Build an image, flash it, and wait until the board answers with it.

    The board is found as 'hil devices probe' finds it. A board that answers another
    name is never flashed, nor one that runs this build already, unless --force is
    given. Exit 1 where the image does not fit, 3 where the board or its tool fails.
    """
    device = find_profile(profile, overrides=setting or [])
    _refuse_unflashable(device)
    deadline = Deadline(timeout_seconds)
    if model is None and (engine or tflm or serves):
        raise ConfigError(
            "--engine, --tflm and --serves are for an image that is built",
            found="no --model",
            remedy="--model example:digits.tflite",
        )
    image = own_image(device)
    if model is not None:
        request = profile_request(device, resolve_path(model, Path()))
        request = _with_engine(request, engine, tflm, serves, preserve_tensors=False)
        image = flash_image(_built(request, device, deadline))
    if image is None:
        raise ConfigError(
            "what shall be flashed?",
            where=str(device.source),
            found="neither --model nor firmware.image",
            remedy="--model example:digits.tflite",
        )
    board = AttachedBoard(device)
    try:
        board.find(deadline)
        hello = board.reach(image, deadline, flash_anyway=force)
    finally:
        board.close()
    if json:
        print_json(_document(device, image, board, hello))
        return
    print(f"image: {image.path}")
    for step, did in board.steps.items():
        print(f"{step}: {printable(str(did))}")
    if "flashed" not in board.steps:
        print("flashed: nothing, the board runs this build already (see --force)")
    print(f"answers: {printable(f'{hello.board}, build {hello.build_id}')}")


def _with_engine(
    request: FirmwareRequest,
    engine: str | None,
    tflm: Path | None,
    serves: list[str] | None,
    *,
    preserve_tensors: bool,
) -> FirmwareRequest:
    """Return *request* with what the command line says of the engine."""
    chosen = engine or (TFLM if tflm is not None else request.engine)
    if chosen not in ENGINES:
        raise ConfigError(
            "there is no such engine",
            found=repr(chosen),
            allowed=", ".join(ENGINES),
            remedy=nearest(chosen, ENGINES),
        )
    if chosen != TFLM and (tflm is not None or serves or preserve_tensors):
        raise ConfigError(
            "--tflm, --serves and --preserve-tensors are for the engine tflm",
            found=f"the engine {chosen}",
            remedy="--engine tflm",
        )
    return replace(
        request,
        engine=chosen,
        tflm=tflm,
        serves=tuple(resolve_path(name, Path()) for name in serves or ()),
        preserve_tensors=preserve_tensors,
    )


def _built(
    request: FirmwareRequest, device: DeviceProfile, deadline: Deadline
) -> FirmwareImage:
    image = build_image(request, deadline)
    check_fits(image, device)
    return image


def _refuse_unflashable(device: DeviceProfile) -> None:
    if device.kind is not TargetKind.MCU:
        raise ConfigError(
            "only boards on a serial port can be flashed",
            where=str(device.source),
            found=f"kind {device.kind.value}",
        )
    if device.flash is None:
        raise ConfigError(
            "the profile does not say how the board is flashed",
            where=str(device.source),
            found="no table [flash]",
            remedy="docs/boards.md shows one for each tool",
        )


def _document(
    device: DeviceProfile, image: FlashImage, board: AttachedBoard, hello: HelloReply
) -> dict[str, object]:
    return {
        "profile": device.name,
        "image": str(image.path),
        "was_flashed": "flashed" in board.steps,
        "steps": board.steps,
        "board": hello.board,
        "build_id": hello.build_id,
        "engine": hello.engine,
    }
