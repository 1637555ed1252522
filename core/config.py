"""What a run is made of: `TrainConfig` and its parts, checked when they are built.

Everything here is plain data: recipes are written in it, `run.json` stores it, and no part of it imports PyTorch, so
that the command line can resolve and check a configuration before anything heavy is loaded. How the layers (recipe,
file, environment, `--set`, flags) are laid over each other is in `core.layers`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]
NonNegative = Annotated[int, msgspec.Meta(ge=0)]
PositiveFloat = Annotated[float, msgspec.Meta(gt=0)]
NonNegativeFloat = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
DEVICES = r"auto|cpu|mps|cuda(:(0|[1-9][0-9]?))?"
"""Matches the names of devices. PyTorch keeps an index in a byte, in which 256 would mean 0."""
DEVICES_TEXT = "use auto, cpu, cuda, cuda:N or mps"
ON_NAN = r"stop|rollback:[1-9][0-9]*"
ON_NAN_TEXT = "use stop, or rollback:N with a whole number N from 1 on"
Scalar = bool | int | float | str
BestMetric = Literal["validation_top1", "train_accuracy", "validation_loss"]
TestTime = Literal["none", "mirror", "mirror_shift"]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the configuration."""


class AugmentSection(Section, frozen=True, tag_field="type"):
    """An augmentation of the training images. Every image of a batch draws its own parameters."""


class HorizontalFlip(AugmentSection, frozen=True, tag="horizontal_flip"):
    """Mirror left and right."""

    p: Fraction = 0.5
    """Probability that an image is mirrored."""
    alternate: bool = False
    """Mirror a random half of the images in the first epoch, the others in the second, and so on in turn: over two
    epochs every image is seen both ways (arXiv:2404.00498). Takes no account of `p`."""


class RandomCrop(AugmentSection, frozen=True, tag="random_crop"):
    """Pad on all sides, then cut the original size at a random place."""

    padding: NonNegative = 4
    """Pixels added on each side."""
    mode: Literal["zeros", "mean", "reflect"] = "zeros"
    """What the padding holds: zeros (black, before normalisation), the mean that normalisation subtracts (zeros after
    it), or the mirrored image."""


class Rotation(AugmentSection, frozen=True, tag="rotation"):
    """Rotate about the centre; nearest neighbour, zeros outside."""

    degrees: NonNegativeFloat = 10.0
    """The angle is uniform in ±degrees."""


class Affine(AugmentSection, frozen=True, tag="affine"):
    """Scale and shear about the centre; nearest neighbour, zeros outside."""

    degrees: NonNegativeFloat = 0.0
    """The rotation is uniform in ±degrees."""
    shear: NonNegativeFloat = 0.0
    """The shear parallel to the x-axis is uniform in ±shear degrees."""
    scale: tuple[PositiveFloat, PositiveFloat] = (1.0, 1.0)
    """Range of the uniform scale factor."""


class ColorJitter(AugmentSection, frozen=True, tag="color_jitter"):
    """Change brightness, contrast and saturation in a random order; each factor is uniform in 1 ± its value."""

    brightness: Fraction = 0.0
    contrast: Fraction = 0.0
    saturation: Fraction = 0.0


class Cutout(AugmentSection, frozen=True, tag="cutout"):
    """Blank a square at a random place (DeVries and Taylor, arXiv:1708.04552)."""

    size: Positive = 8
    """Side of the square in pixels."""


Augment = HorizontalFlip | RandomCrop | Rotation | Affine | ColorJitter | Cutout


class Normalize(Section, frozen=True):
    """Subtract a mean and divide by a standard deviation, per channel, of images in 0–1."""

    mean: tuple[float, ...]
    std: tuple[PositiveFloat, ...]


class DataConfig(Section, frozen=True):
    """The data set and how it is fed."""

    dataset: str
    """cifar10, cifar100, cifar100-coarse, mnist, fashion-mnist, shapes, or folder:PATH."""
    dir: str | None = None
    """Where data sets are kept; None is the user's cache directory."""
    batch_size: Positive = 128
    """Training images in a step."""
    evaluation_batch_size: Positive | None = None
    """Validation images in a step; None is 1,000, and 125 on a CPU, whose caches hold no more of what layers give."""
    drop_last: bool = False
    """Leave out the incomplete last batch of an epoch."""
    normalize: Normalize | Literal["train"] | None = "train"
    """Fixed mean and std, those of the training set, or none (images stay in 0–1)."""
    augment: tuple[Augment, ...] = ()
    """Augmentations of the training images, in order."""
    validation: Literal["test", "holdout"] = "test"
    """Validate on the official test set, or on training images held out (the last tenth of a seeded permutation)."""
    low_size: Positive | None = None
    """Side to which training images are scaled down at first: small images train faster (progressive resizing)."""
    low_part: Fraction = 0.5
    """Part of the steps that are trained at `low_size`."""
    image_size: Positive | None = None
    """folder: only: side to which images are resized; None is 32."""


class ModelConfig(Section, frozen=True):
    """The network."""

    name: str
    """A name of `core.models.MODELS`."""
    args: dict[str, Scalar] = {}
    """Keyword arguments of the network."""


