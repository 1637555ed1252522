"""Readers of the official files of CIFAR and MNIST: verified, without torchvision unless something must be downloaded.

torchvision's own data set classes hash all files of a set twice (once a split), hide CIFAR-100's superclass labels and
say of a damaged file only that the set is "not found or corrupted". Reading here takes half the time, spares the import
of torchvision (1 s) and names the file. Downloading and unpacking is left to torchvision.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import math
import os
import pickle
import socket
import struct
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core.errors import DataError

Report = Callable[[str], None]
_NETWORK_SECONDS = 20.0
_NUM_IDX_CLASSES = 10


@dataclass(frozen=True)
class Source:
    """Where the files of a set are, and what they must hash to (MD5, as published with the sets)."""

    torchvision_name: str
    """The class in torchvision.datasets that downloads it."""
    folder: str
    """Below the data directory."""
    num_megabytes: int
    """What a download fetches."""
    train: dict[str, str]
    test: dict[str, str]
    """File name to MD5; for MNIST of the compressed files, images first."""


CIFAR10 = Source(
    "CIFAR10",
    "cifar-10-batches-py",
    170,
    {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    },
    {"test_batch": "40351d587109b95175f43aff81a1287e"},
)
CIFAR100 = Source(
    "CIFAR100",
    "cifar-100-python",
    169,
    {"train": "16019d7e3df5f24257cddd939b257f8d"},
    {"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
)
MNIST = Source(
    "MNIST",
    "MNIST/raw",
    11,
    {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    },
    {
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
)
FASHION_MNIST = Source(
    "FashionMNIST",
    "FashionMNIST/raw",
    30,
    {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    },
    {
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
)

Arrays = tuple[Tensor, Tensor]
"""Images uint8 N×C×H×W and labels int64 N."""


def read_cifar(source: Source, root: Path, label_key: str, report: Report) -> tuple[Arrays, Arrays]:
    """Training and test images of CIFAR-10 or CIFAR-100 below `root`, downloaded if they are not there.

    `label_key` names the labels in the files: labels, fine_labels or coarse_labels.

    Raises:
        DataError: the files are missing and cannot be downloaded, or one is damaged.
    """
    folder = root / source.folder
    md5s = source.train | source.test

    def complete() -> bool:
        return all(os.path.isfile(folder / name) for name in md5s)

    if not complete():
        _download(source, root, report, complete)
    # Reading and hashing release the interpreter lock: two threads halve the time, more only fight over the disk.
    with ThreadPoolExecutor(max_workers=2) as pool:
        entries = list(pool.map(_read_batch, (folder / name for name in md5s), md5s.values()))
    num_train = len(source.train)
    return _join(entries[:num_train], label_key), _join(entries[num_train:], label_key)


def read_mnist(source: Source, root: Path, report: Report) -> tuple[Arrays, Arrays]:
    """Training and test images of MNIST or Fashion-MNIST below `root`, downloaded if they are not there.

    The unpacked files are used where they lie, else the compressed ones.

    Raises:
        DataError: the files are missing and cannot be downloaded, or one is damaged.
    """
    folder = root / source.folder

    def complete() -> bool:
        names = source.train | source.test
        return all(os.path.isfile(folder / name) or os.path.isfile(folder / Path(name).stem) for name in names)

    if not complete():
        _download(source, root, report, complete)
    return _read_idx_pair(folder, source.train), _read_idx_pair(folder, source.test)


def _read_batch(path: Path, md5: str) -> dict[bytes, Any]:
    """A pickled batch. Only bytes with the official hash are unpickled, so no foreign code is run."""
    content = _read(path)
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise _damaged(path)
    # bytes, not latin1: otherwise 30 MB of pixels a file are decoded to text and encoded again, three times as slow.
    entry: dict[bytes, Any] = pickle.loads(content, encoding="bytes")
    return entry


def _join(entries: list[dict[bytes, Any]], label_key: str) -> Arrays:
    pixels = [torch.from_numpy(entry[b"data"]) for entry in entries]
    images = (torch.cat(pixels) if len(pixels) > 1 else pixels[0]).view(-1, 3, 32, 32)
    labels = [label for entry in entries for label in entry[label_key.encode()]]
    return images, torch.tensor(labels, dtype=torch.int64)


def _read_idx_pair(folder: Path, files: dict[str, str]) -> Arrays:
    (images_name, images_md5), (labels_name, labels_md5) = files.items()
    images = torch.from_numpy(_read_idx(folder, images_name, images_md5, num_dimensions=3))
    labels = torch.from_numpy(_read_idx(folder, labels_name, labels_md5, num_dimensions=1))
    # Nothing is published to check unpacked files against, and another label would end the training as a bug.
    if len(images) != len(labels) or bool((labels >= _NUM_IDX_CLASSES).any()):
        raise _damaged(folder / Path(labels_name).stem)
    return images.unsqueeze(1), labels.long()


def _read_idx(folder: Path, name: str, md5: str, num_dimensions: int) -> npt.NDArray[np.uint8]:
    """An array in the IDX format: two zero bytes, type 8 (uint8), the number of dimensions, big-endian sizes, data."""
    path = folder / Path(name).stem
    if os.path.isfile(path):
        content = _read(path)
    else:
        path = folder / name
        packed = _read(path)
        if hashlib.md5(packed, usedforsecurity=False).hexdigest() != md5:
            raise _damaged(path)
        content = gzip.decompress(packed)
    start = 4 + 4 * num_dimensions
    if content[:4] != bytes((0, 0, 8, num_dimensions)) or len(content) < start:
        raise _damaged(path)
    shape = struct.unpack_from(f">{num_dimensions}I", content, 4)
    if len(content) != start + math.prod(shape):
        raise _damaged(path)
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()  # a copy: torch wants it writable


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the file and its permissions.") from error


def _damaged(path: Path) -> DataError:
    return DataError(f"{path} is damaged; delete it and start again, so that it is downloaded or unpacked anew.")


def _download(source: Source, root: Path, report: Report, complete: Callable[[], bool]) -> None:
    report(f"downloading {source.num_megabytes} MB to {root / source.folder}")
    try:
        (root / source.folder).mkdir(parents=True, exist_ok=True)
        _lock_file(root).touch()
    except OSError as error:  # no lack of network: putting files there would fail as well
        raise DataError(
            f"{root / source.folder} lacks the official files and cannot be written ({error.strerror}); choose another "
            "--data-dir, one that holds them or can be written."
        ) from error
    from torchvision import datasets  # takes 1 s, needed only here

    try:
        with _lock(root), _network_timeout():
            if not complete():  # another run may have downloaded it while this one waited
                getattr(datasets, source.torchvision_name)(root, download=True)
    except (OSError, RuntimeError, EOFError, tarfile.TarError, HTTPException) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1].strip("<>")
        raise DataError(
            f"{root / source.folder} lacks the official files and they could not be downloaded ({reason}); put them "
            "there, start once on a machine with network, or use --dataset shapes."
        ) from error
    if not complete():
        raise DataError(f"The download to {root / source.folder} is incomplete; delete that folder and start again.")


def _lock_file(root: Path) -> Path:
    return root / ".download.lock"


@contextmanager
def _lock(root: Path) -> Iterator[None]:
    """One download at a time: batch systems start many runs in the same second."""
    with _lock_file(root).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _network_timeout() -> Iterator[None]:
    """torchvision sets none, and nodes without network often drop packets: it would hang for minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
