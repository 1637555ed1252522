"""What an evaluation tells, held against PyTorch's own losses and `topk`."""

from __future__ import annotations

import contextlib
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.evaluate import Predictions, evaluate
from core.events import Evaluation


def told(logits: Tensor, labels: Tensor, batch_size: int = 64) -> tuple[Evaluation, Predictions]:
    """The evaluation of a network that gives these logits."""
    return evaluate(
        nn.Flatten(),
        zip(logits[:, :, None, None].split(batch_size), labels.split(batch_size), strict=True),
        num_classes=logits.shape[1],
        autocast=contextlib.nullcontext(),
    )


def test_every_mean_is_over_images_whatever_the_last_batch() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(100, 10), torch.randint(10, (100,))
    evaluation, predictions = told(logits, labels)  # 64 and 36
    best = logits.topk(5).indices
    assert evaluation.loss == pytest.approx(float(F.cross_entropy(logits, labels)), abs=1e-6)
    assert evaluation.top1 == pytest.approx(float((best[:, 0] == labels).double().mean()))
    assert evaluation.top5 == pytest.approx(float((best == labels[:, None]).any(1).double().mean()))
    assert predictions.predicted.tolist() == best[:, 0].tolist()
    assert predictions.confidence.tolist() == pytest.approx(logits.softmax(1).amax(1).tolist(), abs=1e-3)
    counts = torch.zeros(10, 10, dtype=torch.int64)
    counts.index_put_((labels, best[:, 0]), torch.tensor(1), accumulate=True)
    assert evaluation.confusion == counts.tolist()


def test_of_equal_logits_no_more_than_five_are_among_the_first_five() -> None:
    evaluation, _ = told(torch.zeros(100, 10), torch.arange(100) % 10)
    assert (evaluation.top1, evaluation.top5) == (0.1, 0.5)
    first, _ = told(torch.zeros(100, 10), torch.arange(100) % 5)
    assert first.top5 == 1.0, "the first ones, as in the top 1"


def test_of_five_classes_none_is_beyond_the_first_five() -> None:
    assert told(torch.randn(10, 5), torch.arange(10) % 5)[0].top5 is None
    assert told(torch.zeros(12, 6), torch.arange(12) % 6)[0].top5 == pytest.approx(5 / 6)


def test_a_network_of_nans_is_right_about_class_0_at_most() -> None:
    evaluation, _ = told(torch.full((100, 10), math.nan), torch.arange(100) % 10)
    assert evaluation.top1 <= 0.1
    assert evaluation.top5 == 0.0
    assert math.isnan(evaluation.loss)


@pytest.mark.parametrize("is_training", [True, False])
def test_the_network_is_in_the_mode_that_it_was_in(is_training: bool) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.5)).train(is_training)
    inputs, labels = torch.randn(8, 3, 1, 1), torch.zeros(8, dtype=torch.int64)
    first, again = (
        evaluate(network, [(inputs, labels)], num_classes=3, autocast=contextlib.nullcontext())[0].loss
        for _ in range(2)
    )
    assert first == again
    assert network.training is is_training
