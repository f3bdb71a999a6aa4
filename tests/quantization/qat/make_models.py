"""What needs TensorFlow, in one process: make_models.py FOLDER, which holds the data.

Writes models, told.json (what worker_models says to each) and a folder for each
training with what the worker answers to its parent.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import tf_keras

from hil.errors import ModelError
from hil.quantization.qat import worker
from hil.quantization.qat.request import QatRequest, Sampler, Tuned, to_json
from hil.quantization.qat.worker_models import load

layers = tf_keras.layers
BOTH = (Tuned.RANGES, Tuned.BITS)
GRID = {"tune": (Tuned.RANGES,), "sampler": Sampler.GRID, "folder": "grid"}
# A study goes on in the folder that it began in.
TRAININGS = {
    "tpe": {"tune": BOTH, "sampler": Sampler.TPE, "trials": 2, "source": "folded.h5"},
    "grid": {**GRID, "trials": 20},
    "grid-resumed": {**GRID, "trials": 30},
    "gradient": {"tune": (Tuned.RANGES,), "sampler": Sampler.GRADIENT},
    "diverged": {"train": "huge.npz", "source": "folded.h5"},
    "unlabelled": {"train": "unlabelled.npz"},
    "labels": {"source": "four_classes.h5"},
}


def make(folder: Path) -> None:
    tf_keras.utils.set_random_seed(0)
    network().save(folder / "net.h5")
    network(classes=4).save(folder / "four_classes.h5")
    network(layers.BatchNormalization(), layers.MaxPooling2D()).save(
        folder / "folded.h5"
    )
    tf_keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Reshape((8, 8)),
            layers.Conv1D(4, 3, name="stripes"),
            layers.LSTM(4, name="memory"),
            layers.Dense(10),
        ]
    ).save(folder / "unknown_layers.h5")
    image = tf_keras.Input((8, 8, 1))
    flat = layers.Flatten()(image)
    heads = [layers.Dense(10)(flat), layers.Dense(2)(flat)]
    tf_keras.Model(image, heads).save(folder / "two_outputs.keras")
    several = layers.Dense(10, activation="sigmoid", name="several")(flat)
    tf_keras.Model(image, several).save(folder / "sigmoid.keras")
    new = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(10)])
    new.save(folder / "keras3.keras")
    new.save(folder / "keras3.h5")
    new.save_weights(folder / "only.weights.h5")
    (folder / "exported").mkdir()
    (folder / "text.h5").write_text("no model")


def network(*between: layers.Layer, classes: int = 10) -> tf_keras.Model:
    return tf_keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3),
            *between,
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def refusals(folder: Path) -> dict[str, str]:
    told = {}
    for path in sorted(folder.iterdir()):
        try:
            load(path)
        except ModelError as exc:
            told[path.name] = str(exc)
    return told


def answer(folder: Path, name: str, options: dict[str, object]) -> None:
    """Answer one order as the worker does, in a folder of its name."""
    where = folder / "answers" / name
    where.mkdir(parents=True)
    paths = {
        key: folder / str(options.get(key, default))
        for key, default in (("source", "net.h5"), ("train", "train.npz"))
    }
    rest = {key: value for key, value in options.items() if key not in paths}
    rest["folder"] = folder / "studies" / str(options.get("folder", name))
    request = QatRequest(**paths, **rest, epochs=1, learning_rate=0.01)
    (where / "order.json").write_text(json.dumps(to_json(request)))
    worker.main(where, folder / "answers" / f"{name}.log")


if __name__ == "__main__":
    given = Path(sys.argv[1])
    models = given / "models"
    models.mkdir()
    make(models)
    (given / "told.json").write_text(json.dumps(refusals(models)))
    for file in ("net.h5", "folded.h5", "four_classes.h5"):
        (models / file).rename(given / file)
    for training, wanted in TRAININGS.items():
        answer(given, training, wanted)
