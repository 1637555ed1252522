"""What all data sets share: holding out, fingerprints, and the images written for viewers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import DataConfig
from core.data.dataset import Dataset, Split, fingerprint_of, hold_out_tenth, load_dataset, write_images
from core.errors import StorageError, UsageError


def split_of(count: int, side: int = 4) -> Split:
    """Images whose first pixel and label are their numbers."""
    images = torch.zeros((count, 3, side, side), dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.arange(count) % 256
    return Split(images, torch.arange(count))


def dataset_of(validation: Split) -> Dataset:
    return Dataset("cifar10", ("a", "b"), (), (), split_of(4), validation, fingerprint_of(validation))


@settings(max_examples=25, deadline=None)
@given(st.integers(10, 250))
def test_holding_out_parts_the_images_nine_to_one(count: int) -> None:
    train, held_out = hold_out_tenth(split_of(count))
    assert len(held_out) == count // 10
    assert sorted(train.labels.tolist() + held_out.labels.tolist()) == list(range(count))
    assert torch.equal(train.images[:, 0, 0, 0], train.labels.to(torch.uint8))
    assert torch.equal(held_out.images[:, 0, 0, 0], held_out.labels.to(torch.uint8))


def test_held_out_images_are_the_same_for_ever() -> None:
    _, held_out = hold_out_tenth(split_of(60))
    assert held_out.labels.tolist() == [58, 49, 48, 59, 32, 33]


def test_a_tenth_of_the_training_images_is_held_out() -> None:
    held_out = load_dataset(DataConfig(dataset="shapes", validation="holdout"), report=lambda line: None)
    assert (len(held_out.train), len(held_out.validation)) == (9000, 1000)
    whole = load_dataset(DataConfig(dataset="shapes"), report=lambda line: None)
    assert whole.fingerprint != held_out.fingerprint
    assert len(whole.train) == 10_000


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UsageError, match="cifar100"):
        load_dataset(DataConfig(dataset="cifar1000"), report=lambda line: None)


def test_fingerprints_name_pixels_order_shape_and_labels() -> None:
    original = split_of(6)
    pixel = original.images.clone()
    pixel[5, 2, 3, 3] = 1
    others = [
        Split(pixel, original.labels),
        Split(original.images.flip(0), original.labels),
        Split(original.images.view(6, 3, 2, 8), original.labels),
        Split(original.images, original.labels.flip(0)),
    ]
    fingerprints = {fingerprint_of(split) for split in (original, *others)}
    assert len(fingerprints) == 5
    assert all(len(fingerprint) == 16 for fingerprint in fingerprints)
    strided = original.images.contiguous(memory_format=torch.channels_last)
    assert fingerprint_of(Split(strided, original.labels)) == fingerprint_of(original)


def test_viewers_find_images_and_labels(tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (300, 3, 5, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    dataset = dataset_of(Split(pixels, torch.arange(300)))
    write_images(dataset, tmp_path / "new")
    images = np.load(tmp_path / "new" / f"{dataset.fingerprint}.npy", mmap_mode="r")
    labels = np.load(tmp_path / "new" / f"{dataset.fingerprint}.labels.npy", mmap_mode="r")
    assert images.dtype == np.uint8
    assert images.flags.c_contiguous
    assert np.array_equal(images, dataset.validation.images.permute(0, 2, 3, 1).numpy())
    assert labels.dtype == np.uint16
    assert labels.tolist() == list(range(300))
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        f"{dataset.fingerprint}.npy",
        f"{dataset.fingerprint}.labels.npy",
    }


def test_images_are_written_once(tmp_path: Path) -> None:
    dataset = dataset_of(split_of(3))
    write_images(dataset, tmp_path)
    path = tmp_path / f"{dataset.fingerprint}.npy"
    before = path.stat().st_ino
    write_images(dataset, tmp_path)
    assert path.stat().st_ino == before


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), OSError("6 requested and 2 written")], ids=["system's", "NumPy's"]
)
def test_a_failed_write_leaves_nothing_behind(error: OSError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StorageError, match=f"cannot be written to .* \\({error.strerror or error}\\)"):
        write_images(dataset_of(split_of(3)), tmp_path)
    assert list(tmp_path.iterdir()) == []
