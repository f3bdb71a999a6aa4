"""Ranges and bits of FakeQuant nodes tuned. In the worker's process only.

A trial sets the nodes, runs the model on held-out training samples, and is kept in the
study's SQLite file. The weights after the training are kept beside it, so that a
second call goes on where the first was broken off.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import optuna
import tensorflow as tf
import tf_keras

from hil.quantization.qat.request import Sampler, Tuned, to_json
from hil.quantization.qat.worker_sites import sites_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from hil.quantization.qat.request import QatRequest
    from hil.quantization.qat.worker_sites import Site

STUDY = "study.db"
_SHARES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
_BITS = (8, 16, 6, 4, 3, 2)
_EXPORTED_BITS = 8
_BATCH = 256
_SEED_STEP = 1_000_003  # keeps the seeds of resumed studies apart
_RANGE_RATE = 1e-2
_LEAST_HIGH = 1e-3
_RANGE_EPOCHS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """Samples that judge trials, and those that the model was fitted on."""

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int64]
    fit_x: npt.NDArray[np.float32]
    fit_y: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the tuning came to; `improved` where an 8-bit range is better than before.

    The model then has the best ranges.
    """

    told: dict[str, object]
    improved: bool


def digest(request: QatRequest) -> str:
    """Return what a study of the same request, model and data is called."""
    told = to_json(request)
    for name in ("trials", "folder"):
        del told[name]
    state = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for path in (request.source, request.train):
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file():
                state.update(file.read_bytes())
    return state.hexdigest()[:16]


def tune(
    request: QatRequest, model: tf_keras.Model, held: Held, *, logits: bool
) -> Outcome:
    """Tune what *request* asks for; *model* has the best exportable ranges then."""
    sites = sites_of(model)
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=logits)

    def judge() -> tuple[float, float]:
        parts = [
            model(held.x[start : start + _BATCH], training=False)
            for start in range(0, len(held.x), _BATCH)
        ]
        outputs = np.concatenate([part.numpy() for part in parts])
        right = float((outputs.argmax(axis=1) == held.y).mean())
        return float(loss(held.y, outputs)), right

    if request.sampler is Sampler.GRADIENT:
        return _by_gradient(request, model, held, sites, judge=judge, loss=loss)
    return _by_trials(request, sites, judge)


def _by_trials(
    request: QatRequest, sites: list[Site], judge: Callable[[], tuple[float, float]]
) -> Outcome:
    with_bits = Tuned.BITS in request.tune
    study = _study(request)

    def objective(trial: optuna.Trial) -> float | tuple[float, float]:
        _apply(trial, request, sites)
        found, right = judge()
        size = sum(site.elements * site.quantizer.num_bits for site in sites) / 8
        trial.set_user_attr("accuracy", right)
        trial.set_user_attr("bytes", size)
        trial.set_user_attr(
            "bits", {site.name: site.quantizer.num_bits for site in sites}
        )
        sys.stdout.write(f"hil: trial {trial.number}: loss {found:.4f}, {right:.4f}\n")
        return (found, size) if with_bits else found

    earlier = len(_complete(study))
    wanted = request.trials
    if request.sampler is Sampler.GRID:
        # A grid that is done would be gone through once more.
        wanted = min(
            wanted, math.prod(len(values) for values in _grid(request).values())
        )
    if earlier < wanted:
        study.optimize(objective, n_trials=wanted - earlier)
    done = _complete(study)
    for site in sites:
        site.set()
    before, right = judge()
    best = min(
        (trial for trial in done if _exportable(trial)),
        key=lambda trial: (trial.values[0], trial.number),
        default=None,
    )
    if best is not None and best.values[0] >= before:
        best = None
    if best is not None:
        _apply(best, request, sites)
    front = {trial.number for trial in study.best_trials}
    return Outcome(
        told={
            "study": study.study_name,
            "sampler": request.sampler.value,
            "before": {"loss": before, "accuracy": right},
            "best": None if best is None else best.number,
            "resumed": earlier,
            "sites": len(sites),
            "trials": [
                {
                    "number": trial.number,
                    "params": trial.params,
                    "loss": trial.values[0],
                    "accuracy": trial.user_attrs["accuracy"],
                    "bytes": trial.user_attrs["bytes"],
                    "simulated": not _exportable(trial),
                    "front": trial.number in front,
                }
                for trial in done
            ],
        },
        improved=best is not None,
    )


