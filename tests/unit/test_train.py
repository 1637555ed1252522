"""The training loop does what was planned, also after the plan was changed, and its log says what it did."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core import control
from core import events as ev
from core.checkpoint import load_checkpoint
from core.config import BestMetric
from core.fold import fold
from core.optim.schedules import momentum_at
from core.progress import Progress
from core.runfolder import RunFolder
from core.signals import Signals
from core.state import RunState
from core.train import Trainer
from tests.strategies import snapshot
from tests.training import STEPS_PER_EPOCH, final_state, tiny, train


@pytest.mark.parametrize(
    ("every", "saved"),
    [(1, ["epoch 1", "epoch 2", "epoch 3"]), (2, ["epoch 1", "epoch 2", "end 3"]), (0, ["epoch 1", "end 3"])],
)
def test_checkpoints_are_saved_every_so_many_epochs_after_the_best_and_once_at_the_end(
    every: int, saved: list[str], images: Path, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    first_is_best = {"optimizer__lr": 0.0, "checkpoint__best": "validation_loss", "checkpoint__keep": 1}
    train(folder, tiny(images, checkpoint__every_epochs=every, **first_is_best))
    checkpoints = fold(folder.events_file).checkpoints
    assert [f"{checkpoint.reason} {checkpoint.step // STEPS_PER_EPOCH}" for checkpoint in checkpoints] == saved
    assert [checkpoint.step for checkpoint in checkpoints if checkpoint.is_best] == [STEPS_PER_EPOCH]
    kept = sorted(path.name for path in folder.checkpoints.glob("step-*"))
    assert kept == [f"step-{epoch * STEPS_PER_EPOCH:08d}" for epoch in (1, 3)], "the best and the last"


@pytest.mark.parametrize(
    ("metric", "are_best"),
    [("validation_top1", [True, True, False]), ("train_accuracy", [True, True, False]),
     ("validation_loss", [True, False, True])],
)  # fmt: skip
def test_the_best_is_the_highest_accuracy_or_the_lowest_loss(metric: BestMetric, are_best: list[bool]) -> None:
    progress = Progress(num_epochs=3)
    assert [progress.take_result(metric, value) for value in (0.4, 0.7, 0.3)] == are_best


def test_a_run_that_max_steps_ends_within_an_epoch_saves_its_last_steps(images: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    first_is_best = {"optimizer__lr": 0.0, "checkpoint__best": "validation_loss", "checkpoint__every_epochs": 0}
    train(folder, tiny(images, max_steps=STEPS_PER_EPOCH + 2, **first_is_best))
    saved = fold(folder.events_file).checkpoints
    assert [(checkpoint.reason, checkpoint.step) for checkpoint in saved] == [
        ("epoch", STEPS_PER_EPOCH),
        ("end", STEPS_PER_EPOCH + 2),
    ]


def test_a_checkpoint_asked_for_at_the_last_step_does_not_stand_for_that_of_the_end(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, ev.Batches) and record.event.first_step == STEPS_PER_EPOCH - 1:
            control.send(folder.control, control.parse_command(["checkpoint"]))

    monkeypatch.setattr("core.meter.CHUNK_SECONDS", 0.0)
    monkeypatch.setattr("core.steering.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("core.train.result_of", lambda *_: float("nan"))
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, epochs=1, checkpoint__every_epochs=0), watch=watch)
    saved = fold(folder.events_file).checkpoints
    assert [(checkpoint.reason, checkpoint.epoch) for checkpoint in saved] == [("command", 0), ("end", 1)]


def test_what_a_trainer_sees_live_is_what_its_log_says(images: Path, tmp_path: Path) -> None:
    """All of it, settings included: a tuple that the log turns into a list would already be a difference."""
    live = RunState()
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, epochs=1), watch=lambda record, signals: live.apply(record))
    assert snapshot(live) == snapshot(fold(folder.events_file))


@pytest.fixture
def steered(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run that was told several things in its second epoch, of which two steps were trained."""

    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, ev.EpochEnded):
            for words in (["checkpoint"], ["evaluate"], ["epochs", "1"], ["epochs", "9"]):
                control.send(folder.control, control.parse_command(words))

    monkeypatch.setattr("core.steering.LOOK_SECONDS", 0.0)
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, max_steps=STEPS_PER_EPOCH + 2), watch=watch)
    return folder


