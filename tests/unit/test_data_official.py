"""The official files: read as torchvision reads them, verified, and what is said of missing and damaged ones."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision.datasets

from core.config import DataConfig
from core.data import official
from core.data.catalog import DATASETS, data_dir
from core.data.dataset import load_dataset
from core.data.official import Source, read_cifar, read_mnist
from core.data.pipeline import channel_statistics
from core.errors import DataError

DATA = data_dir(os.environ.get("CIFAR_TUI_DATA_DIR"))


def ignore(line: str) -> None:
    """A report that nobody reads."""


def needs(source: Source) -> pytest.MarkDecorator:
    folder = DATA / source.folder
    present = all((folder / name).is_file() or (folder / Path(name).stem).is_file() for name in source.train)
    return pytest.mark.skipif(not present, reason=f"{folder} lacks the official files")


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def cifar(tmp_path: Path) -> Source:
    """A CIFAR of seven images in the official format, two training files and one of test images."""
    files = {}
    for name, count in (("first", 3), ("second", 2), ("test", 2)):
        pixels = np.full((count, 3072), count, dtype=np.uint8)
        pixels[:, :1024] = 7  # the red plane
        batch = {b"data": pixels, b"labels": list(range(count)), b"coarse_labels": [9] * count}
        content = pickle.dumps(batch)
        (tmp_path / "cifar").mkdir(exist_ok=True)
        (tmp_path / "cifar" / name).write_bytes(content)
        files[name] = md5(content)
    test = {"test": files.pop("test")}
    return Source("CIFAR10", "cifar", 170, files, test)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mnist(tmp_path: Path) -> Source:
    """An MNIST of five images of 4×6 pixels, compressed."""
    (tmp_path / "mnist").mkdir()
    parts = []
    for part, count in (("train", 3), ("t10k", 2)):
        arrays = {
            f"{part}-images-idx3-ubyte.gz": np.arange(count * 24, dtype=np.uint8).reshape(count, 4, 6),
            f"{part}-labels-idx1-ubyte.gz": np.arange(count, dtype=np.uint8),
        }
        parts.append({name: gzip.compress(idx(array)) for name, array in arrays.items()})
        for name, content in parts[-1].items():
            (tmp_path / "mnist" / name).write_bytes(content)
    train, test = ({name: md5(content) for name, content in part.items()} for part in parts)
    return Source("MNIST", "mnist", 11, train, test)


def test_cifar_files_are_joined_in_order_and_the_test_images_kept_apart(cifar: Source, tmp_path: Path) -> None:
    (images, labels), (test_images, test_labels) = read_cifar(cifar, tmp_path, "labels", ignore)
    assert labels.tolist() == [0, 1, 2, 0, 1]
    assert images[:, 1, 31, 31].tolist() == [3, 3, 3, 2, 2]
    assert images[:, 0].unique().tolist() == [7]
    assert test_images.shape == (2, 3, 32, 32)
    assert test_labels.tolist() == [0, 1]
    assert read_cifar(cifar, tmp_path, "coarse_labels", ignore)[0][1].tolist() == [9] * 5


@pytest.mark.parametrize("unpacked", [False, True], ids=["compressed", "unpacked"])
def test_mnist_is_read_compressed_or_unpacked(mnist: Source, tmp_path: Path, unpacked: bool) -> None:
    if unpacked:
        for path in (tmp_path / "mnist").glob("*.gz"):
            path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
    (images, labels), (test_images, test_labels) = read_mnist(mnist, tmp_path, ignore)
    assert torch.equal(images, torch.arange(72, dtype=torch.uint8).view(3, 1, 4, 6))
    assert (labels.tolist(), test_labels.tolist()) == ([0, 1, 2], [0, 1])
    assert test_images.shape == (2, 1, 4, 6)


def test_a_cifar_file_with_another_hash_is_named_and_not_unpickled(cifar: Source, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
            return os.mkdir, (str(tmp_path / "trapped"),)

    (tmp_path / "cifar" / "second").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match=r"cifar/second is damaged; delete it"):
        read_cifar(cifar, tmp_path, "labels", ignore)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("train-images-idx3-ubyte.gz", lambda content: content[:-9]),
        ("t10k-labels-idx1-ubyte.gz", lambda content: content + b"x"),
        ("train-images-idx3-ubyte", lambda content: content[:-1]),
        ("train-images-idx3-ubyte", lambda content: content[:3]),
        ("t10k-labels-idx1-ubyte", lambda content: b"\x00\x00\x0d\x01" + content[4:]),
        ("t10k-labels-idx1-ubyte", lambda content: b"\x00\x00\x08\x01\x00\x00\x00\x01\x00"),
        ("train-labels-idx1-ubyte", lambda content: content[:-1] + b"\x0a"),
    ],
    ids=["truncated gz", "altered gz", "truncated", "no header", "not uint8", "fewer labels than images", "no digit"],
)
def test_a_damaged_mnist_file_is_named(
    mnist: Source, tmp_path: Path, name: str, spoil: Callable[[bytes], bytes]
) -> None:
    packed = (tmp_path / "mnist" / (name.removesuffix(".gz") + ".gz")).read_bytes()
    (tmp_path / "mnist" / name).write_bytes(spoil(packed if name.endswith(".gz") else gzip.decompress(packed)))
    with pytest.raises(DataError, match=rf"mnist/{name} is damaged; delete it"):
        read_mnist(mnist, tmp_path, ignore)


def test_without_network_the_message_says_where_the_files_belong(
    cifar: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(root: Path, *, download: bool) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", offline)
    (tmp_path / "cifar" / "second").unlink()
    lines: list[str] = []
    with pytest.raises(DataError) as caught:
        read_cifar(cifar, tmp_path, "labels", lines.append)
    message = str(caught.value)
    assert f"{tmp_path / 'cifar'} lacks the official files" in message
    assert "(urlopen error Name or service not known)" in message
    assert "--dataset shapes" in message
    assert "\n" not in message
    assert lines == [f"downloading 170 MB to {tmp_path / 'cifar'}"]


def test_missing_files_are_downloaded_once_and_then_verified(
    mnist: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    content = missing.read_bytes()
    missing.unlink()
    calls = []

    def download(root: Path, *, download: bool) -> None:
        calls.append((root, download))
        missing.write_bytes(content)

    monkeypatch.setattr(torchvision.datasets, "MNIST", download)
    assert read_mnist(mnist, tmp_path, ignore)[1][1].tolist() == [0, 1]
    read_mnist(mnist, tmp_path, ignore)
    assert calls == [(tmp_path, True)]


def test_a_download_that_brings_too_little_is_an_error(
    cifar: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", lambda root, *, download: None)
    (tmp_path / "cifar" / "test").unlink()
    with pytest.raises(DataError, match="incomplete; delete that folder"):
        read_cifar(cifar, tmp_path, "labels", ignore)


def test_hashes_are_those_of_torchvision() -> None:
    for source in (official.CIFAR10, official.CIFAR100):
        theirs = getattr(torchvision.datasets, source.torchvision_name)
        assert source.folder == theirs.base_folder
        assert list(map(list, source.train.items())) == theirs.train_list
        assert list(map(list, source.test.items())) == theirs.test_list
    for source in (official.MNIST, official.FASHION_MNIST):
        theirs = getattr(torchvision.datasets, source.torchvision_name)
        assert source.folder == f"{source.torchvision_name}/raw"
        assert list((source.train | source.test).items()) == theirs.resources
    assert DATASETS["fashion-mnist"].classes == tuple(torchvision.datasets.FashionMNIST.classes)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "source"),
    [
        pytest.param("cifar10", official.CIFAR10, marks=needs(official.CIFAR10)),
        pytest.param("cifar100", official.CIFAR100, marks=needs(official.CIFAR100)),
        pytest.param("mnist", official.MNIST, marks=needs(official.MNIST)),
        pytest.param("fashion-mnist", official.FASHION_MNIST, marks=needs(official.FASHION_MNIST)),
    ],
)
def test_official_images_and_labels_equal_torchvision_s(name: str, source: Source) -> None:
    dataset = load_dataset(DataConfig(dataset=name, dir=str(DATA)), report=ignore)
    info = DATASETS[name]
    assert (len(dataset.train), len(dataset.validation)) == (info.num_train, info.num_test)
    theirs = getattr(torchvision.datasets, source.torchvision_name)(DATA, train=False, download=False)
    pixels = torch.as_tensor(theirs.data)
    expected = pixels.unsqueeze(1) if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)
    assert torch.equal(dataset.validation.images, expected)
    assert dataset.validation.labels.tolist() == torch.as_tensor(theirs.targets).tolist()
    assert tuple(dataset.train.images.shape[1:]) == info.image_shape
    if source is not official.MNIST:  # torchvision names its classes "0 - zero" …
        assert list(info.classes) == theirs.classes


@pytest.mark.real_data
@needs(official.CIFAR100)
def test_superclasses_of_cifar100_are_the_official_ones() -> None:
    fine = load_dataset(DataConfig(dataset="cifar100", dir=str(DATA)), report=ignore)
    coarse = load_dataset(DataConfig(dataset="cifar100-coarse", dir=str(DATA)), report=ignore)
    assert torch.equal(torch.tensor(fine.superclass_of)[fine.train.labels], coarse.train.labels)
    assert torch.equal(torch.tensor(fine.superclass_of)[fine.validation.labels], coarse.validation.labels)
    assert torch.equal(fine.validation.images, coarse.validation.images)
    assert fine.fingerprint != coarse.fingerprint
    names = pickle.loads((DATA / official.CIFAR100.folder / "meta").read_bytes())
    assert list(fine.classes) == names["fine_label_names"]
    assert list(fine.superclasses) == list(coarse.classes) == names["coarse_label_names"]


@pytest.mark.real_data
@needs(official.CIFAR10)
def test_cifar10_has_the_published_mean_and_deviation() -> None:
    dataset = load_dataset(DataConfig(dataset="cifar10", dir=str(DATA)), report=ignore)
    mean, std = channel_statistics(dataset.train.images)
    assert mean == pytest.approx((0.4914, 0.4822, 0.4465), abs=5e-5)
    assert std == pytest.approx((0.2470, 0.2435, 0.2616), abs=5e-5)
