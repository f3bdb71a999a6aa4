"""From a name on the command line to whoever answers: engine, device or recording."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from hil.bench.diverging.device import DeviceSide
from hil.bench.diverging.recorded import open_recording, read_outputs
from hil.bench.diverging.side import HostSide
from hil.engines.litert import Kernels
from hil.engines.tflm import TflmEngine
from hil.errors import ConfigError, nearest
from hil.links.cassette_player import is_cassette
from hil.profiles import find_profile, profile_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hil.bench.diverging.device import KeepModel
    from hil.bench.diverging.side import Side
    from hil.bench.diverging.subject import Subject
    from hil.vocab import Deadline, DeviceProfile, Target

ENGINES = (*(kernels.value for kernels in Kernels), TflmEngine.name)
_LEAST_SIDES = 2


@contextlib.contextmanager
def opened(
    names: Sequence[str],
    subject: Subject,
    deadline: Deadline,
    *,
    make: Callable[[DeviceProfile], Target],
    keep_model: KeepModel,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[list[Side]]:
    """Yield the sides called *names* with their answers; devices are closed behind.

    *make* makes the target of a profile. Raises what engines, files and devices do.
    """
    # A wrong name is told before any side has worked for minutes.
    profiles = {name: _profile(name) for name in names if _is_device(name)}
    with contextlib.ExitStack() as stack:
        sides = []
        for name in names:
            progress(f"{name}: {len(subject.samples):,} inputs")
            sides.append(
                _other_side(name, subject, deadline)
                if name not in profiles
                else _device_side(
                    make(profiles[name]),
                    subject,
                    deadline,
                    stack,
                    keep_model=keep_model,
                )
            )
        yield sides


def parse_names(text: str) -> list[str]:
    """Return the names in `A,B,...`, or raise ConfigError for fewer than two."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if len(names) < _LEAST_SIDES or len(set(names)) < len(names):
        raise ConfigError(
            "there is nothing to compare",
            where="--on",
            found=text,
            allowed="two or more names, each once: host engines ("
            + ", ".join(ENGINES)
            + "), devices, cassette:FILE, an .npz of answers",
        )
    return names


def is_log(name: str) -> bool:
    """Whether *name* is a file that is no .npz and no profile: a log, or its folder."""
    path = Path(name)
    return path.exists() and path.suffix not in {".npz", ".toml"}


def _is_device(name: str) -> bool:
    return not (name in ENGINES or is_cassette(name) or name.endswith(".npz"))


def _other_side(name: str, subject: Subject, deadline: Deadline) -> Side:
    if name in ENGINES:
        return HostSide(name, subject)
    if is_cassette(name):
        return open_recording(name, subject, deadline)
    return read_outputs(Path(name), subject)


def _device_side(
    target: Target,
    subject: Subject,
    deadline: Deadline,
    stack: contextlib.ExitStack,
    *,
    keep_model: KeepModel,
) -> Side:
    stack.callback(target.close)
    target.open(deadline)
    return DeviceSide(target, subject, deadline, keep_model=keep_model)


def _profile(name: str) -> DeviceProfile:
    files = profile_files()
    if name in files or name.endswith(".toml"):
        return find_profile(name)
    allowed = (*ENGINES, *files)
    raise ConfigError(
        f"no engine and no device is called {name!r}",
        allowed=", ".join(allowed) + ", cassette:FILE, an .npz of answers",
        remedy=nearest(name, allowed) or "hil devices list",
    )
