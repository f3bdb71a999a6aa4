"""`hil firmware`: a model as firmware of a board, as a folder or as an image."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hil.bench.examples import resolve_path
from hil.cli.output import print_json
from hil.deadline import Deadline
from hil.errors import ConfigError
from hil.firmware.build import build as build_image
from hil.firmware.build import check_fits, request_settings
from hil.firmware.render import FirmwareRequest, render
from hil.models.facts import read_model
from hil.profiles import find_profile

app = typer.Typer(add_completion=False, help=__doc__)

_BUILD_SECONDS = 300.0

Model = Annotated[
    str,
    typer.Option("--model", help="A .tflite (example:digits.tflite comes with hil)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")],
    model: Model,
    board: Annotated[str, typer.Option(help="A folder of firmware_templates/boards.")],
    json: Json = False,
) -> None:
    """Write a folder of C that builds with CMake alone, without hil."""
    path = resolve_path(model, Path())
    request = FirmwareRequest(board=board, model=read_model(path), model_path=path)
    compiled = render(request, folder)
    if json:
        print_json({"folder": str(folder), "arena_bytes": compiled.arena_bytes})
        return
    print(f"cmake -S {folder} -B {folder}/build && cmake --build {folder}/build")


@app.command()
def build(
    model: Model,
    profile: Annotated[str, typer.Option(help="The device it is for.")],
    json: Json = False,
) -> None:
    """Build the image of a model for a device; exit 1 where it does not fit."""
    device = find_profile(profile)
    if device.firmware.template is None:
        raise ConfigError(
            "the profile names no firmware template",
            where=str(device.source),
            found="no firmware.template",
            remedy='template = "stm32f4" in its table [firmware]',
        )
    path = resolve_path(model, Path())
    request = FirmwareRequest(
        board=device.firmware.template,
        model=read_model(path),
        model_path=path,
        settings=request_settings(device),
        cpu_flags=device.firmware.cpu_flags,
    )
    image = build_image(request, Deadline(_BUILD_SECONDS))
    check_fits(image, device)
    sizes = asdict(image.sizes)
    if json:
        print_json({"elf": str(image.elf), "build_id": image.build_id, **sizes})
        return
    print(image.elf)
    for name, value in sizes.items():
        print(f"  {name.removesuffix('_bytes'):<8} {value:>10,} bytes")
    print(f"  flash {image.sizes.flash_bytes:,}, RAM {image.sizes.ram_bytes:,} bytes")
