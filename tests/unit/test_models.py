"""The networks, layer by layer, against what SYSTEMS.md says of each."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from core.models import MODELS, build_model

CIFAR = (3, 32, 32)
MNIST = (1, 28, 28)

Row = tuple[object, ...]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """These batches are tiny, and on a busy machine threads that wait for each other made them 40 times slower."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


def build(name: str, num_classes: int = 10, image_shape: tuple[int, int, int] = CIFAR, **args: object) -> nn.Module:
    torch.manual_seed(0)
    return build_model(name, num_classes=num_classes, image_shape=image_shape, args=args)


def row(module: nn.Module, output: Tensor) -> Row:
    """Everything that a published description says of a layer, and the shape that came out."""
    shape = tuple(output.shape[1:])
    match module:
        case nn.Conv2d():
            assert module.dilation == (1, 1)
            assert module.groups == 1
            bias = "bias" if module.bias is not None else "no bias"
            sizes = (module.kernel_size, module.stride, module.padding)
            assert all(isinstance(size, tuple) and size[0] == size[1] for size in sizes)
            kernel, stride, padding = (size[0] for size in sizes)
            return ("conv", module.in_channels, module.out_channels, kernel, stride, padding, bias, shape)
        case nn.BatchNorm2d():
            assert module.affine
            assert module.track_running_stats
            assert (module.eps, module.momentum) == (1e-5, 0.1)
            return ("bn", module.num_features, shape)
        case nn.MaxPool2d() | nn.AvgPool2d():
            assert module.padding == 0
            kernel, stride = (
                size if isinstance(size, int) else size[0] for size in (module.kernel_size, module.stride)
            )
            return ("maxpool" if isinstance(module, nn.MaxPool2d) else "avgpool", kernel, stride, shape)
        case nn.Linear():
            assert module.bias is not None
            return ("fc", module.in_features, module.out_features)
        case nn.Dropout() | nn.Dropout2d():
            return (type(module).__name__, module.p)
        case nn.ReLU():
            return ("relu", shape)
        case _:
            return (type(module).__name__, shape)


def trace(model: nn.Module, image_shape: tuple[int, int, int]) -> list[Row]:
    """The layers in the order in which a batch of two runs through them."""
    rows: list[Row] = []
    for module in model.modules():
        if not any(module.children()) and not isinstance(module, nn.Sequential):
            module.register_forward_hook(lambda module, _, output: rows.append(row(module, output)))
    model(torch.randn(2, *image_shape))
    return rows


def conv(before: int, after: int, side: int, *, k: int = 3, s: int = 1, p: int = 1, bias: str = "bias") -> Row:
    return ("conv", before, after, k, s, p, bias, (after, side, side))


def bn(channels: int, side: int) -> Row:
    return ("bn", channels, (channels, side, side))


def relu(channels: int, side: int) -> Row:
    return ("relu", (channels, side, side))


def maxpool(channels: int, side: int, *, k: int = 2, s: int = 2) -> Row:
    return ("maxpool", k, s, (channels, side, side))


def test_lenet_is_the_published_network() -> None:
    assert trace(build("lenet"), CIFAR) == [
        *(conv(3, 16, 32), relu(16, 32), maxpool(16, 16)),
        *(conv(16, 32, 16), relu(32, 16), maxpool(32, 8)),
        *(conv(32, 64, 8), relu(64, 8), maxpool(64, 4)),
        ("Flatten", (1024,)),
        *(("fc", 1024, 500), ("relu", (500,)), ("Dropout", 0.5)),
        ("fc", 500, 10),
    ]


def test_cnn3_is_the_published_network() -> None:
    assert trace(build("cnn3", 100), CIFAR) == [
        *(conv(3, 32, 32), bn(32, 32), relu(32, 32), maxpool(32, 16)),
        *(conv(32, 64, 16), bn(64, 16), relu(64, 16), maxpool(64, 8)),
        *(conv(64, 128, 8), bn(128, 8), relu(128, 8), maxpool(128, 4)),
        ("Flatten", (2048,)),
        *(("fc", 2048, 512), ("relu", (512,)), ("Dropout", 0.5)),
        ("fc", 512, 100),
    ]


@pytest.mark.parametrize("relu_logits", [False, True], ids=["plain logits", "published ReLU on the logits"])
def test_mnist_cnn_is_the_published_network(relu_logits: bool) -> None:
    assert trace(build("mnist-cnn", 10, MNIST, relu_logits=relu_logits), MNIST) == [
        *(conv(1, 16, 24, k=5, p=0), relu(16, 24), maxpool(16, 12)),
        *(conv(16, 32, 8, k=5, p=0), relu(32, 8), maxpool(32, 4)),
        ("Flatten", (512,)),
        *(("fc", 512, 64), ("relu", (64,))),
        ("fc", 64, 10),
        *([("relu", (10,))] if relu_logits else []),
    ]


