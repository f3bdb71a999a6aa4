"""Which kind of dataset a path is, and the kinds other than .npz."""

from __future__ import annotations

import gzip
import os
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from hil.accuracy.dataset import Content
from hil.accuracy.datasets import load_dataset
from hil.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def idx(array: np.ndarray, code: int = 8) -> bytes:
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.tobytes()


def mnist(folder: Path, part: str = "t10k", *, packed: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    images, labels = idx(PIXELS), idx(np.array([7, 2], np.uint8))
    if packed:
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    else:
        (folder / f"{part}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    return folder


def mlperf(folder: Path, labels: str, **files: bytes) -> Path:
    folder.mkdir()
    (folder / "y_labels.csv").write_text(labels)
    for name, content in files.items():
        (folder / f"{name}.bin").write_bytes(content)
    return folder


def test_a_missing_path_says_what_would_be_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the dataset is missing") as caught:
        load_dataset(tmp_path / "none.npz")
    assert "MNIST IDX files" in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_file_of_another_kind_is_no_dataset(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(ConfigError, match="not a dataset"):
        load_dataset(path)


def test_an_empty_folder_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a folder with nothing of the kind in it"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_of_idx_files_gives_raw_pixels_with_a_channel(
    tmp_path: Path, *, packed: bool
) -> None:
    dataset = load_dataset(mnist(tmp_path / "m", packed=packed))
    assert dataset.name == "t10k"
    assert dataset.x.shape == (2, 3, 4, 1)
    np.testing.assert_array_equal(dataset.x[..., 0], PIXELS)
    assert dataset.y is not None
    assert dataset.y.tolist() == [7, 2]
    assert dataset.content is Content.PIXELS
    assert dataset.preprocessing == "none: raw pixels, 0..255"


def test_the_test_set_comes_before_the_training_set(tmp_path: Path) -> None:
    mnist(tmp_path / "m", "train")
    dataset = load_dataset(mnist(tmp_path / "m", "t10k"))
    assert dataset.name == "t10k"


def test_a_file_of_images_finds_its_own_labels(tmp_path: Path) -> None:
    mnist(tmp_path / "m", "t10k")
    folder = mnist(tmp_path / "m", "train", packed=True)
    dataset = load_dataset(folder / "train-images-idx3-ubyte.gz")
    assert dataset.name == "train"


def test_two_files_of_images_of_unknown_purpose_are_ambiguous(tmp_path: Path) -> None:
    mnist(tmp_path / "m", "a")
    with pytest.raises(ConfigError, match="unclear which is meant") as caught:
        load_dataset(mnist(tmp_path / "m", "b"))
    assert caught.value.found == "a-images-idx3-ubyte, b-images-idx3-ubyte"


def test_images_without_labels_name_the_file_that_is_missing(tmp_path: Path) -> None:
    folder = mnist(tmp_path / "m")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(ConfigError, match="the images have no labels") as caught:
        load_dataset(folder)
    assert caught.value.allowed == (
        "t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "starts with "),
        (b"PK\3\4", "starts with 50 4b 03 04"),
        (b"\0\0\7\1", "element type 0x07"),
        (b"\0\0\x08\2\0\0", "a header that ends early"),
        (idx(PIXELS)[:-1], "23 bytes of data, 24 in the header"),
        (idx(PIXELS) + b"\0", "more bytes of data, 24 in the header"),
        (
            b"\0\0\x0e\2" + b"\xff" * 8,
            "a header that asks for 147,573,952,520,956,936,200 bytes",
        ),
    ],
)
def test_a_damaged_idx_file_says_how(
    tmp_path: Path, content: bytes, found: str
) -> None:
    folder = mnist(tmp_path / "m")
    (folder / "t10k-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(ConfigError, match="no readable IDX file") as caught:
        load_dataset(folder)
    assert caught.value.found == found


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    folder = mnist(tmp_path / "m", packed=True)
    path = folder / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(ConfigError, match="no readable IDX file"):
        load_dataset(folder)


def test_big_endian_idx_values_come_in_the_order_of_this_machine(
    tmp_path: Path,
) -> None:
    folder = mnist(tmp_path / "m")
    values = np.array([[[1.5, -2.0]], [[0.0, 4.0]]], ">f4")
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(values, code=0x0D))
    dataset = load_dataset(folder)
    assert dataset.x.dtype == np.dtype("=f4")
    assert dataset.x[0].ravel().tolist() == [1.5, -2.0]
    assert dataset.content is Content.VALUES


def test_an_mlperf_folder_gives_the_bytes_that_the_runner_sends(
    tmp_path: Path,
) -> None:
    labels = "a.bin,12,3\n b.bin , 12, 11 ,4,4\n\n"
    folder = mlperf(tmp_path / "kws01", labels, a=b"\1\2\3\4", b=b"\xff\0\x80\x7f")
    dataset = load_dataset(folder)
    assert dataset.name == "kws01"
    assert dataset.x.tolist() == [[1, 2, 3, 4], [255, 0, 128, 127]]
    assert dataset.y is not None
    assert dataset.y.tolist() == [3, 11]
    assert dataset.content is Content.BYTES


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("", "the dataset is empty"),
        ("a.bin,12\n", r"cannot be read(.|\n)*line 1(.|\n)*'a.bin,12'"),
        ("a.bin,12,1\na.bin,12,x\n", r"cannot be read(.|\n)*line 2"),
        ("a.bin,12,12\n", r"out of range(.|\n)*class 12 of 12(.|\n)*0 to 11"),
        ("a.bin,12,-1\n", r"out of range(.|\n)*class -1 of 12"),
        ("c.bin,12,1\n", r"cannot be read(.|\n)*c.bin"),
        ("../other,12,1\n", r"outside the dataset(.|\n)*'../other'"),
        ("/etc/passwd,12,1\n", r"outside the dataset(.|\n)*'/etc/passwd'"),
        ("a.bin,2,0\nb.bin,2,1\n", r"differ in size(.|\n)*b.bin: 3 bytes"),
        ("a.bin,2,0,2,1\n", r"not sent whole(.|\n)*2 bytes to send of 4"),
    ],
)
def test_a_wrong_line_of_the_labels_is_named(
    tmp_path: Path, labels: str, message: str
) -> None:
    (tmp_path / "other").write_bytes(b"1234")
    folder = mlperf(tmp_path / "d", labels, a=b"1234", b=b"123")
    with pytest.raises(ConfigError, match=message):
        load_dataset(folder)


