"""Datasets in .npz files."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.accuracy.dataset import Content
from hil.accuracy.datasets import load_dataset
from hil.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

X = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
Y = np.array([0, 1, 2, 1], np.uint8)


def saved(tmp_path: Path, **arrays: object) -> Path:
    path = tmp_path / "data.npz"
    np.savez_compressed(path, **arrays)
    return path


def with_member(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + data


def test_samples_labels_and_preprocessing_are_read(tmp_path: Path) -> None:
    dataset = load_dataset(
        saved(tmp_path, x=X, y=Y, preprocessing=np.array("pixel / 16"))
    )
    assert dataset.name == "data"
    np.testing.assert_array_equal(dataset.x, X)
    assert dataset.x.dtype == np.float32
    assert dataset.y is not None
    assert dataset.y.tolist() == [0, 1, 2, 1]
    assert dataset.y.dtype == np.int64
    assert dataset.preprocessing == "pixel / 16"
    assert dataset.content is Content.VALUES
    assert dataset.source == tmp_path / "data.npz"


def test_labels_and_preprocessing_may_be_absent(tmp_path: Path) -> None:
    dataset = load_dataset(saved(tmp_path, x=X))
    assert dataset.y is None
    assert dataset.preprocessing == "not stated"


def test_a_column_of_labels_is_taken_as_labels(tmp_path: Path) -> None:
    dataset = load_dataset(saved(tmp_path, x=X, y=Y[:, None]))
    assert dataset.y is not None
    assert dataset.y.tolist() == [0, 1, 2, 1]


def test_unsigned_bytes_with_rows_and_columns_are_pixels(tmp_path: Path) -> None:
    dataset = load_dataset(saved(tmp_path, x=np.zeros((2, 4, 4, 3), np.uint8)))
    assert dataset.content is Content.PIXELS


def test_a_fortran_ordered_array_keeps_its_values(tmp_path: Path) -> None:
    dataset = load_dataset(saved(tmp_path, x=np.asfortranarray(X)))
    np.testing.assert_array_equal(dataset.x, X)


def test_without_x_the_arrays_that_are_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no array x") as caught:
        load_dataset(saved(tmp_path, images=X, labels=Y))
    assert caught.value.found == "images, labels"
    assert "numpy.savez" in str(caught.value)


def test_lengths_that_differ_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="differ in number") as caught:
        load_dataset(saved(tmp_path, x=X, y=Y[:3]))
    assert caught.value.found == "4 samples, 3 labels"


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0, -1, 2, 1]), r"label -1 at index 1"),
        (np.array([0, 1, 2**40, 1]), r"label 1099511627776 at index 2"),
        (np.array([0, 1, 2**64 - 1, 1], np.uint64), r"label 18446744073709551615"),
        (np.array([0.0, 1.0, 2.0, 1.0]), r"y of type float64 and shape \[4\]"),
        (np.eye(4, dtype=np.int64), r"y of type int64 and shape \[4, 4\]"),
        (np.array(["a", "b", "c", "d"]), r"y of type <U1"),
        (np.array(3), r"shape \[\]"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(
    tmp_path: Path, y: np.ndarray, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset(saved(tmp_path, x=X, y=y))


@pytest.mark.parametrize(
    ("y", "remedy"),
    [
        (np.eye(4), "turn one-hot rows into class numbers with argmax"),
        (np.linspace(0, 1, 4), "hil evaluate --metric mse"),
        (np.array(["cat", "dog", "cat", "cow"]), "class numbers in the order of"),
    ],
)
def test_what_stands_in_place_of_labels_has_its_own_remedy(
    tmp_path: Path, y: npt.NDArray[np.generic], remedy: str
) -> None:
    with pytest.raises(ConfigError, match="the labels are no integers") as caught:
        load_dataset(saved(tmp_path, x=np.ones((4, 2)), y=y))
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((0, 3)), r"the dataset is empty(.|\n)*shape \[0, 3\]"),
        (np.float32(3), r"the dataset is empty"),
        (np.array(["one", "two"]), r"the samples are no numbers(.|\n)*<U3"),
        (np.zeros(3, np.complex64), r"the samples are no numbers"),
        (np.zeros(3, [("a", "f4")]), r"the samples are no numbers"),
        (
            np.array([[1.0], [np.nan], [np.inf]]),
            r"2 of 3 samples, the first at index 1",
        ),
    ],
)
def test_samples_that_are_no_finite_numbers_are_refused(
    tmp_path: Path, x: np.ndarray, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_dataset(saved(tmp_path, x=x))


def test_preprocessing_must_be_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="preprocessing is no text"):
        load_dataset(saved(tmp_path, x=X, preprocessing=np.array([1, 2])))


class _Touch:
    """Pickled, it would make a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.open, (self.path, os.O_CREAT)


