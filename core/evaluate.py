"""Evaluate a network: loss, top-1, top-5, confusion matrix, and what it said of every image."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config import TestTime
from core.events import Evaluation
from core.predictions import Predictions


def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    *,
    num_classes: int,
    autocast: contextlib.AbstractContextManager[None],
    test_time: TestTime = "none",
) -> tuple[Evaluation, Predictions]:
    """Run the network over `batches` of (inputs, labels) in evaluation mode.

    Every mean is over images, not over batches, and dropout and batch statistics are off. The device is waited for
    once, at the end. The model's mode is restored. With `test_time` the accuracy over several views of each image is
    told as well; everything else is that of the images as they are.
    """
    started = time.perf_counter()
    was_training = model.training
    model.eval()
    losses, ranks, predicted, confidence, actual, hits_of_views = [], [], [], [], [], []
    try:
        with torch.inference_mode():
            for inputs, labels in batches:
                with autocast:
                    logits = model(inputs)
                logits = logits.float()
                numbers = torch.arange(num_classes, device=logits.device)
                losses.append(F.cross_entropy(logits, labels, reduction="sum"))
                # How many classes come before the right one: 0 is a top-1 hit, less than 5 a top-5 hit. Of equal ones,
                # which bfloat16 and a ReLU on the logits make often, the first counts, as in the top 1. A NaN scores
                # above nothing, so without the second term a network of NaNs would be right about everything.
                own = logits.gather(1, labels[:, None])
                ahead = (logits > own) | ((logits == own) & (numbers < labels[:, None]))
                ranks.append(ahead.sum(1) + num_classes * own.isnan().squeeze(1))
                best = logits.softmax(1).max(1)
                predicted.append(best.indices)
                confidence.append(best.values)
                actual.append(labels)
                if test_time != "none":
                    with autocast:
                        of_views = _over_views(model, inputs, logits, shift=test_time == "mirror_shift")
                    hits_of_views.append((of_views.argmax(1) == labels).double())
    finally:
        model.train(was_training)
    rank, labels, classes = torch.cat(ranks), torch.cat(actual), torch.cat(predicted)
    confusion = torch.bincount(labels * num_classes + classes, minlength=num_classes**2).view(num_classes, num_classes)
    loss = torch.stack(losses).double().sum() / len(labels)
    evaluation = Evaluation(
        loss=round(float(loss), 6),
        top1=float((classes == labels).double().mean()),
        top5=float((rank < 5).double().mean()) if num_classes > 5 else None,
        confusion=confusion.tolist(),
        top1_test_time=float(torch.cat(hits_of_views).mean()) if hits_of_views else None,
        seconds=round(time.perf_counter() - started, 4),
    )
    return evaluation, Predictions(
        predicted=classes.cpu().numpy().astype(np.uint16),
        confidence=torch.cat(confidence).cpu().numpy().astype(np.float16),
    )


def _over_views(model: nn.Module, inputs: Tensor, logits: Tensor, *, shift: bool) -> Tensor:
    """Logits of the images' mirror images, and with `shift` of both moved by a pixel, averaged with `logits`.

    The shifted views count half, as in the records' test-time augmentation (arXiv:2404.00498).
    """
    average: Tensor = (logits + model(inputs.flip(3)).float()) / 2
    if not shift:
        return average
    padded = F.pad(inputs, (1, 1, 1, 1), mode="reflect")
    height, width = inputs.shape[2:]
    moved = []
    for view in (padded[:, :, :height, :width], padded[:, :, 2 : height + 2, 2 : width + 2]):
        moved += [model(view).float(), model(view.flip(3)).float()]
    return average.add(torch.stack(moved).mean(0)).div(2)
