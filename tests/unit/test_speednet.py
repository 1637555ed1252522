"""SpeedNet: whitened patches, identity filters, and the order of layers that may change places."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from core.config import DataConfig, HorizontalFlip, ModelConfig, TrainConfig
from core.errors import UsageError
from core.models import build_model
from core.models.order import pooling_first
from core.models.pool import GlobalMaxPool2d
from core.models.speednet import SpeedNet, speednet, whitening_filters
from core.models.summary import describe, num_parameters
from core.runfolder import RunFolder
from core.setup import set_up
from core.step import Step
from tests.training import final_state, image_folder, tiny, train


def patches(inputs: Tensor) -> Tensor:
    """All 2×2 patches of B×C×H×W as rows."""
    return nn.functional.unfold(inputs, 2).transpose(1, 2).reshape(-1, inputs.shape[1] * 4)


def photographs() -> Tensor:
    """Smooth, correlated images, as photographs are."""
    torch.manual_seed(0)
    return nn.functional.interpolate(torch.randn(64, 3, 8, 8), size=(16, 16), mode="bilinear") + torch.randn(
        64, 1, 1, 1
    )


def test_whitening_makes_patches_uncorrelated_and_of_equal_variance() -> None:
    inputs = photographs()
    filters = whitening_filters(inputs)
    assert filters.shape == (24, 3, 2, 2)
    out = nn.functional.conv2d(inputs, filters)[:, :12].permute(0, 2, 3, 1).reshape(-1, 12)
    second_moment = out.T @ out / len(out)
    diagonal = second_moment.diagonal()
    raw = patches(inputs).T @ patches(inputs) / len(patches(inputs))
    assert raw.diagonal().min() * 0.5 < raw[0, 1].abs()  # neighbours are alike before
    torch.testing.assert_close(second_moment, torch.diag(diagonal), atol=1e-3, rtol=0)
    assert diagonal.min() > 0.5
    assert diagonal.max() < 1.001
    torch.testing.assert_close(filters[12:], -filters[:12])


def test_patches_taken_part_by_part_count_as_those_taken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = photographs()
    at_once = whitening_filters(inputs)
    monkeypatch.setattr("core.models.speednet._IMAGES_AT_ONCE", 2 * len(inputs) // 3)
    torch.testing.assert_close(whitening_filters(inputs), at_once)


def test_batch_norms_are_those_of_the_records() -> None:
    network = speednet(num_classes=10, image_shape=(3, 32, 32))
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 6
    for norm in norms:
        assert (norm.eps, norm.momentum) == (1e-12, 0.4)
        assert (norm.weight.requires_grad, norm.bias.requires_grad) == (False, True)


def test_logits_are_divided_by_the_number_of_inputs_of_the_last_layer() -> None:
    network = speednet(num_classes=10, image_shape=(3, 32, 32), width3=128).eval()
    inputs = torch.randn(2, 3, 32, 32)
    assert torch.allclose(network(inputs) * 128, network[:-1](inputs), rtol=1e-4)


def test_setting_up_a_run_whitens_the_first_layer_with_images_from_all_over_its_own_data() -> None:
    config = TrainConfig(
        recipe="test",
        epochs=1,
        data=DataConfig(dataset="shapes", batch_size=500, augment=(HorizontalFlip(alternate=True),)),
        model=ModelConfig(name="speednet", args={"width1": 8, "width2": 8, "width3": 8}),
        precision="float32",
    )
    setup = set_up(config, lambda event: None)
    assert isinstance(setup.model, SpeedNet)
    inputs = setup.train_data.normalized(setup.dataset.train.images[::2])  # 5,000 of them
    torch.testing.assert_close(setup.model.get_submodule("whiten").weight, whitening_filters(inputs))
    assert not setup.model.get_submodule("whiten").weight.requires_grad


@pytest.mark.parametrize(("args", "count"), [({}, 1_972_792), ({"convs": 3, "residual": True}, 3_190_456)])
def test_the_number_of_parameters(args: dict[str, object], count: int) -> None:
    model = build_model("speednet", num_classes=10, image_shape=(3, 32, 32), args=args)
    assert num_parameters(model) == count


def test_its_layers_pool_early() -> None:
    model = build_model("speednet", num_classes=10, image_shape=(3, 32, 32), args={})
    layers = {layer.name: layer.output_shape for layer in describe(model, (3, 32, 32))}
    assert layers["whiten"] == (24, 31, 31)
    assert layers["group1.first.pool"] == (64, 15, 15)
    assert layers["group2.first.pool"] == (256, 7, 7)
    assert layers["group3.first.pool"] == (256, 3, 3)
    assert layers["scale"] == (10,)


def test_filters_begin_as_the_identity() -> None:
    model = speednet(num_classes=10, image_shape=(3, 32, 32))
    conv = model.get_submodule("group1.rest.conv2")
    x = torch.randn(2, 64, 6, 6)
    torch.testing.assert_close(conv(x), x)


def test_it_takes_smaller_images_than_it_was_built_for() -> None:
    model = speednet(num_classes=10, image_shape=(3, 32, 32), width1=8, width2=8, width3=8)
    assert model(torch.randn(2, 3, 24, 24)).shape == (2, 10)


def test_images_under_16_pixels_are_refused() -> None:
    with pytest.raises(UsageError, match="16x16"):
        speednet(num_classes=10, image_shape=(3, 15, 15))


@pytest.mark.parametrize(
    ("name", "image_shape"),
    [("lenet", (3, 32, 32)), ("cnn3", (3, 32, 32)), ("mnist-cnn", (1, 28, 28)), ("resnet9", (3, 32, 32))],
)
def test_pooling_before_the_relu_gives_the_same_numbers_and_gradients(
    name: str, image_shape: tuple[int, int, int]
) -> None:
    results = []
    for pool_first in (False, True):
        torch.manual_seed(0)
        model = build_model(name, num_classes=10, image_shape=image_shape, args={"pool_first": pool_first})
        kinds = [layer.kind for layer in describe(model, image_shape)]
        pool = kinds.index("max pool 2x2")
        assert (kinds[pool - 1] != "ReLU") is pool_first
        model.double()
        torch.manual_seed(1)
        logits = model(torch.randn(8, *image_shape, dtype=torch.float64))
        logits.square().mean().backward()
        results.append((logits.detach(), dict(model.named_parameters())))
    torch.testing.assert_close(results[0][0], results[1][0])
    for parameter_name, parameter in results[0][1].items():
        torch.testing.assert_close(parameter.grad, results[1][1][parameter_name].grad)


def test_only_a_pooling_right_behind_a_relu_changes_its_place() -> None:
    layers = OrderedDict[str, nn.Module](
        pool0=nn.MaxPool2d(2), relu=nn.ReLU(), pool=nn.MaxPool2d(2), average=nn.AvgPool2d(2), relu2=nn.ReLU()
    )
    assert list(pooling_first(layers)) == ["pool0", "pool", "relu", "average", "relu2"]


def test_the_largest_of_a_map_and_its_gradient_are_those_of_adaptive_pooling() -> None:
    found = []
    for pool in (GlobalMaxPool2d(), nn.AdaptiveMaxPool2d(1)):
        maps = torch.randn(4, 5, 3, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
        largest = pool(maps)
        largest.square().sum().backward()
        found.append((largest, maps.grad))
    (ours, our_gradient), (theirs, their_gradient) = found
    assert torch.equal(ours, theirs)
    assert torch.equal(our_gradient, their_gradient)


def test_a_bias_that_learns_no_more_has_no_gradient_and_changes_no_other() -> None:
    model = speednet(num_classes=10, image_shape=(3, 32, 32), width1=8, width2=8, width3=8)
    inputs = torch.randn(8, 3, 32, 32)
    gradients = []
    for wanted in (True, False):
        model.is_learning_bias = wanted
        model.zero_grad()
        model(inputs).square().sum().backward()
        gradients.append({name: one.grad for name, one in model.named_parameters() if one.grad is not None})
    learning, fixed = gradients
    assert learning.keys() - fixed.keys() == {"whiten.bias"}
    assert all(torch.equal(gradient, learning[name]) for name, gradient in fixed.items())


@pytest.mark.parametrize("part", [-0.1, 1.5, float("nan")])
def test_a_part_of_the_steps_lies_between_none_and_all(part: float) -> None:
    with pytest.raises(UsageError, match=r"speednet cannot have bias_part=.*: Expected `float` [<>]= [01]"):
        build_model("speednet", num_classes=10, image_shape=(3, 32, 32), args={"bias_part": part})


@pytest.mark.parametrize(("name", "least"), [("width1", 1), ("width2", 1), ("width3", 1), ("convs", 2)])
def test_a_size_that_no_network_can_have_is_refused(name: str, least: int) -> None:
    for size in (least - 1, -5):
        with pytest.raises(UsageError, match=f"speednet cannot have {name}={size}: Expected `int` >= {least}"):
            build_model("speednet", num_classes=10, image_shape=(3, 32, 32), args={name: size})


def test_the_first_bias_learns_in_its_part_of_the_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    biases: list[Tensor] = []
    update = Step.update

    def watched(step: Step) -> None:
        biases.append(step._setup.model.get_parameter("whiten.bias").detach().clone())
        update(step)

    monkeypatch.setattr(Step, "update", watched)
    widths = {f"model__args__width{number}": 16 for number in (1, 2, 3)}
    settings = widths | {"epochs": 2, "max_steps": 6, "model__args__bias_part": 0.5}
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(image_folder(tmp_path / "images"), "c10-cpu", **settings))
    weights = final_state(folder)["model"]
    biases = [*biases[-6:], weights["whiten.bias"]]
    moved = [not torch.equal(before, after) for before, after in pairwise(biases)]
    assert moved == [True] * 3 + [False] * 3
