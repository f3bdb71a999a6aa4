"""`hil emulate`: an emulated device that any client may talk to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hil.errors import ConfigError
from hil.profiles import find_profile
from hil.vocab import TargetKind

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Profile = Annotated[
    str, typer.Option(help="A profile's name or the path of its TOML.")
]
_Setting = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE laid over the profile.")
]
_WatchStdin = Annotated[
    bool, typer.Option("--watch-stdin", help="End when standard input ends.")
]


@app.callback()
def emulate() -> None:
    """Run an emulated device until it is interrupted."""


@app.command()
def mcu(
    profile: _Profile = "emulated-mcu",
    setting: _Setting = None,
    link: Annotated[
        Path | None, typer.Option(help="Make this path a link to the pty.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="A .tflite in its flash: MLPerf Tiny's text is answered too."
        ),
    ] = None,
    watch_stdin: _WatchStdin = False,
) -> None:
    """Emulate a microcontroller on a serial pty, whose path is printed first."""
    found = find_profile(profile, overrides=setting or [])
    _refuse_other_kinds(found.name, found.kind, TargetKind.EMULATED_MCU)
    # Each emulator pulls in its own engine; the other's stays out.
    from hil.emulators.mcu import serve  # noqa: PLC0415
    from hil.models.facts import read_model  # noqa: PLC0415

    data = None if model is None else read_model(model)
    raise typer.Exit(serve(found, link_path=link, watch_stdin=watch_stdin, model=data))


@app.command()
def phone(
    profile: _Profile = "emulated-phone",
    setting: _Setting = None,
    port: Annotated[
        int, typer.Option(help="TCP port on 127.0.0.1; 0: any.", min=0, max=65535)
    ] = 0,
    skip_sleep: Annotated[
        bool,
        typer.Option("--skip-sleep", help="`sleep` on the idle phone takes no time."),
    ] = False,
    watch_stdin: _WatchStdin = False,
) -> None:
    """Emulate an Android phone over ADB; 127.0.0.1:PORT is printed first."""
    found = find_profile(profile, overrides=setting or [])
    _refuse_other_kinds(found.name, found.kind, TargetKind.EMULATED_PHONE)
    from hil.emulators.phone.adbd import run  # noqa: PLC0415
    from hil.emulators.phone.phone_clock import (  # noqa: PLC0415
        RunningClock,
        SkippingClock,
    )

    clock = SkippingClock() if skip_sleep else RunningClock()
    raise typer.Exit(run(found, port=port, watch_stdin=watch_stdin, clock=clock))


def _refuse_other_kinds(name: str, kind: TargetKind, wanted: TargetKind) -> None:
    if kind is not wanted:
        raise ConfigError(
            f"{name} cannot be emulated so",
            found=f"kind {kind.value}",
            allowed=f"a profile of kind {wanted.value}",
        )
