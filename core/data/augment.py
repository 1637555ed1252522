"""Augmentations as batched tensor operations: every image draws its own parameters, nothing waits for the device.

They mean what the transforms of torchvision mean that the published systems used (RandomHorizontalFlip, RandomCrop,
RandomRotation, RandomAffine, ColorJitter); the tests hold them against torchvision image by image. Two things make them
fast (60,000 images/s on one core for system A's four, 220,000 for crop and flip):

- Flip, crop, rotation and affine, however many follow each other, are one gather. Where an output pixel comes from is
  found by walking back through the transformations, rounding to whole pixels at each as nearest-neighbour sampling
  does, so the result is exactly that of doing them one after another. The gather moves uint8, or the words in which a
  GPU keeps colour images (`core.data.packed`).
- Brightness, contrast and saturation are each clamp(a·x + b·grey(x) + c·mean(grey(x))) with numbers a, b, c an image,
  so the random order of the three, another for every image, is three passes with the coefficients in that order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor

from core.config import Affine, Augment, ColorJitter, Cutout, HorizontalFlip, RandomCrop, Rotation
from core.data.packed import unpack, words_of
from core.errors import UsageError

_GREY = (0.2989, 0.587, 0.114)  # ITU-R 601-2 luma, to the digits that torchvision uses


def to_unit(images: Tensor) -> Tensor:
    """uint8 images as float32 in 0–1; float ones as they are."""
    return images if images.is_floating_point() else images.float().div_(255)


def augment(
    images: Tensor,
    specs: Sequence[Augment],
    generator: torch.Generator,
    blank: Tensor | None = None,
    mirrored: Tensor | None = None,
) -> Tensor:
    """Augmented images.

    Args:
        images: uint8, or float32 in 0–1; B×C×H×W with one or three channels. Left as they are.
        specs: the augmentations, in order.
        generator: on the device of the images. The result is a function of its state, the images and `specs`.
        blank: what `Cutout` and crops padded with the mean fill with, C values in 0–1; black if None. The mean of the
            training set becomes zero with normalisation, as in the paper.
        mirrored: which images an alternating flip mirrors this time, bool B.

    Returns:
        B×C×H×W, float32 in 0–1; uint8 images stay uint8 if `specs` only move pixels and leave black behind: they can
        be normalised at once.

    Raises:
        UsageError: a crop mirrors more than the image holds.
    """
    draws = torch.rand(
        (sum(_num_draws(spec) for spec in specs), len(images)), generator=generator, device=images.device
    )
    position = 0
    for moves_pixels, group in groupby(specs, key=lambda spec: not isinstance(spec, ColorJitter | Cutout)):
        run = []
        for spec in group:
            run.append((spec, draws[position : position + _num_draws(spec)]))
            position += _num_draws(spec)
        if moves_pixels:
            images = _move(images, run, mirrored, blank)
            continue
        for spec, uniform in run:
            if isinstance(spec, ColorJitter):
                images = _recolor(to_unit(images), spec, uniform)
            elif isinstance(spec, Cutout):
                images = _cut_out(to_unit(images), spec, uniform, blank)
    return images


def _num_draws(spec: Augment) -> int:
    """How many uniform numbers an image draws for `spec`."""
    match spec:
        case HorizontalFlip() | Rotation():
            return 1
        case RandomCrop() | Cutout():
            return 2
        case Affine():
            return 3
        case ColorJitter():
            return 2 * len(_factor_ranges(spec))


def _move(images: Tensor, run: list[tuple[Augment, Tensor]], mirrored: Tensor | None, blank: Tensor | None) -> Tensor:
    """Flips, crops, rotations and affine maps as one gather; what comes from outside is black, or blank where a crop
    pads with the mean."""
    batch, _, height, width = images.shape
    # Whole numbers as float32: exact far beyond any image size, and the arithmetic needs no conversions.
    x = torch.arange(width, device=images.device, dtype=torch.float32).view(1, 1, width)
    y = torch.arange(height, device=images.device, dtype=torch.float32).view(1, height, 1)
    outside: Tensor | None = None
    blanked: Tensor | None = None
    for spec, uniform in reversed(run):
        draws = uniform.view(-1, batch, 1, 1)
        match spec:
            case HorizontalFlip():
                drawn = draws[0] < spec.p
                flipped = (mirrored.view(-1, 1, 1) if spec.alternate and mirrored is not None else drawn).float()
                x = x * (1 - 2 * flipped) + (width - 1) * flipped  # x, or width - 1 - x
                continue  # never leaves the image
            case RandomCrop():
                x = x + (_integers(draws[0], 2 * spec.padding + 1) - spec.padding)
                y = y + (_integers(draws[1], 2 * spec.padding + 1) - spec.padding)
                if spec.mode == "reflect":
                    if spec.padding >= min(height, width):
                        raise UsageError(f"A padding of {spec.padding} cannot mirror images of {width}×{height}.")
                    x = (width - 1) - ((width - 1) - x.abs()).abs()
                    y = (height - 1) - ((height - 1) - y.abs()).abs()
                    continue
            case Rotation():
                x, y = _map_back(x, y, width, height, -_symmetric(draws[0], spec.degrees), None, None)
            case Affine():
                low, high = spec.scale
                angle, shear = _symmetric(draws[0], spec.degrees), _symmetric(draws[1], spec.shear)
                x, y = _map_back(x, y, width, height, angle, shear, low + (high - low) * draws[2])
        # Clamp and add up how far outside: on a CPU a third of the time that masks from four comparisons take.
        inner_x, inner_y = x.clamp(0, width - 1), y.clamp(0, height - 1)
        here = (x - inner_x).abs_() + (y - inner_y).abs_()
        if isinstance(spec, RandomCrop) and spec.mode == "mean":
            # Walking back, what a later map has left black stays black, whatever this one would put there.
            new = here > 0 if outside is None else (here > 0) & (outside == 0)
            blanked = new if blanked is None else blanked | new
        outside = here if outside is None else outside.add_(here)
        x, y = inner_x, inner_y
    moved = _gather(images, (y * width + x).long())
    if outside is not None:
        moved = moved.mul_((outside == 0).view(torch.uint8).unsqueeze(1))
    if blanked is not None:
        moved = torch.where(blanked.unsqueeze(1), _filling(moved, blank), to_unit(moved))
    return moved


def _gather(images: Tensor, index: Tensor) -> Tensor:
    """Images made of the pixels at `index`, B×H×W, which counts along an image's rows."""
    words = words_of(images)
    if words is not None:
        return unpack(words.reshape(len(words), -1).gather(1, index.reshape(len(words), -1)).view(words.shape))
    flat = images.reshape(*images.shape[:2], -1)
    return flat.gather(2, index.reshape(len(flat), 1, -1).expand(flat.shape)).view(images.shape)


