"""From a configuration to everything the loop needs: device, data, network, optimiser."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.config import Normalize, TrainConfig
from core.data.dataset import Dataset, Split, load_dataset
from core.data.pipeline import Pipeline, resolve_normalization
from core.device import choose_device
from core.events import DeviceInfo, Event, Layer, PhaseChanged
from core.models import build_model
from core.models.summary import describe
from core.optim.factory import build_optimizer


@dataclass(frozen=True)
class Setup:
    """A run ready to be trained."""

    device: torch.device
    device_info: DeviceInfo
    dataset: Dataset
    model: nn.Module
    compiled: nn.Module
    """What is called in training: the network itself, or its compiled form with the same parameters."""
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
            return torch.autocast(self.device.type, torch.bfloat16)
        return contextlib.nullcontext()

    def validation_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Normalised inputs and labels of the validation set, in order."""
        return self.train_data.evaluation_batches(self.validation, self.config.data.evaluation_batch_size)


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
    dataset = load_dataset(
        config.data,
        seed=config.seed,
        report=lambda line: emit(PhaseChanged(phase="loading_data", detail=line)),
    )

    emit(PhaseChanged(phase="building", detail=config.model.name))
    torch.manual_seed(config.seed)
    _, channels, height, width = dataset.train.images.shape
    image_shape = (channels, height, width)
    model = build_model(
        config.model.name, num_classes=len(dataset.classes), image_shape=image_shape, args=dict(config.model.args)
    )
    layers = describe(model, image_shape)
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
    return Setup(
        device=device,
        device_info=device_info,
        dataset=dataset,
        model=model,
        compiled=torch.compile(model) if config.compile else model,  # type: ignore[arg-type]
        layers=layers,
        optimizer=build_optimizer(model, config.optimizer, device),
        train_data=train_data,
        validation=dataset.validation.to(device),
        normalize=normalize,
        config=config,
    )


def use_channels_last(device: torch.device) -> bool:
    """Whether images and filters are laid out with the channels last: what tensor cores want, and oneDNN on a CPU.

    On two cores the demo's epoch took 4.8 s with it and 8.5 s without.
    """
    return device.type in ("cuda", "cpu")


def warm_up(setup: Setup) -> None:
    """Run a step and an evaluation batch without a trace: kernels are chosen and compiled before the clock starts.

    Parameters do not change, buffers are put back, and gradients are dropped.
    """
    buffers = {name: buffer.clone() for name, buffer in setup.model.named_buffers()}
    inputs, labels = setup.train_data.batch(1, 0)
    with setup.autocast():
        loss = nn.functional.cross_entropy(setup.compiled(inputs), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    setup.model.eval()
    with torch.inference_mode(), setup.autocast():
        setup.compiled(next(setup.validation_batches())[0])
    setup.model.train()
    setup.optimizer.zero_grad(set_to_none=True)
    for name, buffer in setup.model.named_buffers():
        buffer.copy_(buffers[name])
    if setup.device.type == "cuda":
        torch.cuda.synchronize(setup.device)


def _choose_kernels(device: torch.device, *, deterministic: bool) -> None:
    torch.use_deterministic_algorithms(deterministic)
    if device.type == "cuda":
        # Benchmarking may pick another kernel at each start, and so another rounding.
        torch.backends.cudnn.benchmark = not deterministic
        torch.backends.cudnn.deterministic = deterministic
