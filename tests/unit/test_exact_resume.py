"""A run that was interrupted and resumed is the run that was never interrupted, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from core import events as ev
from core.models import im2col
from core.reader import read_all
from core.recipes import RECIPES
from core.runfolder import RunFolder
from core.signals import Signals
from core.train import Trainer
from tests.training import (
    STEPS_PER_EPOCH,
    assert_identical,
    final_state,
    history,
    image_folder,
    preempt_at,
    tiny,
    train,
)

EVERY_AUGMENTATION = [
    {"type": "horizontal_flip"},
    {"type": "random_crop", "padding": 4, "mode": "reflect"},
    {"type": "rotation"},
    {"type": "affine", "shear": 10.0, "scale": [0.8, 1.2]},
    {"type": "color_jitter", "brightness": 0.2, "contrast": 0.2, "saturation": 0.2},
    {"type": "cutout", "size": 8},
]
SGD = {"name": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
SETTINGS: dict[str, dict[str, Any]] = {
    "adam, dropout and every augmentation": {"data__augment": EVERY_AUGMENTATION},
    "sgd with momentum and one-cycle": {"optimizer": SGD, "schedule": {"type": "one_cycle"}},
    "adam with one-cycle": {"schedule": {"type": "one_cycle"}},
    "plateau": {"optimizer": SGD, "schedule": {"type": "plateau", "patience": 0, "threshold": 0.9}},
    "clipping by value": {"optimizer__clip_value": 0.01},
    "clipping by norm": {"optimizer__clip_norm": 0.1},
    "bfloat16": {"precision": "bfloat16"},
    "steps by epoch": {"schedule": {"type": "multi_step", "epochs": [1, 2]}, "optimizer__label_smoothing": 0.1},
}
MOMENTS = {
    "the first step": 1,
    "mid-epoch": STEPS_PER_EPOCH + 3,
    "the last step of an epoch": STEPS_PER_EPOCH,
    "the first step of an epoch": STEPS_PER_EPOCH + 1,
    "the last step of all": 3 * STEPS_PER_EPOCH,
}


@pytest.fixture(autouse=True)
def every_step_is_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interruptions hit the step they are meant for."""
    monkeypatch.setattr("core.meter.CHUNK_SECONDS", 0.0)
    monkeypatch.setattr("core.steering.LOOK_SECONDS", 0.0)


def assert_same_run(whole: RunFolder, parts: RunFolder) -> None:
    assert_identical(final_state(whole), final_state(parts))
    assert history(whole) == history(parts)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
def test_resumed_mid_epoch_equals_uninterrupted_with(settings: dict[str, Any], images: Path, tmp_path: Path) -> None:
    config = tiny(images, **settings)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(whole, config)
    assert train(parts, config, watch=preempt_at(STEPS_PER_EPOCH + 3)).status == "preempted"
    assert train(parts, config, resume="last").status == "finished"
    assert_same_run(whole, parts)


@pytest.mark.parametrize("step", MOMENTS.values(), ids=MOMENTS.keys())
def test_interrupted_after(step: int, images: Path, tmp_path: Path) -> None:
    config = tiny(images)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(whole, config)
    assert train(parts, config, watch=preempt_at(step)).status == "preempted"
    train(parts, config, resume="last")
    assert_same_run(whole, parts)


@pytest.mark.parametrize("kind", [ev.EpochEnded, ev.CheckpointSaved], ids=["after evaluation", "during a save"])
def test_interrupted(kind: type[ev.Event], images: Path, tmp_path: Path) -> None:
    config = tiny(images)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")

    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, kind):
            signals.request, signals.name = "preempt", "SIGTERM"

    train(whole, config)
    assert train(parts, config, watch=watch).status == "preempted"
    train(parts, config, resume="last")
    assert_same_run(whole, parts)


def test_a_chain_of_ten_resumes(images: Path, tmp_path: Path) -> None:
    config = tiny(images, epochs=4, data__augment=EVERY_AUGMENTATION, schedule={"type": "one_cycle"})
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(whole, config)
    assert train(parts, config, watch=preempt_at(2)).status == "preempted"
    for step in range(4, 22, 2):
        assert train(parts, config, resume="last", watch=preempt_at(step)).status == "preempted"
    assert train(parts, config, resume="last").status == "finished"
    assert_same_run(whole, parts)


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_every_recipe_resumes_exactly(recipe: str, images: Path, tmp_path: Path) -> None:
    size = 28 if recipe.startswith("mnist") else 32
    settings: dict[str, Any] = {"epochs": 1, "max_steps": 3, "data__image_size": size}
    if RECIPES[recipe].config.model.name == "speednet":  # as wide as the recipe has it, it would take many seconds
        settings |= {f"model__args__width{number}": 16 for number in (1, 2, 3)}
    config = tiny(images, recipe, **settings)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(whole, config)
    assert train(parts, config, watch=preempt_at(2)).status == "preempted"
    train(parts, config, resume="last")
    assert_same_run(whole, parts)


