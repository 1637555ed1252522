"""Accuracy over several views of each image: told apart, and only at the end of a run."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from core import events as ev
from core.evaluate import evaluate
from core.reader import read_all
from core.runfolder import RunFolder
from tests.training import image_folder, tiny, train


class LeftBrightness(nn.Module):
    """Two classes: is the left half brighter than the rest, by what the corner pixel says?"""

    def forward(self, x: Tensor) -> Tensor:
        corner = x[:, 0, 0, 0]
        return torch.stack((corner, torch.full_like(corner, 0.5)), 1)


def scores(images: Tensor, labels: list[int], test_time: str) -> ev.Evaluation:
    evaluation, _ = evaluate(
        LeftBrightness(),
        [(images, torch.tensor(labels))],
        num_classes=2,
        autocast=contextlib.nullcontext(),
        test_time=test_time,  # type: ignore[arg-type]
    )
    return evaluation


def test_the_mirror_image_counts_as_much_as_the_image() -> None:
    images = torch.zeros(1, 1, 4, 4)
    images[0, 0, 0, 0], images[0, 0, 0, 3] = 0.4, 1.0  # alone: class 1; with its mirror image .7 on average: class 0
    plain, mirrored = scores(images, [0], "none"), scores(images, [0], "mirror")
    assert (plain.top1, plain.top1_test_time) == (0.0, None)
    assert (mirrored.top1, mirrored.top1_test_time) == (0.0, 1.0)
    assert mirrored.loss == plain.loss
    assert mirrored.confusion == plain.confusion


def test_moved_views_count_half_of_it_all() -> None:
    images = torch.zeros(1, 1, 4, 4)
    # Reflected padding puts pixel (1, 1) into the corner of both moved views.
    images[0, 0, 1, 1] = 2.2
    assert scores(images, [0], "mirror").top1_test_time == 0.0
    # Of the four moved views the two that are not mirrored see it, (2.2 + 0) / 2, and it counts half: .55 > .5.
    assert scores(images, [0], "mirror_shift").top1_test_time == 1.0
    images[0, 0, 1, 1] = 1.8
    assert scores(images, [0], "mirror_shift").top1_test_time == 0.0


@pytest.mark.parametrize("test_time", ["none", "mirror"])
def test_a_run_tells_it_at_its_end_and_not_before(tmp_path: Path, test_time: str) -> None:
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(image_folder(tmp_path / "images"), epochs=2, test_time=test_time))
    told = [
        record.event.validation.top1_test_time
        for record in read_all(folder.events_file)
        if isinstance(record.event, ev.EpochEnded)
    ]
    assert len(told) == 2
    assert told[0] is None
    assert (told[1] is not None) is (test_time != "none")
