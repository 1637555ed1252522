"""When the loss is no longer finite: stop and say what and where, or go back and lower the learning rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from core import control, session
from core import events as ev
from core.errors import DivergedError
from core.reader import read_all
from core.recorder import Recorder
from core.runfolder import RunFolder
from core.signals import Signals
from core.state import RunState
from core.step import Step
from core.train import Trainer
from tests.training import STEPS_PER_EPOCH, history, tiny, train


def poison(monkeypatch: pytest.MonkeyPatch, *, step: int, times: int) -> None:
    """Spoil the inputs of a step with NaN the first `times` times it comes."""
    original, left = Trainer._take_step, [times]

    def spoiled(self: Trainer, inputs: torch.Tensor, labels: torch.Tensor, lr: float) -> None:
        if self.step == step and left[0] > 0:
            left[0] -= 1
            inputs = inputs * float("nan")
        original(self, inputs, labels, lr)

    monkeypatch.setattr(Trainer, "_take_step", spoiled)


def test_divergence_stops_before_the_weights_are_touched(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    poison(monkeypatch, step=STEPS_PER_EPOCH + 2, times=1)
    trainers: list[Trainer] = []
    diverged = Trainer._diverged

    def remember(self: Trainer, *args: Any) -> None:
        trainers.append(self)
        diverged(self, *args)

    monkeypatch.setattr(Trainer, "_diverged", remember)
    with pytest.raises(DivergedError, match=rf"the loss became nan at step {STEPS_PER_EPOCH + 2}; .* step-00000006"):
        train(folder, tiny(images))
    assert all(bool(parameter.isfinite().all()) for parameter in trainers[0].parameters)


def test_a_gradient_that_is_not_finite_does_not_touch_the_weights_either(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, trainers = Step.gradient_norm, []

    def spoiled(self: Step) -> torch.Tensor:
        trainer = trainers[0]
        if trainer.step == 2:
            trainer.parameters[0].grad.fill_(float("inf"))
        return original(self)

    run = Trainer.run
    monkeypatch.setattr(Trainer, "run", lambda self: trainers.append(self) or run(self))
    monkeypatch.setattr(Step, "gradient_norm", spoiled)
    with pytest.raises(DivergedError, match="the gradient norm became inf at step 2"):
        train(RunFolder(tmp_path / "run"), tiny(images))
    assert all(bool(parameter.isfinite().all()) for parameter in trainers[0].parameters)


def test_rollback_goes_back_to_the_checkpoint_with_half_the_learning_rate(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    poison(monkeypatch, step=STEPS_PER_EPOCH + 2, times=2)
    config = tiny(images, on_nan="rollback:2")
    assert train(folder, config).status == "finished"
    happened = history(folder)
    assert happened["columns"]["step"] == list(range(3 * STEPS_PER_EPOCH))
    base = config.optimizer.lr
    assert happened["columns"]["lr"] == [base] * STEPS_PER_EPOCH + [base / 4] * (2 * STEPS_PER_EPOCH)
    rolled_back = [record.event for record in read_all(folder.events_file) if isinstance(record.event, ev.RolledBack)]
    assert [event.from_step for event in rolled_back] == [STEPS_PER_EPOCH, STEPS_PER_EPOCH]


def test_a_command_that_finds_the_divergence_is_answered(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU the last steps are known only when they are waited for, as a command does."""
    asked: list[str] = []
    halt = Trainer.halt

    def found(self: Trainer) -> None:
        if asked:
            raise DivergedError(f"the loss became nan at step {asked.pop()}")
        halt(self)

    def watch(record: ev.Record, signals: Signals) -> None:
        match record.event:
            case ev.EpochEnded(epoch=1):
                control.send(folder.control, control.parse_command(["checkpoint"]))
            case ev.CommandHandled(status="received", step=step):
                asked.append(str(step))

    monkeypatch.setattr(Trainer, "halt", found)
    monkeypatch.setattr("core.steering.LOOK_SECONDS", 0.0)
    folder = RunFolder(tmp_path / "run")
    assert train(folder, tiny(images, on_nan="rollback:1"), watch=watch).status == "finished"
    answers = [record.event for record in read_all(folder.events_file) if isinstance(record.event, ev.CommandHandled)]
    assert [(answer.status, answer.message) for answer in answers] == [
        ("received", ""),
        ("refused", f"the loss became nan at step {STEPS_PER_EPOCH + 1}"),
    ]


