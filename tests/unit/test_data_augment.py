"""Every augmentation against torchvision, image by image, with the parameters that the image drew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.transforms.v2 import functional as reference

from core.config import Affine, Augment, ColorJitter, Cutout, HorizontalFlip, RandomCrop, Rotation
from core.data.augment import augment, to_unit
from core.errors import UsageError

BATCH = 48
JITTER = ColorJitter(brightness=0.2, contrast=0.3, saturation=0.4)
SYSTEM_A = (
    HorizontalFlip(),
    Rotation(degrees=10),
    Affine(shear=10, scale=(0.8, 1.2)),
    ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2),
)
EVERYTHING = (*SYSTEM_A, RandomCrop(), RandomCrop(mode="reflect"), Cutout())


def images_of(channels: int = 3, height: int = 32, width: int = 32, batch: int = BATCH) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (batch, channels, height, width), dtype=torch.uint8, generator=generator)


def generator_of(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def in_unit(
    images: Tensor, specs: Sequence[Augment], generator: torch.Generator, blank: Tensor | None = None
) -> Tensor:
    return to_unit(augment(images, specs, generator, blank))


def drawn(num_draws: int, seed: int, batch: int = BATCH) -> list[list[float]]:
    """The uniform numbers of each image, as `augment` draws them: all of the batch in one call."""
    return torch.rand((num_draws, batch), generator=generator_of(seed)).T.tolist()


def mirrored(image: Tensor, draw: float, p: float = 0.5) -> Tensor:
    return reference.horizontal_flip(image) if draw < p else image


def turned(image: Tensor, draw: float, degrees: float) -> Tensor:
    return reference.rotate(image, (2 * draw - 1) * degrees, fill=0)


def warped(image: Tensor, draws: Sequence[float], spec: Affine) -> Tensor:
    angle, shear, scale = draws
    low, high = spec.scale
    return reference.affine(
        image,
        angle=(2 * angle - 1) * spec.degrees,
        translate=[0, 0],
        scale=low + (high - low) * scale,
        shear=[(2 * shear - 1) * spec.shear, 0.0],
        fill=0,
    )


def jittered(image: Tensor, draws: Sequence[float], spec: ColorJitter) -> Tensor:
    adjust = (reference.adjust_brightness, reference.adjust_contrast, reference.adjust_saturation)
    half_widths = (spec.brightness, spec.contrast, spec.saturation)
    steps = [(function, width) for function, width in zip(adjust, half_widths, strict=True) if width > 0]
    keys = draws[len(steps) :]
    for index in sorted(range(len(steps)), key=keys.__getitem__):
        function, width = steps[index]
        image = function(image, 1 + width * (2 * draws[index] - 1))
    return image


def part_that_differs(ours: Tensor, theirs: Tensor) -> float:
    return (ours != theirs).any(1).float().mean().item()


# Where a pixel comes from the very middle between two others, the last bit of the arithmetic decides; with angles drawn
# at random that is one pixel in some ten thousand.
TIES = 2e-4


def test_flip_equals_torchvision() -> None:
    images = images_of(height=20, width=31)
    expected = [mirrored(image, draw[0], 0.3) for image, draw in zip(images, drawn(1, 5), strict=True)]
    assert torch.equal(augment(images, [HorizontalFlip(p=0.3)], generator_of(5)), torch.stack(expected))


@pytest.mark.parametrize(("p", "flipped"), [(0.0, False), (1.0, True)])
def test_flip_with_probability_zero_or_one_is_certain(p: float, flipped: bool) -> None:
    images = images_of()
    expected = images.flip(-1) if flipped else images
    assert torch.equal(augment(images, [HorizontalFlip(p=p)], generator_of(0)), expected)


@pytest.mark.parametrize(("mode", "padding_mode"), [("zeros", "constant"), ("reflect", "reflect")])
def test_crop_equals_torchvision(mode: str, padding_mode: str) -> None:
    images = images_of(height=24, width=32)
    expected = []
    for image, (left, top) in zip(images, drawn(2, 7), strict=True):
        padded = reference.pad(image, [5, 5], padding_mode=padding_mode)
        expected.append(reference.crop(padded, math.floor(top * 11), math.floor(left * 11), 24, 32))
    spec = RandomCrop(padding=5, mode=mode)  # type: ignore[arg-type]
    assert torch.equal(augment(images, [spec], generator_of(7)), torch.stack(expected))


def test_crop_padded_with_the_mean_equals_torchvision_after_normalising() -> None:
    images, mean, std = images_of(height=24), torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.25, 0.3])
    expected = []
    for image, (left, top) in zip(images, drawn(2, 7), strict=True):
        padded = reference.pad(reference.normalize(image / 255, mean.tolist(), std.tolist()), [5, 5])
        expected.append(reference.crop(padded, math.floor(top * 11), math.floor(left * 11), 24, 32))
    ours = in_unit(images, [RandomCrop(padding=5, mode="mean")], generator_of(7), mean)
    torch.testing.assert_close((ours - mean.view(3, 1, 1)) / std.view(3, 1, 1), torch.stack(expected))


@pytest.mark.parametrize("modes", [("mean", "zeros"), ("zeros", "mean"), ("mean", "mean")], ids="-".join)
def test_the_later_of_two_crops_decides_what_is_outside(modes: tuple[Any, ...]) -> None:
    images = torch.full((BATCH, 3, 32, 32), 255, dtype=torch.uint8)
    mean = torch.tensor([0.5, 0.5, 0.5])
    specs = [RandomCrop(padding=8, mode=mode) for mode in modes]
    one_by_one = images
    draws = torch.rand((4, BATCH), generator=generator_of(3))
    for number, spec in enumerate(specs):
        stored = [
            reference.crop(
                reference.pad(image, [8, 8], fill=0 if spec.mode == "zeros" else 128),
                math.floor(top * 17),
                math.floor(left * 17),
                32,
                32,
            )
            for image, (left, top) in zip(one_by_one, draws[2 * number : 2 * number + 2].T.tolist(), strict=True)
        ]
        one_by_one = torch.stack(stored)
    ours = in_unit(images, specs, generator_of(3), mean)
    torch.testing.assert_close(ours, one_by_one / 255, atol=0.01, rtol=0)


def test_crop_offsets_are_uniform() -> None:
    columns = torch.arange(32, dtype=torch.uint8).expand(4500, 1, 32, 32).contiguous()
    moved = augment(columns, [RandomCrop(padding=4)], generator_of(0))
    offsets = moved[:, 0, 16, 16].long() - 16
    counts = torch.bincount(offsets + 4, minlength=9)
    assert counts.sum() == 4500
    assert len(counts) == 9
    assert ((counts - 500).abs() < 5 * math.sqrt(500)).all()


@pytest.mark.parametrize("degrees", [10.0, 180.0])
def test_rotation_equals_torchvision(degrees: float) -> None:
    images = images_of(height=32, width=28)
    expected = [turned(image, draw[0], degrees) for image, draw in zip(images, drawn(1, 3), strict=True)]
    ours = augment(images, [Rotation(degrees=degrees)], generator_of(3))
    assert part_that_differs(ours, torch.stack(expected)) < TIES


@pytest.mark.parametrize(
    "spec",
    [
        Affine(shear=10, scale=(0.8, 1.2)),
        Affine(degrees=30),
        Affine(degrees=20, shear=25, scale=(0.5, 1.5)),
    ],
    ids=["of system A", "turning only", "all at once"],
)
def test_affine_equals_torchvision(spec: Affine) -> None:
    images = images_of()
    expected = [warped(image, draws, spec) for image, draws in zip(images, drawn(3, 4), strict=True)]
    assert part_that_differs(augment(images, [spec], generator_of(4)), torch.stack(expected)) < TIES


def test_movements_in_one_gather_equal_torchvision_one_after_another() -> None:
    images = images_of()
    affine = Affine(shear=10, scale=(0.8, 1.2))
    expected = []
    for image, (flip, turn, *warp, left, top) in zip(images, drawn(7, 9), strict=True):
        image = warped(turned(mirrored(image, flip), turn, 10), warp, affine)
        expected.append(reference.crop(reference.pad(image, [4, 4]), math.floor(top * 9), math.floor(left * 9), 32, 32))
    ours = augment(images, [HorizontalFlip(), Rotation(degrees=10), affine, RandomCrop()], generator_of(9))
    assert part_that_differs(ours, torch.stack(expected)) < 2 * TIES


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "spec",
    [
        ColorJitter(),
        ColorJitter(brightness=0.9),
        ColorJitter(contrast=0.9),
        ColorJitter(saturation=0.9),
        JITTER,
        ColorJitter(brightness=1.0, contrast=1.0, saturation=1.0),
    ],
    ids=["nothing", "brightness", "contrast", "saturation", "all", "all, far into the clamp"],
)
def test_jitter_equals_torchvision_in_the_image_s_own_order(spec: ColorJitter, channels: int) -> None:
    images = images_of(channels).float() / 255
    num_draws = 2 * sum(width > 0 for width in (spec.brightness, spec.contrast, spec.saturation))
    expected = [jittered(image, draws, spec) for image, draws in zip(images, drawn(num_draws, 2), strict=True)]
    torch.testing.assert_close(in_unit(images, [spec], generator_of(2)), torch.stack(expected), rtol=0, atol=2e-6)


def test_brightness_factors_fill_their_range() -> None:
    grey = torch.full((4000, 3, 4, 4), 0.5)
    factors = in_unit(grey, [ColorJitter(brightness=0.2)], generator_of(0))[:, 0, 0, 0] / 0.5
    assert factors.min() >= 0.8
    assert factors.max() <= 1.2
    assert factors.mean().item() == pytest.approx(1.0, abs=0.01)
    assert factors.std().item() == pytest.approx(0.4 / math.sqrt(12), rel=0.05)


@pytest.mark.parametrize("size", [1, 7, 8])
@pytest.mark.parametrize("blank", [None, (0.2, 0.4, 0.6)], ids=["black", "mean"])
def test_cutout_blanks_one_square_cut_off_at_the_border(size: int, blank: tuple[float, ...] | None) -> None:
    images = images_of(height=20, width=32)
    filling = None if blank is None else torch.tensor(blank).view(3, 1, 1)
    expected = images.float() / 255
    for image, (x, y) in zip(expected, drawn(2, 6), strict=True):
        left, top = math.floor(x * 32) - size // 2, math.floor(y * 20) - size // 2
        square = image[:, max(top, 0) : top + size, max(left, 0) : left + size]
        square[:] = 0 if filling is None else filling
    assert torch.equal(in_unit(images, [Cutout(size=size)], generator_of(6), filling), expected)


def test_augmentations_apply_in_the_order_given() -> None:
    whole, white = Cutout(size=64), torch.ones(3, 1, 1)
    moved_last = in_unit(images_of(), [whole, RandomCrop(padding=8)], generator_of(0), white)
    cut_last = in_unit(images_of(), [RandomCrop(padding=8), whole], generator_of(0), white)
    assert (moved_last == 0).any()
    assert (cut_last == 1).all()


def test_images_draw_parameters_of_their_own() -> None:
    same = images_of(batch=1).expand(40, -1, -1, -1)
    results = in_unit(same, SYSTEM_A, generator_of(0)).flatten(1)
    assert len(results.unique(dim=0)) == 40


def test_result_is_a_function_of_the_generator_s_state_and_leaves_the_images_alone() -> None:
    images = images_of()
    before = images.clone()
    first = in_unit(images, EVERYTHING, generator_of(11))
    assert torch.equal(first, in_unit(images, EVERYTHING, generator_of(11)))
    assert not torch.equal(first, in_unit(images, EVERYTHING, generator_of(12)))
    floats = before.float() / 255
    in_unit(floats, EVERYTHING, generator_of(11))
    assert torch.equal(images, before)
    assert torch.equal(floats, before.float() / 255)


def test_uint8_and_float_images_give_the_same() -> None:
    images = images_of()
    from_bytes = in_unit(images, EVERYTHING, generator_of(8))
    assert torch.equal(from_bytes, in_unit(images.float() / 255, EVERYTHING, generator_of(8)))
    assert from_bytes.dtype == torch.float32
    assert from_bytes.min() >= 0
    assert from_bytes.max() <= 1


def test_without_augmentations_images_are_only_scaled() -> None:
    images = images_of()
    assert torch.equal(in_unit(images, [], generator_of(0)), images.float() / 255)
    assert augment(images, [], generator_of(0)).dtype == torch.uint8


def test_single_channel_images_of_other_sizes_work() -> None:
    assert in_unit(images_of(1, 28, 28), EVERYTHING, generator_of(0)).shape == (BATCH, 1, 28, 28)


def test_mirroring_more_than_the_image_holds_is_refused() -> None:
    with pytest.raises(UsageError, match="padding of 8"):
        in_unit(images_of(height=8), [RandomCrop(padding=8, mode="reflect")], generator_of(0))


@pytest.mark.parametrize("spec", EVERYTHING, ids=lambda spec: type(spec).__name__)
def test_nothing_reads_values_back_from_the_device(spec: Augment) -> None:
    # Fake tensors have no values: .item(), mask indexing or a shape that depends on data would raise.
    with FakeTensorMode():
        images = torch.empty((8, 3, 32, 32), dtype=torch.uint8)
        assert in_unit(images, [spec], torch.Generator()).shape == (8, 3, 32, 32)
