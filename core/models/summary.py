"""What a network is made of: its layers as they run, with output size, parameters, cost and receptive field."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.events import Layer
from core.models.pool import GlobalMaxPool2d
from core.models.residual import Sum


class _Field(NamedTuple):
    """What a position of a map sees of the image."""

    side: int
    """Pixels."""
    jump: int
    """Pixels between neighbouring positions."""


def num_parameters(model: nn.Module) -> int:
    """Numbers in its parameters, frozen ones too; a parameter that two modules share counts once."""
    return sum(parameter.numel() for parameter in model.parameters())


def describe(model: nn.Module, image_shape: tuple[int, int, int]) -> list[Layer]:
    """The layers of a network in the order in which they run.

    One image runs through in evaluation mode, on the meta device: nothing is computed, and the model's weights,
    buffers, device and mode stay as they are. Operations that are not modules are not seen.

    Args:
        model: not compiled: torch.compile hides the layers.
        image_shape: channels, height, width.

    Returns:
        A layer per call of a module without children; parameters of a module that runs twice count once. FLOPs are for
        one image, forward: 2 for a multiply-add (a bias starts the sum and is free), 2 a value for batch norm as it
        runs in evaluation (scale and shift), 1 for ReLU and for a sum, and in poolings the comparisons, or the
        additions and the division, of a window. The receptive field follows Araujo et al., "Computing Receptive Fields
        of Convolutional Neural Networks" (Distill, 2019), and is that of the widest branch; it is None from where
        every pixel is seen: after pooling over the whole map, flattening, or a linear layer.
    """
    collector = _Collector()
    meta = {
        name: torch.empty_like(tensor, device="meta")
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }
    image = torch.empty((1, *image_shape), device="meta")
    collector.remember(image, _Field(1, 1))
    hooks = [
        module.register_forward_hook(collector.hook(name))
        for name, module in model.named_modules()
        if not any(module.children()) and not isinstance(module, nn.Sequential)  # an empty Sequential does nothing
    ]
    try:
        with _evaluation_mode(model), torch.no_grad():
            functional_call(model, meta, (image,))
    finally:
        for hook in hooks:
            hook.remove()
    return collector.layers


@contextlib.contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


class _Collector:
    """Turns the calls of modules into layers, following the receptive field from tensor to tensor."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        # The tensors are kept because an id is unique only among living objects; on the meta device they cost nothing.
        self._fields: dict[int, tuple[Tensor, _Field | None]] = {}
        self._counted: set[nn.Module] = set()

    def remember(self, tensor: Tensor, field: _Field | None) -> None:
        self._fields[id(tensor)] = (tensor, field)

    def hook(self, name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def collect(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self._collect(name, module, inputs, output)

        return collect

    def _collect(self, name: str, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        window = _window(module, inputs[0])
        field = self._widest(inputs)
        if isinstance(module, nn.Flatten | nn.Linear) or (window and window.covers(inputs[0])):
            field = None
        elif field and window:
            field = _Field(field.side + window.reach * field.jump, field.jump * max(window.stride))
        self.remember(output, field)
        self.layers.append(
            Layer(
                name=name,
                kind=_kind(module, window),
                output_shape=tuple(output.shape[1:]),
                num_parameters=0 if module in self._counted else num_parameters(module),
                flops=_flops(module, window, output[0].numel()),
                receptive_field=field.side if field else None,
            )
        )
        self._counted.add(module)

    def _widest(self, tensors: tuple[Tensor, ...]) -> _Field | None:
        """The widest field of the inputs. What an operation that is no module made may come from any layer so far."""
        every = [field for _, field in self._fields.values()]
        known = [self._fields[id(tensor)][1] for tensor in tensors if id(tensor) in self._fields]
        fields = known if len(known) == len(tensors) else every
        return None if None in fields else max(field for field in fields if field)


class _Window(NamedTuple):
    """What a convolution or pooling looks at; height and width."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)

    @property
    def reach(self) -> int:
        """Positions from the first to the last that it sees, in its own input."""
        return max((side - 1) * gap for side, gap in zip(self.kernel, self.dilation, strict=True))

    @property
    def area(self) -> int:
        return self.kernel[0] * self.kernel[1]

    def covers(self, image: Tensor) -> bool:
        height, width = image.shape[-2:]
        return self.kernel[0] >= height and self.kernel[1] >= width


def _window(module: nn.Module, image: Tensor) -> _Window | None:
    match module:
        case nn.Conv2d():
            return _Window(_pair(module.kernel_size), _pair(module.stride), _pair(module.dilation))
        case nn.MaxPool2d():
            return _Window(_pair(module.kernel_size), _pair(module.stride), _pair(module.dilation))
        case nn.AvgPool2d():
            return _Window(_pair(module.kernel_size), _pair(module.stride))
        case nn.AdaptiveAvgPool2d(output_size=1) | GlobalMaxPool2d():
            height, width = image.shape[-2:]
            return _Window((height, width), (1, 1))
        case _:
            return None


def _pair(size: int | tuple[int, ...]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _flops(module: nn.Module, window: _Window | None, num_outputs: int) -> int:
    match module:
        case nn.Conv2d() if window:
            return 2 * window.area * (module.in_channels // module.groups) * num_outputs
        case nn.Linear():
            return 2 * module.in_features * num_outputs
        case nn.BatchNorm2d():
            return 2 * num_outputs
        case nn.ReLU() | Sum():
            return num_outputs
        case nn.MaxPool2d() | GlobalMaxPool2d() if window:
            return (window.area - 1) * num_outputs
        case nn.AvgPool2d() | nn.AdaptiveAvgPool2d() if window:
            return window.area * num_outputs
        case _:
            return 0


def _kind(module: nn.Module, window: _Window | None) -> str:
    size = f" {window.kernel[0]}x{window.kernel[1]}" if window else ""
    match module:
        case nn.Conv2d() if window:
            return f"conv{size} /{window.stride[0]}" if window.stride[0] > 1 else f"conv{size}"
        case nn.MaxPool2d() | GlobalMaxPool2d():
            return f"max pool{size}"
        case nn.AvgPool2d() | nn.AdaptiveAvgPool2d():
            return f"average pool{size}"
        case nn.BatchNorm2d():
            return "batch norm"
        case nn.Linear() | nn.Flatten() | Sum():
            return type(module).__name__.lower()
        case nn.Dropout() | nn.Dropout2d():
            return f"dropout {module.p:g}"
        case _:
            return type(module).__name__