def test_with_convolutions_by_winograds_method(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.device.computes_in_bfloat16", lambda device: False)
    monkeypatch.setattr("core.models.winograd._COST_OF_FILTERS", 0)  # they pay for batches larger than these
    config = tiny(images, "c100super-resnet9-fast", epochs=1, max_steps=3)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(whole, config)
    assert "7 convolutions are computed by Winograd's method" in whole.events_file.read_text()
    assert train(parts, config, watch=preempt_at(2)).status == "preempted"
    train(parts, config, resume="last")
    assert_same_run(whole, parts)


def test_with_convolutions_by_im2col(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": True})
    config = tiny(images, "c100super-resnet9-fast", epochs=1, max_steps=3, precision="bfloat16")
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    with monkeypatch.context() as patch:
        products = Mock(wraps=im2col._of_filters)
        patch.setattr(im2col, "_of_filters", products)
        train(whole, config)
    assert products.call_count >= 3 * 3  # conv4 and the two of res2
    assert train(parts, config, watch=preempt_at(2)).status == "preempted"
    train(parts, config, resume="last")
    assert_same_run(whole, parts)


def _without_momenta(state: dict[str, Any]) -> None:
    state["optimizer"]["state"] = {}


def _with(key: str, value: Any) -> Any:
    def forget(state: dict[str, Any]) -> None:
        state["progress"][key] = value

    return forget


FORGOTTEN = {
    "the optimiser's state": _without_momenta,
    "the step": _with("step", 0),
    "the batch": _with("batch", 0),
    "the epoch": _with("epoch", 0),
    "the metrics of the epoch": _with("totals", {"loss": 0.0, "correct": 0.0, "images": 0, "seconds": 0.0}),
    "the learning rate's scale": _with("lr_scale", 1.0),
    "the plateau": _with("plateau", {"best": 1e9, "bad_epochs": 0, "factor": 1.0}),
    "the best": _with("best", None),
    "the number of epochs": _with("num_epochs", 2),
}


@pytest.mark.parametrize("forget", FORGOTTEN.values(), ids=FORGOTTEN.keys())
def test_a_checkpoint_without_a_part_does_not_resume_exactly(
    forget: Any, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part of the state is needed: these tests would notice if it were not saved."""
    # With this seed the first epoch stays the best, so that a forgotten best would be found anew.
    config = tiny(images, seed=3, schedule={"type": "plateau", "patience": 0, "threshold": 0.9})
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")

    def steered(record: ev.Record, signals: Signals, trainer: list[Trainer]) -> None:
        if isinstance(record.event, ev.Batches) and record.event.first_step == 1:
            trainer[0].scale_lr(0.5)

    trainers: list[Trainer] = []
    init, state = Trainer.__init__, Trainer.state

    def remember(self: Trainer, *args: Any) -> None:
        trainers[:] = [self]
        init(self, *args)

    monkeypatch.setattr(Trainer, "__init__", remember)
    train(whole, config, watch=lambda record, signals: steered(record, signals, trainers))

    def watch(record: ev.Record, signals: Signals) -> None:
        steered(record, signals, trainers)
        # The step before epoch 3 ends: the best, the plateau and the totals all have something to lose.
        preempt_at(3 * STEPS_PER_EPOCH - 1)(record, signals)

    def forgetful(self: Trainer) -> dict[str, Any]:
        whole_state = state(self)
        forget(whole_state)
        return whole_state

    monkeypatch.setattr(Trainer, "state", forgetful)
    assert train(parts, config, watch=watch).status == "preempted"
    monkeypatch.setattr(Trainer, "state", state)
    try:
        train(parts, config, resume="last")
        same = True
        assert_same_run(whole, parts)
    except Exception:  # noqa: BLE001 - any way of noticing will do
        same = False
    assert not same


def test_a_run_that_max_steps_ended_within_an_epoch_goes_on_exactly_with_more(images: Path, tmp_path: Path) -> None:
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(whole, tiny(images))
    assert train(parts, tiny(images, max_steps=STEPS_PER_EPOCH + 2)).status == "finished"
    assert [epoch["step"] for epoch in history(parts)["epochs"]] == [STEPS_PER_EPOCH, STEPS_PER_EPOCH + 2]
    train(parts, tiny(images), resume="last")
    left, right = final_state(whole), final_state(parts)
    # The cut-short epoch was evaluated as well, and may have been the best.
    left["progress"].pop("best"), right["progress"].pop("best")
    assert_identical(left, right)
    assert history(whole) == history(parts)


def test_an_epoch_that_is_begun_anew_is_measured_anew(tmp_path: Path) -> None:
    images, folder = image_folder(tmp_path / "images"), RunFolder(tmp_path / "run")
    train(folder, tiny(images, max_steps=3))
    train(folder, tiny(images, epochs=1, data__batch_size=22), resume="last")
    events = [record.event for record in read_all(folder.events_file) if record.attempt == 2]
    losses = [loss for event in events if isinstance(event, ev.Batches) for loss in event.loss]
    (ended,) = (event for event in events if isinstance(event, ev.EpochEnded))
    assert ended.train_loss == pytest.approx(sum(losses) / 2, rel=1e-4)
