"""The pytest plugin: devices, measurements and emulated devices as fixtures.

pytest imports this module at its start, whatever it then runs, so nothing heavy stands
at its top: profiles need pydantic, measurements NumPy and the engines.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from hil.errors import ConfigError, HilError
from hil.printable import printable
from hil.vocab import TargetKind

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from hil.pytest_plugin.bench import Bench
    from hil.pytest_plugin.emulated import EmulatedMcu, EmulatedPhone
    from hil.vocab import DeviceProfile

_DEVICE: Final = "hil_device"
_PROFILE_MARKER: Final = "hil_profile"
_MARKERS: Final = (
    (
        "hil_profile(NAME, ...): run the test on each of these devices, whatever "
        "--hil-profile says"
    ),
    (
        "emulated_mcu(NAME='emulated-mcu', settings=[]): the profile of the fixture "
        "emulated_mcu, with KEY=VALUE lines laid over it"
    ),
    (
        "emulated_phone(NAME='emulated-phone', settings=[], faults=None): likewise of "
        "emulated_phone; 'throttling' stands for emulated-phone-throttling; faults are "
        "those of docs/adb.md"
    ),
)
_LOCK_SECONDS: Final = 600.0
_WORKER_KEY: Final = "hil_run_folder"

_RUN_FOLDER: Final = pytest.StashKey[Path | None]()
_HELD: Final = pytest.StashKey[contextlib.ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plugin."""
    group = parser.getgroup("hil", "TFLite models on devices")
    group.addoption(
        "--hil-profile",
        action="append",
        default=[],
        metavar="NAME",
        help="Device profile (name or .toml) that hil_device stands for; given more "
        "than once, each test that uses it runs on each.",
    )
    group.addoption(
        "--hil-record",
        type=Path,
        metavar="DIR",
        help="Keep what hil_bench measures as one run folder below DIR.",
    )
    group.addoption(
        "--hil-lock-seconds",
        type=float,
        default=_LOCK_SECONDS,
        metavar="S",
        help="How long to wait for a device that another process uses "
        f"(default: {_LOCK_SECONDS:g}).",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and fix the name of the run that all workers write to."""
    for line in _MARKERS:
        config.addinivalue_line("markers", line)
    if config.getoption("--hil-lock-seconds") < 0:
        message = "--hil-lock-seconds: not below 0"
        raise pytest.UsageError(message)
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        told = worker[_WORKER_KEY]
        config.stash[_RUN_FOLDER] = None if told is None else Path(told)
        return
    parent: Path | None = config.getoption("--hil-record")
    stamp = dt.datetime.now(tz=dt.UTC).strftime("%Y%m%d-%H%M%S")
    # Two sessions of one second must not share a folder.
    name = f"{stamp}-pytest-{os.getpid()}"
    config.stash[_RUN_FOLDER] = None if parent is None else parent.absolute() / name


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell a worker of pytest-xdist where the run is recorded."""
    # pytest-xdist may not be installed, so its class cannot be named.
    config, told = getattr(node, "config"), getattr(node, "workerinput")  # noqa: B009
    folder = config.stash[_RUN_FOLDER]
    told[_WORKER_KEY] = None if folder is None else str(folder)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses hil_device once for each device it is meant for."""
    if _DEVICE not in metafunc.fixturenames:
        return
    node = metafunc.definition
    if any(_names_device(mark) for mark in node.iter_markers("parametrize")):
        return
    marker = node.get_closest_marker(_PROFILE_MARKER)
    names = list(marker.args if marker else metafunc.config.getoption("--hil-profile"))
    if names:
        ids = [Path(name).name.removesuffix(".toml") for name in names]
        metafunc.parametrize(_DEVICE, names, indirect=True, ids=ids, scope="session")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Take the device of the test for this process alone."""
    name = getattr(getattr(item, "callspec", None), "params", {}).get(_DEVICE)
    if name is None:
        return
    # pydantic, and the list of serial ports.
    from hil.pytest_plugin.device_lock import take  # noqa: PLC0415

    held = item.stash[_HELD] = contextlib.ExitStack()
    seconds: float = item.config.getoption("--hil-lock-seconds")
    with _told():
        held.enter_context(take(_profile(name), seconds=seconds, who=_who(item)))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Give the device back, after all that the test has left to be closed."""
    try:
        yield
    finally:
        if (held := item.stash.get(_HELD, None)) is not None:
            held.close()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say where the records are."""
    folder = config.stash[_RUN_FOLDER]
    if folder is not None and folder.is_dir():
        terminalreporter.write_sep("-", "hil")
        terminalreporter.write_line(f"records: {folder}")
        terminalreporter.write_line(f"figures: hil report {folder}")


@pytest.fixture(scope="session")
def hil_device(request: pytest.FixtureRequest) -> DeviceProfile:
    """The profile of the device under test; this test has the device for itself.

    It is named by the marker hil_profile or by --hil-profile; without both the test is
    skipped. A connection to it must be closed when the test ends: another process may
    have the device then.
    """
    name: str | None = getattr(request, "param", None)
    if name is None:
        pytest.skip("no device: --hil-profile NAME, or the marker hil_profile")
    with _told():
        return _profile(name)


@pytest.fixture(scope="session")
def _hil_run_folder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Where this session records: below --hil-record, else among temporary files."""
    told = request.config.stash[_RUN_FOLDER]
    return told if told is not None else tmp_path_factory.mktemp("hil") / "run"


@pytest.fixture
def hil_bench(
    request: pytest.FixtureRequest,
    hil_device: DeviceProfile,
    _hil_run_folder: Path,
    record_property: Callable[[str, object], None],
) -> Bench:
    """What measures a model on hil_device.

    hil_bench("model.tflite", windows=6) returns a Result for each variant, attaches its
    figures to the test's JUnit properties, and keeps the records.
    """
    # NumPy and the engines.
    from hil.pytest_plugin.bench import Bench  # noqa: PLC0415

    return Bench(
        hil_device,
        run_folder=_hil_run_folder,
        record_property=record_property,
        test=request.node.nodeid,
        root=request.config.rootpath,
        guard=_told,
    )


@pytest.fixture
def emulated_mcu(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[EmulatedMcu]:
    """A running emulated microcontroller: `.port` is the path of its serial pty."""
    # pydantic.
    from hil.pytest_plugin.emulated import EmulatedMcu, running  # noqa: PLC0415

    log = tmp_path / "emulated-mcu.log"
    with contextlib.ExitStack() as stack:
        with _told():
            profile = _emulated(request, TargetKind.EMULATED_MCU)
            port = stack.enter_context(running(profile, log=log))
        yield EmulatedMcu(profile=profile, port=port, log=log)


@pytest.fixture
def emulated_phone(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[EmulatedPhone]:
    """A running emulated phone: `.address` is HOST:PORT for any client of ADB."""
    # pydantic.
    from hil.pytest_plugin.emulated import EmulatedPhone, running  # noqa: PLC0415

    log = tmp_path / "emulated-phone.log"
    with contextlib.ExitStack() as stack:
        with _told():
            profile = _emulated(request, TargetKind.EMULATED_PHONE)
            address = stack.enter_context(running(profile, log=log))
        host, _, port = address.rpartition(":")
        yield EmulatedPhone(profile=profile, host=host, port=int(port), log=log)


def _emulated(request: pytest.FixtureRequest, kind: TargetKind) -> DeviceProfile:
    """Return the profile that the parameter or the marker of a test asks for."""
    # pydantic.
    from hil.pytest_plugin.emulated import emulated_profile  # noqa: PLC0415

    marker = request.node.get_closest_marker(kind.value.replace("-", "_"))
    arguments = dict(marker.kwargs) if marker else {}
    named: Sequence[str] = marker.args if marker else ()
    settings = arguments.pop("settings", ())
    faults = (
        arguments.pop("faults", None) if kind is TargetKind.EMULATED_PHONE else None
    )
    if arguments or len(named) > 1:
        raise ConfigError(
            f"the marker {marker.name if marker else ''} has other arguments",
            where=request.node.nodeid,
            found=", ".join([*map(repr, named[1:]), *arguments]),
            allowed="a name, settings=[...]"
            + (", faults='...'" if kind is TargetKind.EMULATED_PHONE else ""),
        )
    name = getattr(request, "param", named[0] if named else kind.value)
    return emulated_profile(name, kind, settings=settings, faults=faults)


def _names_device(parametrize: pytest.Mark) -> bool:
    """Return whether the test itself says what hil_device is."""
    told: str | Sequence[str] = (
        parametrize.args[0] if parametrize.args else parametrize.kwargs["argnames"]
    )
    names = told.split(",") if isinstance(told, str) else told
    return _DEVICE in [name.strip() for name in names]


def _profile(name: str) -> DeviceProfile:
    # pydantic.
    from hil.profiles import find_profile  # noqa: PLC0415

    return find_profile(name)


def _who(item: pytest.Item) -> str:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return f"{item.nodeid} ({worker})" if worker else item.nodeid


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Let an error of hil end the test with its text, which needs no traceback."""
    try:
        yield
    except HilError as exc:
        text = printable(str(exc), keep_lines=True)
        raise pytest.fail.Exception(text, pytrace=False) from None