def _study(request: QatRequest) -> optuna.Study:
    request.folder.mkdir(parents=True, exist_ok=True)
    name = f"qat-{digest(request)}"
    storage = optuna.storages.RDBStorage(f"sqlite:///{request.folder / STUDY}")
    known = {each.study_name for each in optuna.get_all_study_summaries(storage)}
    done = 0
    if name in known:
        earlier = optuna.load_study(study_name=name, storage=storage)
        done = len(_complete(earlier))
    return optuna.create_study(
        study_name=name,
        storage=storage,
        sampler=_sampler(request, done),
        directions=["minimize"] * (2 if Tuned.BITS in request.tune else 1),
        load_if_exists=True,
    )


def _complete(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))


def _sampler(request: QatRequest, done: int) -> optuna.samplers.BaseSampler:
    if request.sampler is Sampler.GRID:
        return optuna.samplers.GridSampler(_grid(request), seed=request.seed)
    # With the seed alone a resumed study would begin with the same random trials.
    return optuna.samplers.TPESampler(seed=request.seed + _SEED_STEP * done)


def _grid(request: QatRequest) -> dict[str, list[float] | list[int]]:
    grid: dict[str, list[float] | list[int]] = {}
    if Tuned.RANGES in request.tune:
        grid["share"] = list(_SHARES)
    if Tuned.BITS in request.tune:
        grid["weight_bits"] = list(_BITS)
        grid["activation_bits"] = list(_BITS)
    return grid


def _apply(
    trial: optuna.Trial | optuna.trial.FrozenTrial,
    request: QatRequest,
    sites: list[Site],
) -> None:
    """Set every node as the trial has it: one value for all, or one for each."""
    each = request.sampler is Sampler.TPE
    for site in sites:
        suffix = f" {site.name}" if each else ""
        share, bits = 1.0, _EXPORTED_BITS
        if Tuned.RANGES in request.tune:
            share = (
                trial.suggest_float(f"share{suffix}", _SHARES[-1], _SHARES[0])
                if each
                else trial.suggest_categorical("share", _SHARES)
            )
        if Tuned.BITS in request.tune:
            kind = "weight" if site.is_weight else "activation"
            bits = trial.suggest_categorical(f"{kind}_bits{suffix}", _BITS)
        site.set(share=share, bits=bits)


def _exportable(trial: optuna.trial.FrozenTrial) -> bool:
    return set(trial.user_attrs["bits"].values()) == {_EXPORTED_BITS}


def _by_gradient(
    request: QatRequest,
    model: tf_keras.Model,
    held: Held,
    sites: list[Site],
    *,
    judge: Callable[[], tuple[float, float]],
    loss: tf_keras.losses.Loss,
) -> Outcome:
    """Train the activations' ranges; weights and their ranges stay as they are."""
    before, right = judge()
    tuned = [site for site in sites if not site.is_weight]
    variables = [end for site in tuned for end in (site.low, site.high)]
    optimizer = tf_keras.optimizers.Adam(_RANGE_RATE)
    optimizer.build(variables)

    def step(x: tf.Tensor, y: tf.Tensor) -> None:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            value = loss(y, model(x, training=False))
        gradients = tape.gradient(
            value, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        for site in tuned:
            # A range must hold 0, and be no point.
            site.low.assign(tf.minimum(site.low, 0.0))
            site.high.assign(tf.maximum(site.high, _LEAST_HIGH))

    traced = tf.function(step)
    order = np.random.default_rng(request.seed)
    for _ in range(_RANGE_EPOCHS):
        rows = order.permutation(len(held.fit_x))
        for start in range(0, len(rows), request.batch):
            part = rows[start : start + request.batch]
            traced(tf.constant(held.fit_x[part]), tf.constant(held.fit_y[part]))
    after, right_after = judge()
    moved = {
        site.name: [float(site.low.numpy()), float(site.high.numpy())] for site in tuned
    }
    improved = after < before
    if not improved:
        for site in sites:
            site.set()
    return Outcome(
        told={
            "sampler": request.sampler.value,
            "before": {"loss": before, "accuracy": right},
            "after": {"loss": after, "accuracy": right_after},
            "sites": len(tuned),
            "ranges": moved,
        },
        improved=improved,
    )
