"""Batches for training and evaluation, made on the device from images that stay there as uint8."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from core.config import DataConfig, HorizontalFlip, Normalize
from core.data.augment import augment
from core.data.dataset import Split
from core.data.packed import pack, unpack, words_of
from core.data.randomness import stream_seed
from core.errors import UsageError

_STATISTICS_CHUNK = 1000  # images; 12 MB as int32

# Images augmented at once; a batch is cut out of them. On a GPU the hundred or so kernels of system A, at the usual few
# microseconds a launch, would cost a batch of 100 about as much as a small network's step. A CPU is fastest with one
# batch at a time (62,000 images/s against 55,000 in chunks of 800), because that stays in the cache.
_CHUNK_IMAGES = {"cuda": 4096}
_PACKED_DEVICES = ("cuda",)  # keep colour images a pixel in a word; see core.data.packed


def channel_statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of uint8 images N×C×H×W, in units of 0–1.

    Exact: sums and sums of squares are integers. The deviation is that of the population (divisor N·H·W), the one that
    is published for CIFAR and MNIST.
    """
    total = torch.zeros(images.shape[1], dtype=torch.int64, device=images.device)
    squares = torch.zeros_like(total)
    for start in range(0, len(images), _STATISTICS_CHUNK):
        wide = images[start : start + _STATISTICS_CHUNK].int()
        total += wide.sum((0, 2, 3))
        squares += (wide * wide).sum((0, 2, 3))
    count = images.numel() // images.shape[1]
    mean = total.double() / count
    std = (squares.double() / count - mean * mean).clamp_(min=0).sqrt()
    # A channel without any contrast (a scanned folder in black and white, say) must not be divided by zero.
    return tuple((mean / 255).tolist()), tuple((std / 255).clamp(min=1 / 255).tolist())


def resolve_normalization(config: DataConfig, train: Split) -> Normalize | None:
    """The mean and standard deviation that `config.normalize` stands for; None where images stay in 0–1."""
    if config.normalize != "train":
        return config.normalize
    mean, std = channel_statistics(train.images)
    return Normalize(mean=mean, std=std)


