"""3×3 convolutions with a fraction of the multiplications, for float32 on a CPU.

S. Winograd, "Arithmetic Complexity of Computations" (1980), as A. Lavin and S. Gray applied it to convolutions in "Fast
Algorithms for Convolutional Neural Networks" (arXiv:1509.09308): images are cut into tiles that overlap by two pixels,
tiles and filters are transformed, the convolution of a tile becomes a product of numbers at each of its points, and a
last transform gives m×m outputs. Over all tiles and channels that is one matrix product a point, with (m + 2)² / 9m² of
the multiplications: a quarter for m = 4. cuDNN does the same on a GPU; oneDNN on most CPUs does not.

It is the same function up to rounding, which it does about ten times as coarsely as a convolution in float32, and a
thousand times as finely as one in bfloat16.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.events import Layer
from core.models.fit import is_same_3x3

_OVERLAP = 2  # pixels of a tile that belong to the next one as well: the side of the filters less one

_CACHED_VALUES = 4 << 20  # 16 MB: what is in the cache from one matrix product to the next
_VECTOR = 16  # of values that the widest CPUs compute at once
_FEWEST_TILES = 256  # fewer would read the filters too often

# In multiplications: what moving a tile about costs for each of its points and channels, beside transforming it, and
# what transforming a filter costs for each of its. Fitted to times on two cores of an EPYC 7003, where what a transform
# multiplies by, a constant that stays in the cache, costs half as much as a filter.
_COST_OF_MOVING = 34
_COST_OF_FILTERS = 40
_GAIN = 1.1  # less is not worth the coarser rounding


class Transform(NamedTuple):
    """The method F(m×m, 3×3). A tile, a filter and its outputs are flattened row by row."""

    side: int
    """m: of what a tile gives."""
    data: Tensor
    """(m + 2)² × (m + 2)², of a tile."""
    filter: Tensor
    """(m + 2)² × 9."""
    output: Tensor
    """m² × (m + 2)²."""

    @property
    def num_points(self) -> int:
        """Of a transformed tile."""
        return len(self.data)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tiles that cover so many pixels; the last ones may hang over the edge."""
        return -(-height // self.side), -(-width // self.side)


def _transform(
    data: Sequence[Sequence[int]], filter_: Sequence[Sequence[float]], output: Sequence[Sequence[int]]
) -> Transform:
    """From the matrices of one dimension, which act on rows and on columns: together, as their Kronecker product."""
    of_data, of_filter, of_output = (
        torch.kron(matrix, matrix).float()
        for matrix in (torch.tensor(rows, dtype=torch.float64) for rows in (data, filter_, output))
    )
    return Transform(len(output), of_data, of_filter, of_output)


# The points of interpolation are 0, ±1 and infinity; 0, ±1, ±2 and infinity.
TRANSFORMS = (
    _transform(
        data=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
        filter_=((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)),
        output=((1, 1, 1, 0), (0, 1, -1, -1)),
    ),
    _transform(
        data=(
            (4, 0, -5, 0, 1, 0),
            (0, -4, -4, 1, 1, 0),
            (0, 4, -4, -1, 1, 0),
            (0, -2, -1, 2, 1, 0),
            (0, 2, -1, -2, 1, 0),
            (0, 4, 0, -5, 0, 1),
        ),
        filter_=(
            (1 / 4, 0, 0),
            (-1 / 6, -1 / 6, -1 / 6),
            (-1 / 6, 1 / 6, -1 / 6),
            (1 / 24, 1 / 12, 1 / 6),
            (1 / 24, -1 / 12, 1 / 6),
            (0, 0, 1),
        ),
        output=((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
    ),
)


class _Convolution(torch.autograd.Function):
    """The whole of it, in parts of the images and blocks of the filters: what is transformed is still in the cache when
    it is multiplied.

    Inside, the channels come last. A transform is a product of matrices for each tile or filter, and what it makes lies
    tile by tile: MKL computes many small products in parallel faster than one that is as wide as all of them together.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, transform: Transform, has_backward: bool
    ) -> Tensor:
        num_images, num_inputs, height, width = x.shape
        num_outputs, side, num_points = len(weight), transform.side, transform.num_points
        rows, columns = transform.grid(height, width)
        margins = (0, 0, 1, columns * side - width + 1, 1, rows * side - height + 1)
        x = x.permute(0, 2, 3, 1)
        parts = _parts(num_images, rows * columns, num_points * (num_inputs + num_outputs))
        blocks = _blocks(num_outputs, num_points * num_inputs)
        weight = weight.permute(0, 2, 3, 1).reshape(num_outputs, 9, num_inputs)
        filters = [_multiply(transform.filter, weight[block]).transpose(0, 1) for block in blocks]
        kept = []
        y = x.new_empty(num_images, rows, side, columns, side, num_outputs)
        for part in parts:
            tiles = _multiply(transform.data, _tiles(F.pad(x[part], margins), side)).transpose(0, 1)
            for block, of_block in zip(blocks, filters, strict=True):
                products = torch.bmm(tiles, of_block.mT).transpose(0, 1)
                outputs = _multiply(transform.output, products).view(-1, rows, columns, side, side, of_block.shape[1])
                y[part, ..., block] = outputs.transpose(2, 3)
            if bias is not None:
                y[part] += bias
            if has_backward:
                kept.append(tiles)
        ctx.save_for_backward(*filters, *kept)
        ctx.transform, ctx.parts, ctx.blocks, ctx.input_shape = transform, parts, blocks, x.shape
        y = y.view(num_images, rows * side, columns * side, num_outputs)[:, :height, :width]
        # Detached: autograd lets nothing be computed in place, as ReLU may be, of what a function returns as a view.
        return y.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last).detach()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None, None, None]:
        transform: Transform = ctx.transform
        saved = ctx.saved_tensors
        filters, kept = saved[: len(ctx.blocks)], saved[len(ctx.blocks) :]
        _, height, width, num_inputs = ctx.input_shape
        num_outputs, side = gradient.shape[1], transform.side
        rows, columns = transform.grid(height, width)
        margins = (0, 0, 0, columns * side - width, 0, rows * side - height)
        y = gradient.permute(0, 2, 3, 1)
        of_x = y.new_empty(ctx.input_shape) if ctx.needs_input_grad[0] else None
        of_weight = y.new_empty(num_outputs, 9, num_inputs)
        of_filters: list[Tensor | None] = [None] * len(filters)
        for part, tiles in zip(ctx.parts, kept, strict=True):
            outputs = F.pad(y[part], margins) if any(margins) else y[part]
            outputs = outputs.view(-1, rows, side, columns, side, num_outputs).transpose(2, 3)
            outputs = outputs.reshape(-1, side * side, num_outputs)
            products = _multiply(transform.output.T, outputs).transpose(0, 1)
            of_tiles: Tensor | None = None
            for number, (block, of_block) in enumerate(zip(ctx.blocks, filters, strict=True)):
                total = of_filters[number] = _add_product(of_filters[number], products[..., block].mT, tiles)
                if part is ctx.parts[-1]:
                    of_weight[block] = _multiply(transform.filter.T, total.transpose(0, 1))
                    of_filters[number] = None  # the next block can have its memory, which is in the cache
                if of_x is not None:
                    of_tiles = _add_product(of_tiles, products[..., block], of_block)
            if of_x is not None and of_tiles is not None:
                of_tiles = _multiply(transform.data.T, of_tiles.transpose(0, 1))
                padded = _untiled(of_tiles.view(-1, rows, columns, *2 * (side + _OVERLAP,), num_inputs), side)
                of_x[part] = padded[:, 1 : height + 1, 1 : width + 1]
        return (
            None if of_x is None else of_x.permute(0, 3, 1, 2),
            of_weight.view(num_outputs, 3, 3, num_inputs).permute(0, 3, 1, 2),
            gradient.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None,
            None,
            None,
        )


def _parts(num_images: int, tiles_per_image: int, values_per_tile: int) -> list[slice]:
    """Images to take at a time."""
    num_tiles = max(_FEWEST_TILES, _CACHED_VALUES // values_per_tile)
    return _slices(num_images, max(1, num_tiles // tiles_per_image))


def _blocks(num_filters: int, values_per_filter: int) -> list[slice]:
    """Filters to take at a time: about as many to every block, which fills half of the cache or a little more."""
    num_blocks = math.ceil(2 * num_filters * values_per_filter / _CACHED_VALUES)
    return _slices(num_filters, math.ceil(num_filters / num_blocks / _VECTOR) * _VECTOR)


def _slices(length: int, size: int) -> list[slice]:
    return [slice(start, start + size) for start in range(0, length, size)]


def _add_product(total: Tensor | None, left: Tensor, right: Tensor) -> Tensor:
    return torch.bmm(left, right) if total is None else total.baddbmm_(left, right)


def _multiply(matrix: Tensor, tiles: Tensor) -> Tensor:
    """P×Q and tiles × Q × C: tiles × P × C."""
    return torch.bmm(matrix.expand(len(tiles), -1, -1), tiles)


def _tiles(x: Tensor, side: int) -> Tensor:
    """Of padded images N×H×W×C: (N · rows · columns) × points × C."""
    size = side + _OVERLAP
    return x.unfold(1, size, side).unfold(2, size, side).permute(0, 1, 2, 4, 5, 3).reshape(-1, size * size, x.shape[3])


def _untiled(tiles: Tensor, side: int) -> Tensor:
    """Tiles N × rows × columns × (m + 2) × (m + 2) × C added up to padded images N×H×W×C."""
    num_images, rows, columns, size, _, channels = tiles.shape
    height, width = rows * side, columns * side
    x = tiles.new_empty(num_images, height + _OVERLAP, width + _OVERLAP, channels)
    x[:, height:] = 0
    x[:, :, width:] = 0
    windows = x.unfold(1, size, side).unfold(2, size, side).permute(0, 1, 2, 4, 5, 3)
    inner, edge = slice(side), slice(side, None)
    windows[:, :, :, inner, inner] = tiles[:, :, :, inner, inner]
    for i, j in ((edge, inner), (inner, edge), (edge, edge)):
        windows[:, :, :, i, j] += tiles[:, :, :, i, j]
    return x


def choose_transform(x_shape: Sequence[int], num_outputs: int) -> Transform | None:
    """The cheapest for inputs N×C×H×W; None where a plain convolution is about as cheap.

    By counting and not by a clock: what a clock decides could make a run and its repetition differ.
    """
    num_images, num_inputs, height, width = x_shape
    best, least = None, 9 * num_inputs * num_outputs * num_images * height * width / _GAIN
    for transform in TRANSFORMS:
        num_tiles = num_images * math.prod(transform.grid(height, width))
        cost_of_channel = _COST_OF_MOVING + (len(transform.data) + len(transform.output)) / 2
        cost = transform.num_points * (
            (num_tiles + _COST_OF_FILTERS) * num_inputs * num_outputs
            + num_tiles * cost_of_channel * (num_inputs + num_outputs)
        )
        if cost < least:
            best, least = transform, cost
    return best


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, transform: Transform) -> Tensor:
    """What F.conv2d with a padding of 1 makes of N×C×H×W and K×C×3×3, in float32 and with the channels last."""
    # Within `forward` gradients are off, and `needs_input_grad` is true in an evaluation as well: said from here.
    return _Convolution.apply(x, weight, bias, transform, torch.is_grad_enabled())  # type: ignore[no-any-return]


class WinogradConv2d(nn.Conv2d):
    """nn.Conv2d with 3×3 filters, stride 1 and a padding of 1 zero, by Winograd's method wherever that is cheaper."""

    def forward(self, x: Tensor) -> Tensor:
        transform = choose_transform(x.shape, self.out_channels)
        return super().forward(x) if transform is None else convolve(x, self.weight, self.bias, transform)


def use_winograd(model: nn.Module, layers: Sequence[Layer], batch_size: int) -> int:
    """Have the convolutions for which it is cheaper computed so, in place, with the same parameters; how many they are.

    Args:
        model: the network.
        layers: as `core.models.summary.describe` gives them.
        batch_size: of the training.
    """
    sides = {layer.name: layer.output_shape[1:] for layer in layers}
    found = 0
    for name, module in model.named_modules():
        if name in sides and type(module) is nn.Conv2d and is_same_3x3(module):
            shape = (batch_size, module.in_channels, *sides[name])  # a padding of 1 keeps the sides as they are
            if choose_transform(shape, module.out_channels) is not None:
                module.__class__ = WinogradConv2d
                found += 1
    return found
