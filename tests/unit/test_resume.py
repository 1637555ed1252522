"""Going on with other settings: how far a run counts as done."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core import control
from core import events as ev
from core.checkpoint import Meta, load_checkpoint, newest_first, point, resolve_checkpoint
from core.fold import fold
from core.reader import read_all
from core.resume import differences, is_finished
from core.runfolder import Manifest, RunFolder, create_run_folder
from tests.training import BATCH_SIZE, NUM_TRAIN, STEPS_PER_EPOCH, final_state, image_folder, preempt_at, tiny, train
from tui.launch import TrainOptions, make_request

_LARGE = NUM_TRAIN // 2  # two batches an epoch


@pytest.mark.parametrize(
    ("change", "steps_per_epoch"),
    [({"data__batch_size": _LARGE}, 2), ({"data__drop_last": True}, 5), ({"data__validation": "holdout"}, 6)],
    ids=["larger", "dropped", "of other images"],
)
@pytest.mark.parametrize(
    ("before", "num_epochs"),
    [({"epochs": 1}, 1), ({"max_steps": 3}, 0), ({"max_steps": STEPS_PER_EPOCH}, 1)],
    ids=["after an epoch", "within the first", "at its last step"],
)
def test_with_other_batches_whole_epochs_count(
    before: dict[str, Any], num_epochs: int, change: dict[str, Any], steps_per_epoch: int, images: Path, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, **before))
    ended = train(folder, tiny(images, epochs=2, **change), resume="last")
    assert (ended.status, ended.step, ended.epoch) == ("finished", 2 * steps_per_epoch, 2)
    first_step = num_epochs * steps_per_epoch
    records = [record.event for record in read_all(folder.events_file) if record.attempt == 2]
    (resumed,) = (event for event in records if isinstance(event, ev.Resumed))
    assert resumed.from_step == first_step
    assert sum(len(event.loss) for event in records if isinstance(event, ev.Batches)) == ended.step - first_step


def test_a_number_of_epochs_from_a_command_is_what_a_run_is_finished_with(images: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.control.mkdir(parents=True)
    control.send(folder.control, control.parse_command(["epochs", "2"]))
    assert train(folder, tiny(images)).step == 2 * STEPS_PER_EPOCH
    assert is_finished(folder, tiny(images))
    assert is_finished(folder, tiny(images, epochs=1))
    assert not is_finished(folder, tiny(images, epochs=4))
    assert not is_finished(folder, tiny(images, max_steps=2 * STEPS_PER_EPOCH + 1))
    assert not is_finished(folder, tiny(images), epochs_asked=True)
    assert train(folder, tiny(images), resume="last").step == 2 * STEPS_PER_EPOCH
    assert fold(folder.events_file).num_epochs == 2
    assert train(folder, tiny(images), resume="last", epochs_asked=True).step == 3 * STEPS_PER_EPOCH


def best_of(folder: RunFolder) -> Meta:
    return load_checkpoint(resolve_checkpoint(folder.checkpoints, "best"))[1]


def test_another_meaning_of_best_begins_anew(images: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, epochs=2, checkpoint__best="train_accuracy"))
    train(folder, tiny(images, epochs=4, checkpoint__best="validation_loss"), resume="last")
    losses = {epoch.epoch: epoch.validation.loss for epoch in fold(folder.events_file).epochs if epoch.epoch > 2}
    best = best_of(folder)
    assert best.epoch == min(losses, key=losses.__getitem__)
    assert best.metrics == {"validation_loss": losses[best.epoch]}


def test_a_fork_has_a_best_checkpoint_of_its_own(images: Path, tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    train(first, tiny(images, epochs=1))
    train(second, tiny(images, epochs=2, optimizer__lr=0.0), resume="last", fork_of=first)  # no better than the first
    assert best_of(second).epoch == 2


def test_a_checkpoint_tells_the_metric_of_its_own_weights(images: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, checkpoint__best="train_accuracy", checkpoint__keep=9))
    epochs = fold(folder.events_file).epochs
    told = {meta.epoch: meta.metrics for _, meta in map(load_checkpoint, newest_first(folder.checkpoints))}
    assert told == {epoch.epoch: {"train_accuracy": epoch.train_accuracy} for epoch in epochs}
    assert told[2]["train_accuracy"] < told[1]["train_accuracy"]  # it is not the best so far

    train(folder, tiny(images, epochs=4), watch=preempt_at(3 * STEPS_PER_EPOCH + 2), resume="last")
    assert load_checkpoint(resolve_checkpoint(folder.checkpoints, "last"))[1].metrics == {}  # nobody has evaluated it


def test_a_run_that_max_steps_ended_is_finished_until_more_are_asked_for(images: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, max_steps=STEPS_PER_EPOCH))
    assert is_finished(folder, tiny(images, max_steps=STEPS_PER_EPOCH))
    assert is_finished(folder, tiny(images, epochs=1))
    assert is_finished(folder, tiny(images, max_steps=STEPS_PER_EPOCH - 1))
    assert not is_finished(folder, tiny(images))
    assert not is_finished(folder, tiny(images, max_steps=STEPS_PER_EPOCH + 1))


def test_epochs_are_asked_for_unless_the_command_line_is_the_same_every_time(images: Path, tmp_path: Path) -> None:
    train(RunFolder(tmp_path / "run"), tiny(images, max_steps=1))
    every_time = TrainOptions(
        recipe=None, flags={"epochs": 3}, config_file=None, assignments=[], runs_dir=tmp_path, run_id="run",
        resume="auto", fork=False, no_ui=True, dry_run=False, json=False, ascii=False, color="auto",
    )  # fmt: skip
    once = replace(every_time, run_id=None, resume="run")
    asked = [every_time, once, replace(once, flags={}, assignments=["epochs=3"]), replace(once, flags={"epochs": None})]
    requests = [make_request(options) for options in asked]
    assert [request.epochs_asked for request in requests] == [False, True, True, False]
    assert [request.config.max_steps for request in requests] == [1, None, None, 1], "a limit from before is lifted"
    limited = make_request(replace(once, flags={"epochs": 3, "max_steps": 2}))
    assert limited.config.max_steps == 2


@pytest.mark.parametrize(
    ("flags", "assignments", "asked"),
    [({"epochs": 3, "optimizer": {"lr": None}}, [], False), ({"optimizer": {"lr": 0.001}}, [], True),
     ({}, ["optimizer.lr=0.001", "data.batch_size=4"], True)],
    ids=["no", "--lr", "--set"],
)  # fmt: skip
def test_a_fork_is_asked_for_a_learning_rate(
    flags: dict[str, Any], assignments: list[str], asked: bool, images: Path, tmp_path: Path
) -> None:
    train(RunFolder(tmp_path / "run"), tiny(images, max_steps=1))
    options = TrainOptions(
        recipe=None, flags=flags, config_file=None, assignments=assignments, runs_dir=tmp_path, run_id=None,
        resume="run", fork=True, no_ui=True, dry_run=False, json=False, ascii=False, color="auto",
    )  # fmt: skip
    assert make_request(options).lr_asked is asked


def test_the_best_checkpoint_stays_the_best_unless_it_lies_ahead(images: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    standing_still = {"optimizer__lr": 0.0, "checkpoint__best": "validation_loss", "checkpoint__keep": 9}
    train(folder, tiny(images, epochs=1, **standing_still))
    train(folder, tiny(images, epochs=2, **standing_still), resume="last")
    assert best_of(folder).epoch == 1
    point(folder.checkpoints, "best", f"step-{2 * STEPS_PER_EPOCH:08d}")
    train(folder, tiny(images, epochs=2, **standing_still), resume=f"step-{STEPS_PER_EPOCH:08d}")
    assert not (folder.checkpoints / "best").exists()


@pytest.mark.parametrize(
    ("changes", "lr_asked", "lr"),
    [
        ({}, False, 0.0005),
        ({"optimizer__lr": 0.01}, True, 0.01),
        ({"optimizer__lr": 0.01}, False, 0.01),
        ({}, True, 0.001),
    ],
    ids=["as it was", "given", "another in a file", "the parent's own given"],
)
def test_a_learning_rate_given_to_a_fork_is_what_it_trains_with(
    changes: dict[str, Any], lr_asked: bool, lr: float, images: Path, tmp_path: Path
) -> None:
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    first.control.mkdir(parents=True)
    control.send(first.control, control.parse_command(["lr", "×0.5"]))
    train(first, tiny(images, epochs=1))
    train(second, tiny(images, epochs=2, **changes), resume="last", fork_of=first, lr_asked=lr_asked)
    state = fold(second.events_file)
    assert state.plan is not None
    assert {*state.batches["lr"], *state.plan.lr} == {lr}


def test_other_settings_of_the_optimiser_are_what_a_fork_trains_with(images: Path, tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    train(first, tiny(images, max_steps=1))
    train(second, tiny(images, max_steps=2, optimizer__weight_decay=0.25), resume="last", fork_of=first)
    (group,) = final_state(second)["optimizer"]["param_groups"]
    assert group["weight_decay"] == 0.25


@pytest.mark.parametrize(("change", "from_step"), [("another", STEPS_PER_EPOCH), ("larger", STEPS_PER_EPOCH + 1)])
def test_with_another_folder_of_images_an_epoch_begins_anew(change: str, from_step: int, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    train(first, tiny(images, max_steps=STEPS_PER_EPOCH + 2))
    if change == "another":
        images = image_folder(tmp_path / "others")
    else:
        for image in list((images / "train" / "noon").iterdir())[:BATCH_SIZE]:
            shutil.copy(image, image.with_stem(f"copy-{image.stem}"))
    train(second, tiny(images, epochs=2), resume="last", fork_of=first)
    (resumed,) = (record.event for record in read_all(second.events_file) if isinstance(record.event, ev.Resumed))
    assert (resumed.from_step, resumed.from_epoch) == (from_step, 1)


def test_a_run_is_resumed_from_another_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = image_folder(tmp_path / "images")
    monkeypatch.chdir(tmp_path)
    options = TrainOptions(
        recipe="shapes-small", flags={"data": {"dataset": "folder:images", "dir": "data"}}, config_file=None,
        assignments=[], runs_dir=tmp_path, run_id="run", resume="auto", fork=False, no_ui=True, dry_run=False,
        json=False, ascii=False, color="auto",
    )  # fmt: skip
    begun = make_request(options).config
    assert (begun.data.dataset, begun.data.dir) == (f"folder:{images}", str(tmp_path / "data"))
    folder = create_run_folder(tmp_path, "shapes-small", "run")
    folder.write_manifest(Manifest(id="run", recipe="shapes-small", created=1.0, config=msgspec.to_builtins(begun)))
    assert make_request(options).config == begun, "the same command goes on with it"
    monkeypatch.chdir(images)
    assert make_request(replace(options, recipe=None, flags={})).config == begun


def test_a_checkpoint_with_a_relative_folder_of_images_goes_on_within_its_epoch(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(images.parent)
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(Path(images.name), epochs=1, max_steps=3))  # as earlier versions kept it
    train(folder, tiny(images, epochs=1), resume="last")
    (resumed,) = (record.event for record in read_all(folder.events_file) if isinstance(record.event, ev.Resumed))
    assert resumed.from_step == 3


def test_how_long_where_and_what_is_kept_makes_no_other_run(images: Path) -> None:
    harmless: dict[str, Any] = {
        "epochs": 9, "max_steps": 7, "device": "cpu", "threads": 2, "on_nan": "rollback:1", "data__dir": "elsewhere",
        "data__evaluation_batch_size": 5, "checkpoint__keep": 1,
    }  # fmt: skip
    assert differences(tiny(images), tiny(images, **harmless)) == []
    assert differences(tiny(images), tiny(images, seed=4, **harmless)) == ["seed: 3 → 4"]


def test_a_run_goes_on_with_a_folder_of_images_that_has_moved_and_not_with_another(tmp_path: Path) -> None:
    here, there = image_folder(tmp_path / "here" / "pets"), tmp_path / "there" / "pets"
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(here, epochs=1, max_steps=3))
    shutil.copytree(here, there)
    assert differences(tiny(here), tiny(there)) == [f"data.dataset: folder:{here} → folder:{there}"]
    shutil.rmtree(here)
    assert differences(tiny(here), tiny(there)) == []
    assert len(differences(tiny(here), tiny(there.parent))) == 1
    train(folder, tiny(there, epochs=1), resume="last")
    (resumed,) = (record.event for record in read_all(folder.events_file) if isinstance(record.event, ev.Resumed))
    assert resumed.from_step == 3