class Pipeline:
    """Training batches of one run, and evaluation batches normalised like them.

    Everything random is a function of (seed, epoch, index): asking for a batch again gives the same bits, in any order
    of asking, so the position in the data is no state that a checkpoint would have to hold.
    """

    def __init__(
        self,
        split: Split,
        config: DataConfig,
        normalize: Normalize | None,
        *,
        seed: int,
        device: torch.device,
        channels_last: bool = False,
    ) -> None:
        """Move the images to the device.

        Args:
            split: the training images.
            config: batch size, augmentations and drop_last.
            normalize: from `resolve_normalization`.
            seed: seed of the run.
            device: where batches are made.
            channels_last: give inputs in torch.channels_last.

        Raises:
            UsageError: the normalisation has another number of channels, or not one batch can be made.
        """
        num_channels = split.images.shape[1]
        if normalize is not None and not len(normalize.mean) == len(normalize.std) == num_channels:
            raise UsageError(
                f"data.normalize has {len(normalize.mean)} means and {len(normalize.std)} standard deviations, but the "
                f"images have {num_channels} channels."
            )
        if config.drop_last and len(split) < config.batch_size:
            raise UsageError(
                f"With drop_last not one batch of {config.batch_size} can be made of {len(split)} training images; "
                "make data.batch_size smaller."
            )
        images = split.images.to(device)
        if device.type in _PACKED_DEVICES and num_channels == 3:
            images = pack(images)
        self._split = Split(images, split.labels.to(device))
        self._config = config
        self._seed = seed
        self._device = device
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self._generator = torch.Generator(device)
        self._order: tuple[int, Tensor] | None = None
        alternates = any(isinstance(spec, HorizontalFlip) and spec.alternate for spec in config.augment)
        self._first_mirrored = self._draw_first_mirrored() if alternates else None
        self._batches_per_chunk = max(1, _CHUNK_IMAGES.get(device.type, 0) // config.batch_size)
        self._chunk: tuple[tuple[int, int], Tensor, Tensor] | None = None
        mean = torch.tensor(normalize.mean if normalize else [0.0] * num_channels, device=device).view(-1, 1, 1)
        std = torch.tensor(normalize.std if normalize else [1.0] * num_channels, device=device).view(-1, 1, 1)
        self._mean, self._scale, self._shift = mean, 1 / std, -mean / std

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        num_images, batch_size = len(self._split), self._config.batch_size
        return num_images // batch_size if self._config.drop_last else -(-num_images // batch_size)

    def order(self, epoch: int) -> Tensor:
        """The permutation of the training images in `epoch`: int64, N, on the device; the same on every device."""
        if self._order is None or self._order[0] != epoch:
            generator = torch.Generator().manual_seed(stream_seed(self._seed, "order", epoch))
            order = torch.randperm(len(self._split), generator=generator)
            if self._device.type == "cuda":
                order = order.pin_memory()  # a copy from pageable memory would make the host wait
            self._order = (epoch, order.to(self._device, non_blocking=True))
        return self._order[1]

    def _draw_first_mirrored(self) -> Tensor:
        """Which images an alternating flip mirrors in odd epochs: bool N."""
        generator = torch.Generator().manual_seed(stream_seed(self._seed, "mirrored"))
        return (torch.rand(len(self._split), generator=generator) < 0.5).to(self._device)

    def batch(self, epoch: int, index: int, size: int | None = None) -> tuple[Tensor, Tensor]:
        """Batch `index` (0 … steps_per_epoch - 1) of `epoch`: inputs float32 B×C×H×W, labels int64 B.

        With `size` the images are scaled down to that many pixels a side, each new pixel the mean of what it covers.
        """
        if not 0 <= index < self.steps_per_epoch:
            raise IndexError(f"batch {index} of {self.steps_per_epoch}")
        inputs, labels = self._prepared(epoch, index // self._batches_per_chunk)
        start = index % self._batches_per_chunk * self._config.batch_size
        part = slice(start, start + self._config.batch_size)
        inputs = inputs[part]
        if size is not None and size < inputs.shape[-1]:
            inputs = F.interpolate(inputs, size=(size, size), mode="area")
        return inputs, labels[part]

    def _prepared(self, epoch: int, number: int) -> tuple[Tensor, Tensor]:
        """Inputs and labels of chunk `number` of `epoch`: the batch, or several consecutive ones."""
        if self._chunk is None or self._chunk[0] != (epoch, number):
            size = self._batches_per_chunk * self._config.batch_size
            end = min((number + 1) * size, self.steps_per_epoch * self._config.batch_size)
            chosen = self.order(epoch)[number * size : end]
            words = words_of(self._split.images)
            if words is None:
                images = self._split.images.index_select(0, chosen)
            else:
                images = unpack(words.index_select(0, chosen))
            self._generator.manual_seed(stream_seed(self._seed, "augment", epoch, number))
            mirrored = None if self._first_mirrored is None else self._first_mirrored[chosen] ^ (epoch % 2 == 0)
            images = augment(images, self._config.augment, self._generator, self._mean, mirrored)
            labels = self._split.labels.index_select(0, chosen)
            self._chunk = ((epoch, number), self.normalized(images), labels)
        return self._chunk[1], self._chunk[2]

    def evaluation_batches(self, split: Split, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All of `split` (on the device) in order, normalised, not augmented; the last batch may be smaller."""
        for start in range(0, len(split), batch_size):
            part = slice(start, start + batch_size)
            yield self.normalized(split.images[part]), split.labels[part]

    def normalized(self, images: Tensor) -> Tensor:
        """uint8 images, or float32 ones in 0–1 (which may be overwritten), as the network takes them."""
        if images.is_floating_point():
            inputs = images.mul_(self._scale).add_(self._shift)
        else:
            inputs = images.float().mul_(self._scale / 255).add_(self._shift)
        return inputs.contiguous(memory_format=self._format)
