"""Batches: a function of (seed, epoch, index), every image once an epoch, normalised as asked."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.config import (
    Affine,
    Augment,
    ColorJitter,
    Cutout,
    DataConfig,
    HorizontalFlip,
    Normalize,
    RandomCrop,
    Rotation,
)
from core.data import augment as augment_module
from core.data import pipeline as pipeline_module
from core.data.dataset import Split
from core.data.packed import pack, unpack, words_of
from core.data.pipeline import Pipeline, channel_statistics, resolve_normalization
from core.errors import UsageError

CPU = torch.device("cpu")
MOVING = (RandomCrop(), HorizontalFlip())
HALVES = Normalize(mean=(0.5, 0.4, 0.3), std=(0.5, 0.25, 0.2))


def split_of(count: int, channels: int = 3, width: int = 32) -> Split:
    """Images whose labels are their numbers."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, channels, 32, width), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(count))


def pipeline_of(
    count: int = 50,
    *,
    normalize: Normalize | None = HALVES,
    seed: int = 3,
    channels_last: bool = False,
    config: DataConfig | None = None,
) -> Pipeline:
    config = config or DataConfig(dataset="cifar10", batch_size=8, augment=MOVING)
    return Pipeline(split_of(count), config, normalize, seed=seed, device=CPU, channels_last=channels_last)


def config_of(**changes: object) -> DataConfig:
    return DataConfig(**{"dataset": "cifar10", "batch_size": 8, **changes})  # type: ignore[arg-type]


def labels_of_epoch(pipeline: Pipeline, epoch: int) -> Tensor:
    return torch.cat([pipeline.batch(epoch, index)[1] for index in range(pipeline.steps_per_epoch)])


def test_an_epoch_holds_every_image_once_and_epochs_differ_in_order() -> None:
    pipeline = pipeline_of(50)
    first, second = labels_of_epoch(pipeline, 1), labels_of_epoch(pipeline, 2)
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(50))
    assert not torch.equal(first, second)
    assert not torch.equal(first, torch.arange(50))
    assert pipeline.batch(1, 6)[0].shape == (2, 3, 32, 32)


@pytest.mark.parametrize(
    ("count", "drop_last", "steps"), [(48, False, 6), (50, False, 7), (50, True, 6), (8, True, 1), (5, False, 1)]
)
def test_steps_per_epoch_respect_drop_last(count: int, drop_last: bool, steps: int) -> None:
    pipeline = pipeline_of(count, config=config_of(drop_last=drop_last))
    assert pipeline.steps_per_epoch == steps
    sizes = [len(pipeline.batch(0, index)[1]) for index in range(steps)]
    assert sizes[:-1] == [8] * (steps - 1)
    assert sizes[-1] == (8 if drop_last or count % 8 == 0 else count % 8)
    with pytest.raises(IndexError):
        pipeline.batch(0, steps)


@pytest.mark.parametrize("chunk_images", [0, 24], ids=["a batch at a time", "three batches at a time"])
def test_a_batch_depends_on_seed_epoch_and_index_alone(chunk_images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "_CHUNK_IMAGES", {"cpu": chunk_images})
    straight = pipeline_of()
    expected = {(epoch, index): straight.batch(epoch, index) for epoch in (1, 2) for index in range(7)}
    jumping = pipeline_of()
    for position in [(2, 3), (1, 6), (2, 0), (1, 0), (1, 5), (2, 3)]:
        inputs, labels = jumping.batch(*position)
        assert torch.equal(inputs, expected[position][0])
        assert torch.equal(labels, expected[position][1])
    assert sorted(torch.cat([expected[1, index][1] for index in range(7)]).tolist()) == list(range(50))
    assert not torch.equal(pipeline_of(seed=4).batch(1, 0)[1], expected[1, 0][1])


def test_batches_of_one_epoch_are_augmented_differently() -> None:
    same = Split(
        torch.arange(256, dtype=torch.uint8).repeat(12).view(1, 3, 32, 32).expand(64, -1, -1, -1), torch.zeros(64)
    )
    pipeline = Pipeline(same, config_of(augment=(RandomCrop(padding=12),)), None, seed=0, device=CPU)
    images = torch.cat([pipeline.batch(epoch, index)[0] for epoch in (0, 1) for index in range(8)])
    assert len(images.flatten(1).unique(dim=0)) > 100


