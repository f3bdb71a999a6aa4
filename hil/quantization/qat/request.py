"""What a fine-tuning is asked for, and which requests cannot be granted at all."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

INSTALL: Final = "pip install 'hil[qat]'"


class Tuned(enum.Enum):
    """What is tuned after the training."""

    RANGES = "ranges"  # FakeQuant minima and maxima
    BITS = "bits"  # FakeQuant num_bits, simulated


class Sampler(enum.Enum):
    """How the tuning goes on to the next trial."""

    GRID = "grid"  # one value for all layers, every combination once
    TPE = "tpe"  # a value for each layer, by Optuna's tree of Parzen estimators
    GRADIENT = "gradient"  # ranges of activations as trainable variables


@dataclass(frozen=True, slots=True, kw_only=True)
class QatRequest:
    """One model to be fine-tuned on *train*; files of the tuning go to *folder*."""

    source: Path
    train: Path
    folder: Path
    pixels: str | None = None
    epochs: int = 3
    batch: int = 32
    learning_rate: float = 1e-4
    seed: int = 0
    tune: tuple[Tuned, ...] = ()
    sampler: Sampler = Sampler.TPE
    trials: int = 20


def parse_tune(text: str | None) -> tuple[Tuned, ...]:
    """Return what `ranges`, `bits` or `ranges,bits` asks for; ConfigError otherwise."""
    if text is None:
        return ()
    allowed = [tuned.value for tuned in Tuned]
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in allowed:
            raise ConfigError(
                "that cannot be tuned",
                found=f"--tune {text}",
                allowed=", ".join(allowed),
                remedy=nearest(word, allowed),
            )
    return tuple(tuned for tuned in Tuned if tuned.value in words)


def parse_sampler(text: str) -> Sampler:
    """Return the sampler that *text* names; ConfigError with the nearest one."""
    allowed = [sampler.value for sampler in Sampler]
    if text not in allowed:
        raise ConfigError(
            "unknown sampler",
            found=repr(text),
            allowed=", ".join(allowed),
            remedy=nearest(text, allowed),
        )
    return Sampler(text)


def check_request(request: QatRequest) -> None:
    """Raise ConfigError for what no child process need be started for."""
    if not request.source.exists():
        raise ConfigError(
            "there is no such model",
            where=str(request.source),
            allowed="a .keras, an .h5 or a SavedModel folder of tf_keras",
        )
    limits = (
        ("--epochs", request.epochs, request.epochs >= 1),
        ("--batch", request.batch, request.batch >= 1),
        ("--trials", request.trials, request.trials >= 1),
        ("--learning-rate", request.learning_rate, 0 < request.learning_rate < 1),
    )
    for name, value, fine in limits:
        if not fine:
            raise ConfigError("that cannot be", found=f"{name} {value:g}")
    if request.sampler is Sampler.GRADIENT and request.tune != (Tuned.RANGES,):
        raise ConfigError(
            "gradients tune ranges alone",
            found=", ".join(tuned.value for tuned in request.tune) or "no --tune",
            allowed="--tune ranges --sampler gradient",
            remedy="--sampler tpe or grid, for bits",
        )


def to_json(request: QatRequest) -> dict[str, object]:
    """Return the request in plain JSON types."""
    return {
        **asdict(request),
        "source": str(request.source.absolute()),
        "train": str(request.train.absolute()),
        "folder": str(request.folder.absolute()),
        "tune": [tuned.value for tuned in request.tune],
        "sampler": request.sampler.value,
    }


def from_json(told: Mapping[str, object]) -> QatRequest:
    """Return what `to_json` made the mapping of."""
    tune, pixels = told["tune"], told["pixels"]
    assert isinstance(tune, list)
    return QatRequest(
        source=Path(str(told["source"])),
        train=Path(str(told["train"])),
        folder=Path(str(told["folder"])),
        pixels=None if pixels is None else str(pixels),
        epochs=int(str(told["epochs"])),
        batch=int(str(told["batch"])),
        learning_rate=float(str(told["learning_rate"])),
        seed=int(str(told["seed"])),
        tune=tuple(Tuned(value) for value in tune),
        sampler=Sampler(told["sampler"]),
        trials=int(str(told["trials"])),
    )
