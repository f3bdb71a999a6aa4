"""Tiny sources of every kind, and what each of their conversions came to.

Each takes a start of TensorFlow, so sources are made once, and a source is converted
in all the ways that tests ask about in one go, whichever process of pytest asks first.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import pickle
import subprocess  # noqa: TID251 - the maker is no tool of hil's
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.conversion.convert import Converted, convert_each
from hil.conversion.request import ConversionRequest, LegacyOptions, Mode
from hil.deadline import Deadline
from hil.errors import HilError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HERE = Path(__file__).resolve().parent
_ENDS = {"input_arrays": ("input",), "output_arrays": ("output",)}
_STATS = {"input": (128.0, 127.0)}
_UINT8 = LegacyOptions(inference_type="uint8", quantized_input_stats=_STATS)
_PLAIN = {mode.value: {"mode": mode} for mode in Mode}


def _with_data(data: str, **more) -> dict[str, dict]:
    """Every mode, the static ones with *data*."""
    return {
        mode.value: {"mode": mode, **more}
        | ({"representative": data} if mode.is_static else {})
        for mode in Mode
    }


_INT8 = {"mode": Mode.INT8}
ORDERS = {
    "new.keras": {
        **_with_data("images.npz"),
        "no data": _INT8,
        "three samples": {**_INT8, "representative": "three.npz"},
        "zeros": {**_INT8, "representative": "zeros.npz"},
        "patches": {**_INT8, "representative": "patches.npz"},
        "no such data": {**_INT8, "representative": "none.npz"},
        "fixed batch": {"input_shapes": {"": (1, 12, 12, 1)}},
        "wrong shape": {"input_shapes": {"image": (1, 13, 12, 1)}},
        "uint8 in": {
            **_INT8,
            "representative": "images.npz",
            "input_type": "uint8",
            "output_type": "float32",
        },
        "no ranges": {"float_from_qat": True},
        "legacy": {"legacy": LegacyOptions()},
    },
    "new.h5": {**_with_data("images.npz"), "legacy": {"legacy": LegacyOptions()}},
    "old.h5": {
        **_with_data("images.npz"),
        "fixed": {"input_shapes": {"": (1, 12, 12, 1)}},
    },
    "only.weights.h5": {"float": {}},
    "small.keras": {"dynamic": {"mode": Mode.DYNAMIC}},
    "pair.keras": {"float": {}, "int8": {**_INT8, "representative": "rows.npz"}},
    "qat.h5": {**_PLAIN, "meant": {"float_from_qat": True}},
    "qat_saved": {"float": {}, "int8": _INT8},
    "two": {
        **_with_data("rows.npz", signature="multiply"),
        "no signature": {},
        "mistyped": {"signature": "multiplyy"},
        "training": {"signature": "multiply", "tags": ("train",)},
        "open size": {**_INT8, "signature": "double", "representative": "rows.npz"},
        "fixed size": {"signature": "double", "input_shapes": {"x": (1, 7)}},
        "fixed weights": {"signature": "multiply", "input_shapes": {"x": (1, 64)}},
        "no such input": {"signature": "double", "input_shapes": {"y": (1, 7)}},
        "no operator": {"signature": "strange"},
    },
    "plain.pb": {
        **_with_data("patches.npz", **_ENDS),
        "no arrays": {},
        "no output": {"input_arrays": ("input",)},
        "mistyped": {"input_arrays": ("inptu",), "output_arrays": ("output",)},
        "a scale a tensor": {
            **_INT8,
            **_ENDS,
            "representative": "patches.npz",
            "per_channel": False,
        },
        "a scale a dense": {
            **_INT8,
            **_ENDS,
            "representative": "patches.npz",
            "per_channel_dense": False,
        },
        "uint8 without ranges": {**_ENDS, "legacy": _UINT8},
        "default ranges": {
            **_ENDS,
            "legacy": LegacyOptions(
                inference_type="uint8",
                quantized_input_stats=_STATS,
                default_ranges=(0.0, 6.0),
            ),
        },
    },
    "ranges.pb": {
        **_with_data("patches.npz", **_ENDS),
        "int8 no data": {**_INT8, **_ENDS},
        "meant": {**_ENDS, "float_from_qat": True},
        "uint8": {**_ENDS, "legacy": _UINT8},
        "uint8 no stats": {**_ENDS, "legacy": LegacyOptions(inference_type="uint8")},
    },
    "hole.pb": {
        "int8": {**_INT8, **_ENDS},
        "int8 with data": {**_INT8, **_ENDS, "representative": "patches.npz"},
    },
    "unfrozen.pb": {"float": _ENDS},
}


@contextlib.contextmanager
def _once(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """Hold a lock that all of pytest's processes know, and give their common folder."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield root


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of sources and data."""
    needed = ("tensorflow", "tf_keras", "tensorflow_model_optimization")
    if any(importlib.util.find_spec(name) is None for name in needed):
        pytest.skip("TensorFlow is not installed (scripts/setup --dev)")
    with _once(tmp_path_factory, "conversion") as root:
        folder = root / "conversion"
        if not (folder / "done").exists():
            folder.mkdir(exist_ok=True)
            script = str(_HERE / "make_sources.py")
            made = subprocess.run(
                [sys.executable, script, str(folder)],
                env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert made.returncode == 0, made.stderr
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def outcome(
    sources: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Converted]:
    """What came of one order: the result, or its error raised."""

    def get(source: str, way: str) -> Converted:
        group = "pb" if source.endswith(".pb") else "keras"
        with _once(tmp_path_factory, f"outcomes-{group}") as root:
            kept = root / f"outcomes-{group}.pickle"
            if not kept.exists():
                kept.write_bytes(pickle.dumps(_convert_all(sources, group)))
        found = pickle.loads(kept.read_bytes())[source, way]
        if isinstance(found, HilError):
            raise found
        return found

    return get


def _convert_all(
    folder: Path, group: str
) -> dict[tuple[str, str], Converted | HilError]:
    """Convert all graphs ("pb"), or all the others, in one child."""
    requests = {}
    for source, ways in ORDERS.items():
        if source.endswith(".pb") != (group == "pb"):
            continue
        for way, options in ways.items():
            known = dict(options)
            if "representative" in known:
                known["representative"] = folder / known["representative"]
            request = ConversionRequest(source=folder / source, **known)
            requests[source, way] = request
    outcomes = convert_each(
        list(requests.values()), Deadline(600), log_path=folder / f"{group}.log"
    )
    return dict(zip(requests, outcomes, strict=True))