def test_inputs_are_normalised_images() -> None:
    pipeline = pipeline_of(config=config_of())
    inputs, labels = pipeline.batch(0, 0)
    images = split_of(50).images[labels].double() / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (HALVES.mean, HALVES.std))
    torch.testing.assert_close(inputs.double(), (images - mean) / std, rtol=0, atol=1e-6)
    assert inputs.dtype == torch.float32
    assert labels.dtype == torch.int64


def test_colour_augmented_inputs_are_normalised_too() -> None:
    plain, _ = pipeline_of(config=config_of()).batch(0, 0)
    # So small a jitter leaves the images as they are, but takes them through the float path.
    jittered, _ = pipeline_of(config=config_of(augment=(ColorJitter(brightness=1e-7),))).batch(0, 0)
    torch.testing.assert_close(jittered, plain, rtol=0, atol=1e-5)


def test_without_normalisation_images_stay_in_0_to_1() -> None:
    inputs, labels = pipeline_of(normalize=None, config=config_of()).batch(0, 0)
    torch.testing.assert_close(inputs, split_of(50).images[labels].float() / 255)


def test_cutout_is_zero_after_normalisation() -> None:
    inputs, _ = pipeline_of(config=config_of(augment=(Cutout(size=64),))).batch(0, 0)
    assert inputs.abs().max() < 1e-6


@pytest.mark.parametrize("augment", [(), (ColorJitter(contrast=0.2),)], ids=["from uint8", "from float"])
def test_channels_last_changes_the_layout_and_nothing_else(augment: tuple[ColorJitter, ...]) -> None:
    config = config_of(augment=augment)
    inputs, _ = pipeline_of(config=config, channels_last=True).batch(0, 0)
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    expected, _ = pipeline_of(config=config).batch(0, 0)
    assert expected.is_contiguous()
    assert torch.equal(inputs, expected)


def test_evaluation_goes_through_all_images_in_order_without_augmentation() -> None:
    pipeline = pipeline_of()
    validation = split_of(21)
    batches = list(pipeline.evaluation_batches(validation, 8))
    assert [len(labels) for _, labels in batches] == [8, 8, 5]
    assert torch.equal(torch.cat([labels for _, labels in batches]), validation.labels)
    inputs = torch.cat([inputs for inputs, _ in batches])
    assert torch.equal(inputs, pipeline.normalized(validation.images))


def test_evaluating_between_batches_changes_no_batch() -> None:
    first, second = pipeline_of(), pipeline_of()
    list(first.evaluation_batches(split_of(9), 4))
    first.batch(1, 2)
    assert torch.equal(first.batch(1, 3)[0], second.batch(1, 3)[0])


def test_normalisation_is_the_one_asked_for_or_that_of_the_training_images() -> None:
    train = split_of(20)
    assert resolve_normalization(config_of(normalize=None), train) is None
    assert resolve_normalization(config_of(normalize=HALVES), train) is HALVES
    measured = resolve_normalization(config_of(normalize="train"), train)
    assert measured is not None
    assert (measured.mean, measured.std) == channel_statistics(train.images)


def test_normalisation_for_other_channels_is_refused() -> None:
    with pytest.raises(UsageError, match="1 means and 1 standard deviations, but the images have 3 channels"):
        pipeline_of(normalize=Normalize(mean=(0.5,), std=(0.5,)))


def test_fewer_images_than_a_full_batch_are_refused_with_drop_last() -> None:
    with pytest.raises(UsageError, match=r"data\.batch_size"):
        pipeline_of(7, config=config_of(drop_last=True))


