"""From a configuration to everything the loop needs: device, data, network, optimiser."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.config import Normalize, TrainConfig
from core.data.dataset import Dataset, Split, load_dataset
from core.data.pipeline import Pipeline, resolve_normalization
from core.device import choose_device
from core.errors import UsageError
from core.events import DeviceInfo, Event, Layer, Notice, PhaseChanged
from core.models import build_model
from core.models.bias import use_summed_biases
from core.models.im2col import use_im2col
from core.models.speednet import SpeedNet
from core.models.summary import describe
from core.models.winograd import use_winograd
from core.optim.factory import build_optimizer

_WHITENING_IMAGES = 5000  # their patches decide the first layer of a SpeedNet


@dataclass
class Setup:
    """A run ready to be trained."""

    device: torch.device
    device_info: DeviceInfo
    dataset: Dataset
    model: nn.Module
    compiled: Callable[[Tensor], Tensor]
    """What is called in training: the network itself, or after `core.warmup.warm_up` perhaps its compiled form, which
    has the same parameters. Evaluation calls the network, for which to be compiled as well would not pay."""
    layers: list[Layer]
    optimizer: torch.optim.Optimizer
    train_data: Pipeline
    validation: Split
    """On the device."""
    normalize: Normalize | None
    """As resolved: `train` has become numbers."""
    config: TrainConfig

    def autocast(self) -> contextlib.AbstractContextManager[None]:
        """bfloat16 where the run uses it; may be entered again and again."""
        if self.device_info.precision == "bfloat16":
            # Each weight is used once, so a cache of their rounded copies gains nothing, and CUDA graphs forbid it.
            return torch.autocast(self.device.type, torch.bfloat16, cache_enabled=False)
        return contextlib.nullcontext()

    @property
    def phases(self) -> tuple[float, ...]:
        """Where other parameters begin to learn than before, in parts of the steps; the first is 0."""
        part = self.model.bias_part if isinstance(self.model, SpeedNet) else 1.0
        return (0.0, part) if 0 < part < 1 else (0.0,)

    @property
    def phase(self) -> float:
        """The present one of `phases`."""
        if isinstance(self.model, SpeedNet) and not self.model.is_learning_bias:
            return self.model.bias_part
        return 0.0

    def enter_phase(self, part: float) -> None:
        """Have those parameters learn that do so once this part of the steps is done."""
        if isinstance(self.model, SpeedNet):
            self.model.is_learning_bias = part < self.model.bias_part

    def each_phase(self) -> Iterator[None]:
        """Enter each phase, in their order, and then the first again: there a run begins."""
        for phase in self.phases:
            self.enter_phase(phase)
            yield
        self.enter_phase(self.phases[0])

    def validation_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Normalised inputs and labels of the validation set, in order."""
        automatic = 125 if self.device.type == "cpu" else 1000
        size = self.config.data.evaluation_batch_size or automatic
        return self.train_data.evaluation_batches(self.validation, size)


def set_up(config: TrainConfig, emit: Callable[[Event], None]) -> Setup:
    """Load the data and build the network.

    Raises:
        UsageError, DataError: something in `config` cannot be used here.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    device, device_info = choose_device(config)
    _choose_kernels(device, deterministic=config.deterministic)

    emit(PhaseChanged(phase="loading_data", detail=config.data.dataset))
    dataset = load_dataset(config.data, report=lambda line: emit(PhaseChanged(phase="loading_data", detail=line)))

    emit(PhaseChanged(phase="building", detail=config.model.name))
    torch.manual_seed(config.seed)
    _, channels, height, width = dataset.train.images.shape
    image_shape = (channels, height, width)
    model = build_model(
        config.model.name, num_classes=len(dataset.classes), image_shape=image_shape, args=config.model.args
    )
    layers = describe(model, image_shape)
    _check_low_size(model, config, image_shape)
    if device.type == "cpu" and config.compile is not True:
        _choose_convolutions(model, layers, config, device_info.precision, emit)
    model.to(device)
    if use_channels_last(device):
        model.to(memory_format=torch.channels_last)
    normalize = resolve_normalization(config.data, dataset.train)
    train_data = Pipeline(
        dataset.train,
        config.data,
        normalize,
        seed=config.seed,
        device=device,
        channels_last=use_channels_last(device),
    )
    if isinstance(model, SpeedNet):
        images = dataset.train.images
        spread = images[:: -(-len(images) // _WHITENING_IMAGES)]  # not the first ones: folders are read class by class
        model.initialize(train_data.normalized(spread.to(device)))
    return Setup(
        device=device,
        device_info=device_info,
        dataset=dataset,
        model=model,
        compiled=model,
        layers=layers,
        optimizer=build_optimizer(model, config.optimizer, device),
        train_data=train_data,
        validation=dataset.validation.to(device),
        normalize=normalize,
        config=config,
    )


def _check_low_size(model: nn.Module, config: TrainConfig, image_shape: tuple[int, int, int]) -> None:
    """Refuse a `data.low_size` at which the network's layers do not fit each other."""
    channels, side, _ = image_shape
    low = config.data.low_size or side
    if config.data.low_part > 0 and low < side:
        try:
            describe(model, (channels, low, low))
        except RuntimeError as error:
            name = config.model.name
            raise UsageError(f"data.low_size cannot be {low}: model {name} takes no images of {low}x{low}") from error


def use_channels_last(device: torch.device) -> bool:
    """Whether images and filters are laid out with the channels last: what tensor cores want, and oneDNN on a CPU.

    On two cores the demo's epoch took 4.8 s with it and 8.5 s without.
    """
    return device.type in ("cuda", "cpu")


def _choose_convolutions(
    model: nn.Module, layers: list[Layer], config: TrainConfig, precision: str, emit: Callable[[Event], None]
) -> None:
    """Those of our own where they are faster on a CPU than oneDNN's."""
    capabilities = torch.cpu.get_capabilities()
    if precision == "bfloat16":
        # Measured beside the kernels for AVX-512 and for AMX, which comes with it, not where bfloat16 is emulated. It
        # rounds as bfloat16 does anyway, so nobody has to be told.
        if capabilities.get("avx512_bf16"):
            use_im2col(model)
        return
    if config.precision == "auto" and torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
        # It rounds more coarsely than float32 asked for by name may, and is written for the batched products of MKL;
        # other libraries compute them one after another.
        num_cheaper = use_winograd(model, layers, config.data.batch_size)
        if num_cheaper > 0:
            found = "1 convolution is" if num_cheaper == 1 else f"{num_cheaper} convolutions are"
            text = f"{found} computed by Winograd's method; --precision float32 computes plainly"
            emit(Notice(level="info", text=text))
    if capabilities.get("avx2") and not capabilities.get("avx512_f"):
        use_summed_biases(model)


def _choose_kernels(device: torch.device, *, deterministic: bool) -> None:
    if device.type == "cuda":
        # cuBLAS repeats itself only with a workspace of a fixed size. It reads this once, before its first product: in
        # a run that need not repeat itself, so that a later one in this process can.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.cuda.set_device(device)  # streams and events are those of the present device
        # Benchmarking may pick another kernel at each start, and so another rounding.
        torch.backends.cudnn.benchmark = not deterministic
        torch.backends.cudnn.deterministic = deterministic
    torch.use_deterministic_algorithms(deterministic)
