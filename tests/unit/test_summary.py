"""The description of a network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from core.events import Layer
from core.models import MODELS, build_model
from core.models.residual import Sum
from core.models.summary import describe, num_parameters

CIFAR = (3, 32, 32)


def build(name: str, num_classes: int = 10) -> nn.Module:
    return build_model(name, num_classes=num_classes, image_shape=CIFAR, args={})


def layer(name: str, kind: str, shape: tuple[int, ...], num_parameters: int, flops: int, field: int | None) -> Layer:
    return Layer(
        name=name,
        kind=kind,
        output_shape=shape,
        num_parameters=num_parameters,
        flops=flops,
        receptive_field=field,
    )


def test_lenet_is_described_layer_by_layer() -> None:
    assert describe(build("lenet"), CIFAR) == [
        layer("conv1", "conv 3x3", (16, 32, 32), 448, 2 * 27 * 16 * 1024, 3),
        layer("relu1", "ReLU", (16, 32, 32), 0, 16 * 1024, 3),
        layer("pool1", "max pool 2x2", (16, 16, 16), 0, 3 * 16 * 256, 4),
        layer("conv2", "conv 3x3", (32, 16, 16), 4_640, 2 * 144 * 32 * 256, 8),
        layer("relu2", "ReLU", (32, 16, 16), 0, 32 * 256, 8),
        layer("pool2", "max pool 2x2", (32, 8, 8), 0, 3 * 32 * 64, 10),
        layer("conv3", "conv 3x3", (64, 8, 8), 18_496, 2 * 288 * 64 * 64, 18),
        layer("relu3", "ReLU", (64, 8, 8), 0, 64 * 64, 18),
        layer("pool3", "max pool 2x2", (64, 4, 4), 0, 3 * 64 * 16, 22),
        layer("flatten", "flatten", (1024,), 0, 0, None),
        layer("fc1", "linear", (500,), 512_500, 2 * 1024 * 500, None),
        layer("relu4", "ReLU", (500,), 0, 500, None),
        layer("dropout", "dropout 0.5", (500,), 0, 0, None),
        layer("fc2", "linear", (10,), 5_010, 2 * 500 * 10, None),
    ]


def test_batch_norm_shortcuts_sums_and_global_pooling_are_described() -> None:
    layers = {layer.name: layer for layer in describe(build("resnet26-w16", 100), CIFAR)}
    assert layers["norm"] == layer("norm", "batch norm", (16, 32, 32), 32, 2 * 16 * 1024, 3)
    # Stage 1 reaches 3 + 6·2 = 15; the strided convolution 17, the next 17 + 2·2 = 21; the 1×1 shortcut stays at 15.
    assert layers["stage2.0.conv1"] == layer("stage2.0.conv1", "conv 3x3 /2", (32, 16, 16), 4_640, 2 * 144 * 8192, 17)
    assert layers["stage2.0.norm2"].receptive_field == 21
    assert layers["stage2.0.shortcut.0"] == layer(
        "stage2.0.shortcut.0", "conv 1x1 /2", (32, 16, 16), 544, 2 * 16 * 8192, 15
    )
    assert layers["stage2.0.sum"] == layer("stage2.0.sum", "sum", (32, 16, 16), 0, 8192, 21)
    assert layers["pool"] == layer("pool", "average pool 4x4", (128, 1, 1), 0, 16 * 128, None)
    assert "stage1.0.shortcut" not in layers, "it does nothing"


def test_dropout_is_told_with_its_part() -> None:
    kinds = [layer.kind for name in ("lenet", "resnet26-w32") for layer in describe(build(name), CIFAR)]
    assert [kind for kind in kinds if "drop" in kind.lower()] == ["dropout 0.5", "dropout 0.02"]


@pytest.mark.parametrize("name", MODELS)
def test_flops_of_convolutions_and_linear_layers_agree_with_pytorchs_counter(name: str) -> None:
    model = build(name).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.randn(1, *CIFAR))
    ours = sum(layer.flops for layer in describe(model, CIFAR) if layer.kind.startswith(("conv", "linear")))
    assert ours == counter.get_total_flops()


@pytest.mark.parametrize("name", MODELS)
def test_parameters_of_the_layers_add_up_to_the_models(name: str) -> None:
    model = build(name)
    assert sum(layer.num_parameters for layer in describe(model, CIFAR)) == num_parameters(model)


@pytest.mark.parametrize("is_training", [True, False], ids=["training", "evaluating"])
def test_the_model_is_left_as_it_was(is_training: bool) -> None:
    model = build("resnet26-w32").train(is_training)
    frozen = model.get_submodule("stage1.0.norm1").eval()
    before = {name: (tensor, tensor.clone()) for name, tensor in model.state_dict(keep_vars=True).items()}
    describe(model, CIFAR)
    after = model.state_dict(keep_vars=True)
    assert all(after[name] is tensor and torch.equal(tensor, copy) for name, (tensor, copy) in before.items())
    assert all(module.training is is_training for module in model.modules() if module is not frozen)
    assert not frozen.training
    assert not any(module._forward_hooks for module in model.modules())


def test_the_model_is_left_as_it_was_when_it_cannot_run() -> None:
    model = build("lenet")
    with pytest.raises(RuntimeError):
        describe(model, (1, 32, 32))
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())


class Branches(nn.Module):
    """A dilated, strided branch beside a narrow one; `as_module` says how they are added."""

    def __init__(self, *, as_module: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 1, 3, padding=1)
        self.pool = nn.AvgPool2d(2)
        self.wide = nn.Conv2d(1, 1, 5, stride=2, padding=4, dilation=2)
        self.narrow = nn.Conv2d(1, 1, 1, stride=2)
        self.sum = Sum() if as_module else None
        self.last = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        total = self.sum(self.wide(x), self.narrow(x)) if self.sum else self.wide(x) + self.narrow(x)
        return self.last(total)  # type: ignore[no-any-return]


@pytest.mark.parametrize("as_module", [True, False], ids=["sum as a module", "sum as an operator"])
def test_the_receptive_field_is_where_the_gradient_reaches(as_module: bool) -> None:
    model = Branches(as_module=as_module)
    image = torch.randn(1, 1, 96, 96, requires_grad=True)
    model(image)[0, 0, 12, 12].backward()
    assert image.grad is not None
    reached = image.grad[0, 0].nonzero()
    extent = (reached.max(0).values - reached.min(0).values + 1).tolist()
    assert extent == [28, 28]  # 3, +1 → 4; +8·2 → 20; +2·4 → 28
    assert describe(model, (1, 96, 96))[-1].receptive_field == 28


def test_the_receptive_field_is_that_of_the_longer_side_until_both_see_everything() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 1, (1, 5), stride=(1, 2)), nn.Conv2d(1, 1, (3, 1)), nn.MaxPool2d((2, 1)), nn.MaxPool2d((1, 6))
    )
    assert [layer.receptive_field for layer in describe(model, (1, 4, 16))] == [5, 9, 11, None]


def test_a_layer_that_runs_twice_has_its_parameters_counted_once() -> None:
    shared = nn.Linear(4, 4)
    model = nn.Sequential(nn.Flatten(), shared, nn.ReLU(), shared)
    assert [layer.num_parameters for layer in describe(model, (1, 2, 2))] == [0, 20, 0, 0]
    assert num_parameters(model) == 20


def test_an_unknown_layer_goes_by_the_name_of_its_class() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU())
    assert describe(model, CIFAR)[1] == layer("1", "GELU", (4, 30, 30), 0, 0, 3)