def test_alternating_flips_show_every_image_both_ways_in_two_epochs() -> None:
    others = ColorJitter()  # changes nothing, but is no flip
    pipeline = pipeline_of(config=config_of(augment=(HorizontalFlip(alternate=True), others)), normalize=None)
    originals = split_of(50).images.float() / 255

    def mirrored(epoch: int) -> dict[int, bool]:
        found = {}
        for index in range(pipeline.steps_per_epoch):
            for image, label in zip(*pipeline.batch(epoch, index), strict=True):
                original = originals[int(label)]
                found[int(label)] = bool(torch.allclose(image, original.flip(2)))
                assert found[int(label)] or torch.allclose(image, original)
        return found

    first, second, third = mirrored(1), mirrored(2), mirrored(3)
    assert len(first) == 50
    assert 10 < sum(first.values()) < 40
    assert all(first[label] != second[label] for label in first)
    assert first == third
    other = pipeline_of(config=config_of(augment=(HorizontalFlip(alternate=True),)), normalize=None, seed=4)
    assert mirrored_labels(other, originals) != {label for label, is_mirrored in first.items() if is_mirrored}


def mirrored_labels(pipeline: Pipeline, originals: Tensor) -> set[int]:
    return {
        int(label)
        for index in range(pipeline.steps_per_epoch)
        for image, label in zip(*pipeline.batch(1, index), strict=True)
        if torch.allclose(image, originals[int(label)].flip(2))
    }


@pytest.mark.parametrize(
    "augment",
    [
        (),
        MOVING,
        (RandomCrop(padding=2, mode="reflect"), HorizontalFlip(alternate=True), Cutout(size=8)),
        (RandomCrop(mode="mean"), Rotation(degrees=15), Affine(degrees=10, shear=5), ColorJitter(contrast=0.2)),
    ],
    ids=["none", "moving", "cutout", "everything"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_packed_images_give_the_same_batches(
    augment: tuple[Augment, ...], channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered = []

    def spy(words: Tensor) -> Tensor:
        gathered.append(words.shape)
        return unpack(words)

    monkeypatch.setattr(augment_module, "unpack", spy)
    normalize = Normalize(HALVES.mean[:channels], HALVES.std[:channels])
    batches = []
    for devices in ((), ("cpu",)):
        monkeypatch.setattr(pipeline_module, "_PACKED_DEVICES", devices)
        split = split_of(50, channels, width=24)
        data = Pipeline(split, config_of(augment=augment), normalize, seed=3, device=CPU, channels_last=True)
        is_packed = devices == ("cpu",) and channels == 3
        assert (words_of(data._split.images) is not None) is is_packed
        batches.append([data.batch(epoch, index) for epoch in (1, 2) for index in range(data.steps_per_epoch)])
        assert bool(gathered) is (is_packed and bool(augment))
    for (plain, labels), (packed, packed_labels) in zip(*batches, strict=True):
        assert torch.equal(plain, packed)
        assert packed.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(labels, packed_labels)


def test_packing_keeps_every_byte_and_shares_memory() -> None:
    images = split_of(6).images
    packed = pack(images)
    assert torch.equal(packed, images)
    words = words_of(packed)
    assert words is not None
    assert words.shape == (6, 32, 32)
    assert torch.equal(unpack(words[2:]), images[2:])
    words[0] = 0
    assert not packed[0].any()
    assert words_of(images) is None
    shifted = torch.zeros(images.numel() // 3 * 4 + 4, dtype=torch.uint8)[1:]
    assert words_of(shifted.as_strided(packed.shape, packed.stride())) is None  # words begin at every fourth byte
    with pytest.raises(RuntimeError):
        pack(images[:, :2])
    assert words_of(images.contiguous(memory_format=torch.channels_last)) is None


def test_small_images_are_means_of_what_their_pixels_cover() -> None:
    pipeline = pipeline_of()
    full, labels = pipeline.batch(1, 0)
    small, same_labels = pipeline.batch(1, 0, 16)
    assert torch.equal(labels, same_labels)
    torch.testing.assert_close(small, full.view(8, 3, 16, 2, 16, 2).mean((3, 5)))
    for size in (32, 48):  # images are not enlarged
        assert torch.equal(pipeline.batch(1, 0, size)[0], full)
    assert pipeline.batch(1, 0, 24)[0].shape == (8, 3, 24, 24)
