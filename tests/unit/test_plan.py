"""What is planned follows what happens in a training, and the log tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

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