class OptimizerConfig(Section, frozen=True):
    """The optimiser, and what is done to the gradient before it."""

    name: Literal["sgd", "adam", "adamw", "muon"] = "sgd"
    """muon: Muon for the filters of convolutions, SGD with Nesterov momentum for the rest."""
    lr: NonNegativeFloat = 0.1
    """Base learning rate; a schedule multiplies it. For one-cycle it is the maximum."""
    momentum: Fraction = 0.0
    """sgd and muon only."""
    linear_lr: NonNegativeFloat = 0.0
    """muon only: base learning rate of the linear layers' weights."""
    bias_lr: NonNegativeFloat = 0.0
    """muon only: base learning rate of biases and batch norm."""
    sgd_momentum: Fraction = 0.85
    """muon only: momentum for all that is not a filter."""
    nesterov: bool = False
    """sgd only."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """adam and adamw only."""
    eps: PositiveFloat = 1e-8
    """adam and adamw only."""
    weight_decay: NonNegativeFloat = 0.0
    """L2 penalty added to the gradient (sgd, adam) or decoupled decay (adamw). muon: part by which all but the filters
    shrink in a step at the base learning rate."""
    clip_value: PositiveFloat | None = None
    """Clamp every component of the gradient to ±clip_value."""
    clip_norm: PositiveFloat | None = None
    """Scale the gradient so that its global L2 norm is at most clip_norm."""
    label_smoothing: Fraction = 0.0
    """Label smoothing of the training loss."""


class ScheduleSection(Section, frozen=True, tag_field="type"):
    """How the learning rate runs over the training, as a multiple of `optimizer.lr`."""


class Constant(ScheduleSection, frozen=True, tag="constant"):
    """The same learning rate throughout."""


class MultiStep(ScheduleSection, frozen=True, tag="multi_step"):
    """Multiply by `factor` when each of `epochs` has ended."""

    epochs: tuple[Positive, ...]
    factor: PositiveFloat = 0.1


class OneCycle(ScheduleSection, frozen=True, tag="one_cycle"):
    """Rise and fall with cosines, as torch.optim.lr_scheduler.OneCycleLR (Smith and Topin, arXiv:1708.07120)."""

    rise: Fraction = 0.3
    """Part of the steps over which the learning rate rises."""
    start_divisor: PositiveFloat = 25.0
    """The first learning rate is the maximum divided by this."""
    end_divisor: PositiveFloat = 1e4
    """The last learning rate is the first divided by this."""
    momentum: tuple[Fraction, Fraction] | None = (0.85, 0.95)
    """Momentum (Adam: beta1) runs opposite to the learning rate between these; None leaves it alone."""


class Triangular(ScheduleSection, frozen=True, tag="triangular"):
    """Rise in a straight line from `start` to 1, then fall in a straight line to `end`."""

    rise: Fraction = 0.2
    start: NonNegativeFloat = 0.2
    end: NonNegativeFloat = 0.0


class Cosine(ScheduleSection, frozen=True, tag="cosine"):
    """Linear warm-up, then half a cosine to `end` (Loshchilov and Hutter, arXiv:1608.03983)."""

    warmup: Fraction = 0.0
    end: NonNegativeFloat = 0.0


class Plateau(ScheduleSection, frozen=True, tag="plateau"):
    """Multiply by `factor` when the validation loss has not improved for `patience` epochs."""

    factor: PositiveFloat = 0.1
    patience: NonNegative = 5
    threshold: NonNegativeFloat = 1e-4
    """Relative improvement that counts."""


Schedule = Constant | MultiStep | OneCycle | Triangular | Cosine | Plateau


class CheckpointConfig(Section, frozen=True):
    """When weights are saved and which are kept."""

    every_epochs: NonNegative = 1
    """Save after this many epochs, and after each that is the best so far; 0 saves only those, at the end and on
    request."""
    best: BestMetric = "validation_top1"
    """What "best" means for the checkpoint of that name."""
    keep: Positive = 2
    """How many of the newest checkpoints stay, beside the best and those asked for."""


class TrainConfig(Section, frozen=True):
    """A whole run."""

    recipe: str
    """Name of the recipe that this started from."""
    epochs: Positive
    """Passes over the training set."""
    data: DataConfig
    model: ModelConfig
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: Schedule = Constant()
    checkpoint: CheckpointConfig = CheckpointConfig()
    seed: NonNegative = 0
    """Decides initial weights, order, augmentation and dropout."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: bfloat16 on a GPU or CPU that is faster in it, float32 elsewhere, on a CPU with Winograd's convolutions. In
    bfloat16 some convolutions go by im2col on a CPU."""
    compile: bool | Literal["auto"] = "auto"
    """Compile the network with torch.compile; auto: on a GPU, if the run is long enough to pay for it and a trial says
    that it gains."""
    graph: bool | Literal["auto"] = "auto"
    """Replay steps as CUDA graphs; auto: where a trial says that it gains."""
    deterministic: bool = False
    """Only deterministic kernels; slower on a GPU."""
    on_nan: Annotated[str, msgspec.Meta(pattern=f"^({ON_NAN})$")] = "stop"
    """When the loss or gradient is no longer finite: stop, or rollback:N, which goes back to the last checkpoint and
    halves the learning rate, N times at most."""
    test_time: TestTime = "none"
    """Views of each image that the last evaluation averages the logits over, reported apart: none but the image,
    mirror (and its mirror image), or mirror_shift (and both moved by a pixel up and left, and down and right)."""
    max_steps: Positive | None = None
    """Stop after this many steps, whatever the epochs."""
    threads: Positive | None = None
    """CPU threads; None leaves PyTorch's choice."""