def test_rollbacks_end(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path / "run")
    poison(monkeypatch, step=STEPS_PER_EPOCH, times=3)
    with pytest.raises(DivergedError):
        train(folder, tiny(images, on_nan="rollback:2"))


def test_without_a_checkpoint_there_is_nothing_to_go_back_to(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    poison(monkeypatch, step=1, times=1)
    with pytest.raises(DivergedError, match="there is no checkpoint yet"):
        train(folder, tiny(images, on_nan="rollback:2"))


def test_where_every_checkpoint_is_damaged_there_is_nothing_to_go_back_to_either(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, ev.CheckpointSaved):
            (folder.path / record.event.path / "state.pt").write_bytes(b"")

    folder = RunFolder(tmp_path / "run")
    poison(monkeypatch, step=STEPS_PER_EPOCH, times=1)
    with pytest.raises(DivergedError):
        train(folder, tiny(images, on_nan="rollback:2"), watch=watch)


def test_a_rollback_passes_over_a_damaged_checkpoint_and_says_so(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, ev.CheckpointSaved) and record.event.step == 2 * STEPS_PER_EPOCH:
            (folder.path / record.event.path / "state.pt").write_bytes(b"")

    folder = RunFolder(tmp_path / "run")
    poison(monkeypatch, step=2 * STEPS_PER_EPOCH, times=1)
    train(folder, tiny(images, on_nan="rollback:1"), watch=watch)
    events = [record.event for record in read_all(folder.events_file)]
    assert [event.from_step for event in events if isinstance(event, ev.RolledBack)] == [STEPS_PER_EPOCH]
    assert [event.text for event in events if isinstance(event, ev.Notice) and "is damaged" in event.text]


def test_weights_that_are_not_finite_replace_no_checkpoint(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    end_epoch = Trainer._end_epoch

    def spoil(self: Trainer, epoch: int) -> None:
        if epoch == 3:
            with torch.no_grad():
                self.parameters[0][0] = float("inf")
        end_epoch(self, epoch)

    monkeypatch.setattr(Trainer, "_end_epoch", spoil)
    with pytest.raises(DivergedError, match="the weights are not finite after the last step"):
        train(folder, tiny(images))
    assert (folder.checkpoints / "last").read_text().strip() == f"step-{2 * STEPS_PER_EPOCH:08d}"
    state = RunState()
    for record in read_all(folder.events_file):
        state.apply(record)
    assert any("not finite" in timed.event.text for timed in state.log if isinstance(timed.event, ev.Notice))


@pytest.mark.parametrize("kind", ["resumed", "rolled back"])
def test_what_failed_counts_from_where_it_went_on(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt(request: Any, folder: Any, manifest: Any, recorder: Recorder, signals: Any, pulse: Any) -> ev.RunEnded:
        if kind == "resumed":
            recorder.emit(ev.Resumed(attempt=2, from_step=12, from_epoch=2, checkpoint="step-00000012"))
        else:
            recorder.emit(ev.RolledBack(from_step=12, from_epoch=2, reason="", plan=ev.LrPlan(steps=[], lr=[])))
        raise DivergedError("the loss became nan")

    monkeypatch.setattr("core.attempt.attempt", attempt)
    monkeypatch.setattr(session, "tune_pytorch", lambda: None)
    folder = RunFolder(tmp_path)
    recorder, place = Recorder(folder.events_file), session._Place()
    recorder.subscribe(place.follow)
    ended = session._train(None, folder, None, recorder, Signals(), place)  # type: ignore[arg-type]
    recorder.close()
    assert (ended.status, ended.step, ended.epoch) == ("diverged", 12, 2)