def test_mnist_cnn_has_plain_logits_unless_asked() -> None:
    assert trace(build("mnist-cnn", 10, MNIST), MNIST)[-1] == ("fc", 64, 10)


def test_resnet9_is_the_published_network() -> None:
    def block(before: int, after: int, side: int) -> list[Row]:
        return [conv(before, after, side), bn(after, side), relu(after, side)]

    assert trace(build("resnet9", 20), CIFAR) == [
        *block(3, 64, 32),
        *(*block(64, 128, 32), maxpool(128, 16)),
        *(*block(128, 128, 16), *block(128, 128, 16), ("Sum", (128, 16, 16))),
        *(*block(128, 256, 16), maxpool(256, 8)),
        *(*block(256, 512, 8), maxpool(512, 4)),
        *(*block(512, 512, 4), *block(512, 512, 4), ("Sum", (512, 4, 4))),
        maxpool(512, 1, k=4, s=4),
        ("Flatten", (512,)),
        ("fc", 512, 20),
    ]


def test_resnet26_w32_is_the_published_network() -> None:
    def block(before: int, after: int, side: int, s: int = 1) -> list[Row]:
        first = [conv(before, after, side, s=s, bias="no bias"), bn(after, side), relu(after, side)]
        second = [conv(after, after, side, bias="no bias"), bn(after, side)]
        shortcut = [conv(before, after, side, s=s, bias="no bias"), bn(after, side)] if before != after else []
        return [*first, *second, *shortcut, ("Sum", (after, side, side))]  # and no ReLU after the sum

    assert trace(build("resnet26-w32", 100), CIFAR) == [
        *(conv(3, 32, 32, bias="no bias"), bn(32, 32), relu(32, 32), ("Dropout2d", 0.02)),
        *(block(32, 32, 32) * 2),
        *(block(32, 64, 16, s=2) + block(64, 64, 16) * 3),
        *(block(64, 128, 8, s=2) + block(128, 128, 8) * 3),
        *(block(128, 256, 4, s=2) + block(256, 256, 4)),
        maxpool(256, 1, k=4, s=1),
        ("Flatten", (256,)),
        ("fc", 256, 100),
    ]


@pytest.mark.parametrize(
    ("stem_kernel", "sides"), [(3, (32, 16, 8, 4)), (5, (30, 15, 8, 4))], ids=["3x3 stem", "5x5 stem"]
)
def test_resnet26_w16_is_the_published_network(stem_kernel: int, sides: tuple[int, ...]) -> None:
    def block(before: int, after: int, side: int, s: int = 1) -> list[Row]:
        first = [conv(before, after, side, s=s), bn(after, side), relu(after, side)]
        second = [conv(after, after, side), bn(after, side)]
        shortcut = [conv(before, after, side, k=1, s=2, p=0)] if s == 2 else []
        return [*first, *second, *shortcut, ("Sum", (after, side, side)), relu(after, side)]

    assert trace(build("resnet26-w16", 100, stem_kernel=stem_kernel), CIFAR) == [
        *(conv(3, 16, sides[0], k=stem_kernel), bn(16, sides[0]), relu(16, sides[0])),
        *(block(16, 16, sides[0]) * 3),
        *(block(16, 32, sides[1], s=2) + block(32, 32, sides[1]) * 2),
        *(block(32, 64, sides[2], s=2) + block(64, 64, sides[2]) * 2),
        *(block(64, 128, sides[3], s=2) + block(128, 128, sides[3]) * 2),
        ("avgpool", 4, 4, (128, 1, 1)),
        ("Flatten", (128,)),
        ("fc", 128, 100),
    ]


def test_shapes_small_is_four_stages_and_a_global_average() -> None:
    assert trace(build("shapes-small"), CIFAR) == [
        *(conv(3, 16, 32, bias="no bias"), maxpool(16, 16), bn(16, 16), relu(16, 16)),
        *(conv(16, 48, 16, bias="no bias"), maxpool(48, 8), bn(48, 8), relu(48, 8)),
        *(conv(48, 64, 8, bias="no bias"), maxpool(64, 4), bn(64, 4), relu(64, 4)),
        *(conv(64, 64, 4, bias="no bias"), bn(64, 4), relu(64, 4)),
        ("AdaptiveAvgPool2d", (64, 1, 1)),
        ("Flatten", (64,)),
        ("fc", 64, 10),
    ]