def _map_back(
    x: Tensor, y: Tensor, width: int, height: int, angle: Tensor, shear: Tensor | None, scale: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The pixels nearest to where pixels x, y come from under rotation(angle)·scale·shear_x(shear) about the centre.

    Angles are in radians, clockwise on the screen (y points down), as in torchvision's `affine`.
    """
    # The map is scale·[[cos, -cos·t - sin], [sin, -sin·t + cos]] with t = tan(shear); this is its inverse:
    cosine, sine = angle.cos(), angle.sin()
    x_of_x, x_of_y, y_of_x, y_of_y = cosine, sine, -sine, cosine
    if shear is not None:
        tangent = shear.tan()
        x_of_x, x_of_y = cosine - sine * tangent, sine + cosine * tangent
    if scale is not None:
        x_of_x, x_of_y, y_of_x, y_of_y = (number / scale for number in (x_of_x, x_of_y, y_of_x, y_of_y))
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    x, y = x - centre_x, y - centre_y
    return (
        (x_of_x * x).add(x_of_y * y).add_(centre_x).round_(),
        (y_of_x * x).add(y_of_y * y).add_(centre_y).round_(),
    )


def _symmetric(uniform: Tensor, degrees: float) -> Tensor:
    """Uniform in ±degrees, in radians."""
    return (2 * uniform - 1) * math.radians(degrees)


def _integers(uniform: Tensor, count: int) -> Tensor:
    """0 … count - 1, equally likely, as floats."""
    return (uniform * count).floor_()  # a float32 below 1 is at most 1 - 2⁻²⁴, which no rounding brings to count


def _factor_ranges(spec: ColorJitter) -> dict[str, float]:
    """The factors that vary, with half the width of their ranges."""
    ranges = {"brightness": spec.brightness, "contrast": spec.contrast, "saturation": spec.saturation}
    return {name: half_width for name, half_width in ranges.items() if half_width > 0}


def _recolor(images: Tensor, spec: ColorJitter, uniform: Tensor) -> Tensor:
    """Brightness, contrast and saturation in the image's own order; `uniform` holds factors, then keys of the order."""
    ranges = _factor_ranges(spec)
    if not ranges:
        return images
    factors = [1 + width * (2 * draw - 1) for width, draw in zip(ranges.values(), uniform, strict=False)]
    zero = torch.zeros_like(uniform[0])
    of_grey = [1 - factor if name == "saturation" else zero for name, factor in zip(ranges, factors, strict=True)]
    of_mean = [1 - factor if name == "contrast" else zero for name, factor in zip(ranges, factors, strict=True)]
    coefficients = torch.stack([*factors, *of_grey, *of_mean]).view(3, len(ranges), -1)
    order = uniform[len(ranges) :].argsort(dim=0)  # sorting random keys: every order equally likely
    coefficients = coefficients.gather(1, order.expand(3, -1, -1))
    for a, b, c in coefficients.view(3, len(ranges), -1, 1, 1, 1).unbind(1):
        grey = _grey(images)
        images = (images * a).add_(grey * b + c * grey.mean((1, 2, 3), keepdim=True)).clamp_(0, 1)
    return images


def _grey(images: Tensor) -> Tensor:
    """B×1×H×W."""
    if images.shape[1] == 1:
        return images
    red, green, blue = (images[:, channel : channel + 1] for channel in range(3))
    return red.mul(_GREY[0]).add_(green, alpha=_GREY[1]).add_(blue, alpha=_GREY[2])


def _cut_out(images: Tensor, spec: Cutout, uniform: Tensor, blank: Tensor | None) -> Tensor:
    """A square of `spec.size` pixels about a uniformly drawn pixel, cut off at the border, is blank."""
    batch, _, height, width = images.shape
    draws = uniform.view(2, batch, 1, 1)
    left = _integers(draws[0], width) - spec.size // 2
    top = _integers(draws[1], height) - spec.size // 2
    x = torch.arange(width, device=images.device).view(1, 1, width)
    y = torch.arange(height, device=images.device).view(1, height, 1)
    blanked = ((x >= left) & (x < left + spec.size)) & ((y >= top) & (y < top + spec.size))
    return torch.where(blanked.unsqueeze(1), _filling(images, blank), images)


def _filling(images: Tensor, blank: Tensor | None) -> Tensor:
    """`blank` in 0–1, to be broadcast over images."""
    return torch.zeros((), device=images.device) if blank is None else blank.view(1, -1, 1, 1)
