"""Building networks by name: other image sizes and classes, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from core.errors import UsageError
from core.models import MODELS, build_model

CIFAR = (3, 32, 32)
MNIST = (1, 28, 28)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """These batches are tiny, and on a busy machine threads that wait for each other made them 40 times slower."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


def build(name: str, num_classes: int = 10, image_shape: tuple[int, int, int] = CIFAR, **args: object) -> nn.Module:
    return build_model(name, num_classes=num_classes, image_shape=image_shape, args=args)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("image_shape", [MNIST, (3, 64, 64), (3, 40, 24)], ids=["1x28x28", "3x64x64", "3x40x24"])
def test_networks_take_other_images_and_numbers_of_classes(name: str, image_shape: tuple[int, int, int]) -> None:
    model = build(name, 7, image_shape)
    logits = model(torch.randn(2, *image_shape))
    assert logits.shape == (2, 7)
    logits.sum().backward()
    assert all((parameter.grad is not None) is parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "smallest"),
    [
        ("lenet", 8),
        ("cnn3", 8),
        ("resnet9", 8),
        ("mnist-cnn", 16),
        ("shapes-small", 8),
        ("resnet26-w32", 2),
        ("resnet26-w16", 4),
    ],
)
def test_images_that_are_too_small_are_refused(name: str, smallest: int) -> None:
    model = build(name, image_shape=(3, smallest, 32))
    assert model(torch.randn(2, 3, smallest, 32)).shape == (2, 10)
    with pytest.raises(UsageError, match=f"needs images of at least {smallest}x{smallest} pixels; these are 32x1"):
        build(name, image_shape=(3, 32, 1))


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("lenett", {}, f'There is no model "lenett". Did you mean "lenet"? Known: {", ".join(MODELS)}'),
        ("zzz", {}, f'There is no model "zzz". Known: {", ".join(MODELS)}'),
        ("shapes-small", {"width": 3}, 'Model shapes-small has no argument "width"; it has none.'),
        ("shapes-small", {"num_classes": 3}, 'Model shapes-small has no argument "num_classes"; it has none.'),
        (
            "resnet26-w16",
            {"stem_kernal": 5},
            'Model resnet26-w16 has no argument "stem_kernal"; it has stem_kernel. Did you mean "stem_kernel"?',
        ),
        ("resnet26-w16", {"stem_kernel": 4}, "Model resnet26-w16 cannot have stem_kernel=4: choose from 3, 5."),
        ("resnet26-w16", {"stem_kernel": "5"}, "Model resnet26-w16 cannot have stem_kernel=5: choose from 3, 5."),
        ("mnist-cnn", {"relu_logits": 1}, "Model mnist-cnn cannot have relu_logits=1: Expected `bool`, got `int`."),
    ],
    ids=[
        "misspelt model",
        "unknown model",
        "argument of a network without any",
        "argument that is not the user's",
        "misspelt argument",
        "value that is none of the choices",
        "number as text",
        "number as truth",
    ],
)
def test_what_cannot_be_built_is_said_in_one_sentence(name: str, args: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_model(name, num_classes=10, image_shape=CIFAR, args=args)
    assert str(caught.value) == message


def test_names_of_models_recipes_and_schedules_are_known_without_pytorch() -> None:
    code = "import sys, core.models, core.recipes, core.optim.schedules; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