@pytest.mark.parametrize(
    ("name", "num_classes", "image_shape", "args", "expected"),
    [
        # conv: inputs·k²·outputs + outputs; batch norm: 2·channels; linear: inputs·outputs + outputs.
        pytest.param("lenet", 10, CIFAR, {}, 448 + 4_640 + 18_496 + 512_500 + 5_010, id="lenet 541,094"),
        pytest.param(
            "resnet9",
            20,
            CIFAR,
            {},
            1_920 + 74_112 + 2 * 147_840 + 295_680 + 1_181_184 + 2 * 2_360_832 + 10_260,
            id="resnet9 6,580,500",
        ),
        pytest.param(
            "resnet26-w32",
            100,
            CIFAR,
            {},
            928  # stem
            + 2 * 18_560
            + (74_112 + 3 * 73_984)  # the first block of a stage has a 3×3 shortcut
            + (295_680 + 3 * 295_424)
            + (1_181_184 + 1_180_672)
            + 25_700,
            id="resnet26-w32 3,903,620",
        ),
        pytest.param("mnist-cnn", 10, MNIST, {}, 416 + 12_832 + 32_832 + 650, id="mnist-cnn 46,730"),
        pytest.param("cnn3", 100, CIFAR, {}, 960 + 18_624 + 74_112 + 1_049_088 + 51_300, id="cnn3 1,194,084"),
        pytest.param(
            "resnet26-w16",
            100,
            CIFAR,
            {},
            480
            + 3 * 4_704
            + (14_560 + 2 * 18_624)  # the first block of a stage has a 1×1 shortcut
            + (57_792 + 2 * 74_112)
            + (230_272 + 2 * 295_680)
            + 12_900,
            id="resnet26-w16 1,106,948",
        ),
        pytest.param(
            "resnet26-w16", 100, CIFAR, {"stem_kernel": 5}, 1_106_948 + 3 * 16 * (25 - 9), id="5x5 stem 1,107,716"
        ),
        pytest.param("shapes-small", 10, CIFAR, {}, 464 + 7_008 + 27_776 + 36_992 + 650, id="shapes-small 72,890"),
    ],
)
def test_the_number_of_parameters_is_what_arithmetic_gives(
    name: str,
    num_classes: int,
    image_shape: tuple[int, int, int],
    args: dict[str, object],
    expected: int,
    request: pytest.FixtureRequest,
) -> None:
    assert request.node.callspec.id.endswith(f" {expected:,}")  # the id is what a person reads
    model = build(name, num_classes, image_shape, **args)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_resnet26_w32_starts_with_kaiming_normal_weights() -> None:
    model = build("resnet26-w32", 100)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            expected = math.sqrt(2 / (module.out_channels * 9))  # fan out
            tolerance = 4 * expected / math.sqrt(2 * module.weight.numel())  # four standard errors
            assert module.weight.std().item() == pytest.approx(expected, abs=tolerance)
            assert module.weight.abs().max() > 2.2 * expected  # a uniform distribution ends at 1.73
        elif isinstance(module, nn.BatchNorm2d):
            assert torch.equal(module.weight, torch.ones_like(module.weight))
            assert torch.equal(module.bias, torch.zeros_like(module.bias))
        elif isinstance(module, nn.Linear):
            assert torch.equal(module.bias, torch.zeros_like(module.bias))


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"resnet26-w32", "speednet"}))
def test_other_networks_start_with_the_default_weights_of_pytorch(name: str) -> None:
    for module in build(name, 100).modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            limit = 1 / math.sqrt(module.weight[0].numel())
            assert 0.9 * limit < module.weight.abs().max() <= limit
            assert module.bias is None or 0 < module.bias.abs().max() <= limit


@pytest.mark.parametrize(
    ("name", "is_clamped"), [("resnet26-w32", False), ("resnet26-w16", True)], ids=["w32 has none", "w16 has one"]
)
def test_a_relu_follows_the_residual_sum(name: str, is_clamped: bool) -> None:
    block = build(name, 100).get_submodule("stage2.0").eval()
    num_inputs = 32 if name == "resnet26-w32" else 16
    x = torch.randn(2, num_inputs, 8, 8)
    output = block(x)
    branch = block.norm2(block.conv2(torch.relu(block.norm1(block.conv1(x)))))  # type: ignore[operator]
    total = branch + block.shortcut(x)  # type: ignore[operator]
    assert (total < 0).any()
    torch.testing.assert_close(output, total.relu() if is_clamped else total)
