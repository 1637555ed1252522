"""What is planned follows what happens in a training, and the log tells it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from core.config import BestMetric
from core.fold import fold
from core.plan import Plan
from core.progress import Progress
from core.runfolder import RunFolder
from tests.training import STEPS_PER_EPOCH, image_folder, tiny, train


def test_the_learning_rate_falls_on_a_plateau_and_with_it_the_plan(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    standing_still = {"optimizer__lr": 1e-12, "schedule": {"type": "plateau", "factor": 0.5, "patience": 0}}
    train(folder, tiny(image_folder(tmp_path / "images"), **standing_still))
    state = fold(folder.events_file)
    assert state.batches["lr"].tolist() == [1e-12] * 2 * STEPS_PER_EPOCH + [0.5e-12] * STEPS_PER_EPOCH
    assert state.plan is not None
    assert state.plan.lr[-1] == 0.25e-12, "the last epoch was no better either"


@pytest.mark.parametrize(("patience", "after"), [(0, "an epoch"), (1, "2 epochs")])
def test_the_reason_tells_how_long_nothing_has_improved(patience: int, after: str, tmp_path: Path) -> None:
    config = tiny(tmp_path, schedule={"type": "plateau", "patience": patience})
    plan = Plan(config, STEPS_PER_EPOCH, Progress(num_epochs=9))
    reasons = [plan.follow_validation(1.0) for _ in range(patience + 2)]
    assert reasons == [""] * (patience + 1) + [f"the validation loss has not improved for {after}"]


@pytest.mark.parametrize(
    ("max_steps", "num_steps", "num_epochs"),
    [(None, 9 * STEPS_PER_EPOCH, 9), (STEPS_PER_EPOCH + 1, STEPS_PER_EPOCH + 1, 2), (10**6, 9 * STEPS_PER_EPOCH, 9)],
)
def test_max_steps_cut_a_plan_short_and_lengthen_none(
    max_steps: int | None, num_steps: int, num_epochs: int, tmp_path: Path
) -> None:
    plan = Plan(tiny(tmp_path, max_steps=max_steps), STEPS_PER_EPOCH, Progress(num_epochs=9))
    assert (plan.num_steps, plan.num_epochs) == (num_steps, num_epochs)


def test_what_commands_and_rollbacks_scaled_is_in_every_step_and_in_the_plan_told(tmp_path: Path) -> None:
    progress = Progress(num_epochs=2, lr_scale=0.25, step=3)
    plan = Plan(tiny(tmp_path, optimizer__lr=0.4, schedule={"type": "constant"}), STEPS_PER_EPOCH, progress)
    assert plan.learning_rate(0) == plan.learning_rate(plan.num_steps - 1) == pytest.approx(0.1)
    told = plan.lr_plan()
    assert set(told.lr) == {plan.learning_rate(3)}
    assert (told.steps[0], told.steps[-1]) == (3, plan.num_steps - 1)


def test_small_images_come_first_for_their_part_of_the_steps(tmp_path: Path) -> None:
    data = {"data__low_size": 8, "data__low_part": 0.5}
    plan = Plan(tiny(tmp_path, **data), STEPS_PER_EPOCH, Progress(num_epochs=2))
    sizes = [plan.image_size(step) for step in range(plan.num_steps)]
    assert sizes == [8] * STEPS_PER_EPOCH + [None] * STEPS_PER_EPOCH


@pytest.mark.parametrize(
    ("metric", "results", "best"),
    [
        ("validation_top1", [0.5, math.nan, 0.4, 0.5, 0.6], [True, False, False, False, True]),
        ("train_accuracy", [0.5, 0.4, 0.6], [True, False, True]),
        ("validation_loss", [math.inf, 2.0, 3.0, 2.0, 1.0], [False, True, False, False, True]),
    ],
)
def test_the_best_epoch_is_the_first_of_the_best_result(
    metric: BestMetric, results: list[float], best: list[bool]
) -> None:
    progress = Progress(num_epochs=9)
    assert [progress.take_result(metric, result) for result in results] == best