def test_a_pickle_is_refused_and_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    array = np.array([_Touch(trace)], dtype=object)
    with pytest.raises(ConfigError, match="x holds pickled Python objects") as caught:
        load_dataset(saved(tmp_path, x=array))
    assert "unpickling a file can run any code" in str(caught.value)
    assert not trace.exists()


def test_a_member_that_is_a_bare_pickle_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps([1, 2, 3])
    with pytest.raises(ConfigError, match=r"no readable \.npz"):
        load_dataset(with_member(tmp_path, "x.npy", content))


def test_a_header_that_asks_for_too_much_is_refused_before_it_is_allocated(
    tmp_path: Path,
) -> None:
    header = (
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 1024), }"
    )
    with pytest.raises(ConfigError, match="x is too large") as caught:
        load_dataset(with_member(tmp_path, "x.npy", npy(header)))
    assert caught.value.allowed == "at most 4,294,967,296 bytes"
    assert "[1099511627776, 1024] of float32" in str(caught.value)


def test_a_header_that_promises_more_than_the_file_holds_is_refused(
    tmp_path: Path,
) -> None:
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000), }"
    with pytest.raises(ConfigError, match="x is not what its header says"):
        load_dataset(with_member(tmp_path, "x.npy", npy(header, b"\0" * 64)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", b"\0" * 4),
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -2), }"),
        npy("{'descr': 'nonsense', 'fortran_order': False, 'shape': (2,), }"),
        npy("not a dictionary"),
        npy("(" * 500),
        npy(
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", version=b"\7\0"
        ),
    ],
)
def test_a_damaged_member_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigError, match=str(tmp_path)):
        load_dataset(with_member(tmp_path, "x.npy", content))


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(b"hello")
    with pytest.raises(ConfigError, match=r"no readable \.npz") as caught:
        load_dataset(path)
    assert caught.value.found == "BadZipFile: File is not a zip file"


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, x=X, y=Y)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ConfigError, match=r"no readable \.npz"):
        load_dataset(path)


def _good() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, x=X, y=Y, preprocessing=np.array("none"))
    return stream.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.data())
def test_any_damage_is_read_or_refused_but_never_crashes(
    tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(_good())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.npz"
    path.write_bytes(bytes(content))
    try:
        dataset = load_dataset(path)
    except ConfigError as error:
        assert error.where  # noqa: PT017 - either outcome is right
    else:
        assert len(dataset.x) > 0


@pytest.mark.shared
def test_the_keyword_dataset_is_read(shared: Path) -> None:
    dataset = load_dataset(shared / "data" / "kws" / "kws01.npz")
    assert (dataset.x.shape, dataset.x.dtype) == ((1000, 49, 10, 1), np.int8)
    assert dataset.y is not None
    assert sorted(set(dataset.y.tolist())) == list(range(12))


def test_the_digits_example_is_read(digits: Path) -> None:
    dataset = load_dataset(digits / "digits_test.npz")
    assert dataset.x.shape == (500, 8, 8, 1)
    assert dataset.preprocessing == "pixel / 16 -> float32 in 0..1"