def test_a_checkpoint_within_an_epoch_has_not_the_result_of_the_one_before(steered: RunFolder) -> None:
    metas = [load_checkpoint(steered.path / saved.path)[1] for saved in fold(steered.events_file).checkpoints]
    told = [(meta.step - STEPS_PER_EPOCH, meta.reason, meta.keep, list(meta.metrics)) for meta in metas]
    best = "validation_top1"
    assert told == [(0, "epoch", False, [best]), (1, "command", True, []), (2, "epoch", False, [best])]


def test_an_evaluation_within_an_epoch_is_of_that_epoch(steered: RunFolder) -> None:
    state = fold(steered.events_file)
    (evaluation,) = state.evaluations
    assert (evaluation.epoch, evaluation.step) == (2, STEPS_PER_EPOCH + 1)
    told = [evaluation.validation.predictions, *(epoch.validation.predictions for epoch in state.epochs)]
    assert told == [f"predictions/{name}.npz" for name in (f"step-{STEPS_PER_EPOCH + 1:08d}", "epoch-001", "epoch-002")]
    assert all((steered.path / path).is_file() for path in told if path)


def test_epochs_that_are_done_or_cut_short_by_max_steps_cannot_be_asked_for(steered: RunFolder) -> None:
    state = fold(steered.events_file)
    assert (state.num_epochs, state.num_steps) == (2, STEPS_PER_EPOCH + 2)
    handled = [timed.event for timed in state.commands.values()]
    refused = [event.message for event in handled if isinstance(event, ev.CommandHandled) and event.status == "refused"]
    steps = STEPS_PER_EPOCH + 2
    assert refused == ["1 epoch is done already", f"this run ends after {steps} steps, whatever its epochs"]


def test_a_run_that_is_stopped_takes_no_more_commands(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.steering.LOOK_SECONDS", 0.0)
    late = (["stop"], ["pause"], ["lr", "0.5"], ["checkpoint"])

    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, ev.EpochEnded):
            for words in (["stop"], *late):
                control.send(folder.control, control.parse_command(words))

    folder = RunFolder(tmp_path / "run")
    assert train(folder, tiny(images), watch=watch).status == "stopped"
    state = fold(folder.events_file)
    assert [checkpoint.reason for checkpoint in state.checkpoints] == ["epoch", "stop"]
    handled = [timed.event for timed in state.commands.values()]
    refused = [event.message for event in handled if isinstance(event, ev.CommandHandled) and event.status == "refused"]
    assert refused == ["the run has just been stopped"] * len(late)


def test_the_momentum_follows_its_schedule(images: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    config = tiny(images, epochs=1, optimizer__name="sgd", schedule={"type": "one_cycle"}, max_steps=4)
    train(folder, config)
    (group,) = final_state(folder)["optimizer"]["param_groups"]
    assert group["momentum"] == momentum_at(config.schedule, 3, 4)
    assert group["momentum"] != config.optimizer.momentum


def test_a_rollback_keeps_the_number_of_epochs_that_a_command_gave(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    take_step, poisoned = Trainer._take_step, []

    def spoiled(self: Trainer, inputs: torch.Tensor, labels: torch.Tensor, lr: float) -> None:
        if self.step == STEPS_PER_EPOCH and not poisoned:
            control.send(folder.control, control.parse_command(["epochs", "2"]))
        if self.step == STEPS_PER_EPOCH + 1 and not poisoned:
            poisoned.append(self.num_epochs)
            inputs = inputs * float("nan")
        take_step(self, inputs, labels, lr)

    monkeypatch.setattr(Trainer, "_take_step", spoiled)
    monkeypatch.setattr("core.steering.LOOK_SECONDS", 0.0)
    assert train(folder, tiny(images, on_nan="rollback:1")).epoch == 2
    assert poisoned == [2]


def test_a_checkpoint_of_a_result_that_is_no_number_can_be_loaded(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.train.result_of", lambda *_: float("nan"))
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, epochs=1, max_steps=1))
    assert [checkpoint.is_best for checkpoint in fold(folder.events_file).checkpoints] == [False]
    assert final_state(folder)["progress"]["best"] is None