def test_labels_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "y_labels.csv").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(ConfigError, match="the labels cannot be read"):
        load_dataset(tmp_path)


def images(folder: Path, shape: tuple[int, ...] = (4, 5, 3)) -> Path:
    for label, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for number in range(2):
            pixels = np.full(shape, 10 * label + number, np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def test_a_folder_of_images_takes_its_classes_from_the_subfolders(
    tmp_path: Path,
) -> None:
    (tmp_path / "pets" / "empty").mkdir(parents=True)
    dataset = load_dataset(images(tmp_path / "pets"))
    assert dataset.x.shape == (4, 4, 5, 3)
    assert dataset.x[:, 0, 0, 0].tolist() == [0, 1, 10, 11]
    assert dataset.y is not None
    assert dataset.y.tolist() == [0, 0, 1, 1]
    assert dataset.content is Content.PIXELS


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    dataset = load_dataset(images(tmp_path / "grey", (4, 5)))
    assert dataset.x.shape == (4, 4, 5, 1)


def test_images_of_another_size_are_named(tmp_path: Path) -> None:
    folder = images(tmp_path / "pets")
    Image.new("RGB", (7, 7)).save(folder / "dog" / "1.png")
    with pytest.raises(ConfigError, match="the images differ in size") as caught:
        load_dataset(folder)
    assert caught.value.where == str(folder / "dog" / "1.png")
    assert caught.value.allowed == "[4, 5, 3], as 0.png"


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    folder = images(tmp_path / "pets")
    (folder / "dog" / "0.png").write_bytes(b"no image")
    with pytest.raises(ConfigError, match="an image of the dataset cannot be read"):
        load_dataset(folder)


def test_a_folder_that_may_not_be_read_is_one_clear_error(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0)
    if os.access(folder, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(ConfigError, match="the dataset cannot be read"):
        load_dataset(folder)


@pytest.mark.shared
def test_mnist_itself_is_read(shared: Path) -> None:
    dataset = load_dataset(shared / "data" / "mnist")
    assert dataset.name == "t10k"
    assert dataset.x.shape == (10000, 28, 28, 1)
    assert dataset.y is not None
    assert dataset.y[:5].tolist() == [7, 2, 1, 0, 4]
    assert (int(dataset.x.min()), int(dataset.x.max())) == (0, 255)
