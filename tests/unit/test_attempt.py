"""How an attempt at a run begins: from which checkpoint, and what stands in the folder by then."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core import events as ev
from core.checkpoint import point, resolve_checkpoint
from core.errors import CheckpointError, DataError, UsageError
from core.fold import fold
from core.runfolder import RunFolder
from core.signals import Signals
from tests.training import NUM_TRAIN, STEPS_PER_EPOCH, Watch, image_folder, tiny, train


class KilledError(Exception):
    """Stands for a SIGKILL."""


@pytest.mark.parametrize(
    ("request_", "name", "status", "exit_code"),
    [("preempt", "SIGTERM", "preempted", 75), ("interrupt", "SIGINT", "stopped", 0)],
)
def test_a_signal_while_the_data_is_loaded_ends_it_before_it_has_begun(
    request_: Any, name: str, status: str, exit_code: int, images: Path, tmp_path: Path
) -> None:
    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, ev.PhaseChanged) and record.event.phase == "loading_data":
            signals.request, signals.name = request_, name

    folder = RunFolder(tmp_path / "run")
    ended = train(folder, tiny(images), watch=watch)
    assert (ended.status, ended.exit_code, ended.step) == (status, exit_code, 0)
    assert ended.reason == f"{name}, before training began"
    assert not folder.checkpoints.exists()
    assert train(folder, tiny(images, epochs=1), resume="last").status == "finished"
    notices = [timed.event.text for timed in fold(folder.events_file).log if isinstance(timed.event, ev.Notice)]
    assert notices == ["run run has no checkpoint yet: training begins anew"]


def test_a_signal_while_a_resumed_run_is_loaded_leaves_it_where_it_is(images: Path, tmp_path: Path) -> None:
    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, ev.PhaseChanged) and record.event.phase == "loading_data":
            signals.request, signals.name = "preempt", "SIGTERM"

    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, epochs=1))
    ended = train(folder, tiny(images, epochs=2), watch=watch, resume="last")
    assert (ended.status, ended.step, ended.epoch) == ("preempted", STEPS_PER_EPOCH, 1)


@pytest.mark.parametrize(
    ("recipe", "low_size"), [("c10-lenet", 24), ("c10-cpu", 8)], ids=["for another size", "pooled to nothing"]
)
def test_small_images_that_the_network_cannot_take_are_refused(
    recipe: str, low_size: int, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=f"data.low_size cannot be {low_size}: model .* takes no images of"):
        train(RunFolder(tmp_path / "run"), tiny(images, recipe, data__low_size=low_size))


def test_a_last_batch_of_one_image_that_batch_norm_cannot_take_is_refused(images: Path, tmp_path: Path) -> None:
    config = tiny(images, "c100super-resnet9", epochs=1, data__image_size=8, data__batch_size=NUM_TRAIN - 1)
    with pytest.raises(UsageError, match=f"the last batch of an epoch is a single image.*than {NUM_TRAIN - 1}$"):
        train(RunFolder(tmp_path / "run"), config)
    without = replace(config, data=replace(config.data, drop_last=True))
    assert train(RunFolder(tmp_path / "without"), without).status == "finished"
    larger = replace(config, data=replace(config.data, image_size=16))
    assert train(RunFolder(tmp_path / "larger"), larger).status == "finished"


def test_who_is_killed_after_going_back_has_gone_back(images: Path, tmp_path: Path) -> None:
    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, ev.RunStarted):
            raise KilledError

    folder, earlier = RunFolder(tmp_path / "run"), f"step-{STEPS_PER_EPOCH:08d}"
    train(folder, tiny(images, epochs=2))
    with pytest.raises(KilledError):
        train(folder, tiny(images, epochs=2), watch=watch, resume=earlier)
    assert resolve_checkpoint(folder.checkpoints, "last").name == earlier


def killed(record: ev.Record, signals: Signals) -> None:
    if isinstance(record.event, ev.Batches):
        raise KilledError


def preempted_early(record: ev.Record, signals: Signals) -> None:
    if isinstance(record.event, ev.PhaseChanged):
        signals.request, signals.name = "preempt", "SIGTERM"


@pytest.mark.parametrize("watch", [killed, preempted_early])
def test_a_fork_that_ends_early_goes_on_from_where_it_was_forked(watch: Watch, images: Path, tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    train(first, tiny(images, epochs=2))
    with contextlib.suppress(KilledError):
        train(second, tiny(images), watch=watch, resume="last", fork_of=first)
    assert train(second, tiny(images), resume="last").step == 3 * STEPS_PER_EPOCH
    resumed = [timed.event for timed in fold(second.events_file).log if isinstance(timed.event, ev.Resumed)]
    assert min(event.from_step for event in resumed) == 2 * STEPS_PER_EPOCH


def test_a_run_goes_on_from_its_best_checkpoint(images: Path, tmp_path: Path) -> None:
    folder, best = RunFolder(tmp_path / "run"), f"step-{STEPS_PER_EPOCH:08d}"
    train(folder, tiny(images, epochs=2))
    point(folder.checkpoints, "best", best)
    train(folder, tiny(images, epochs=2), resume="best")
    (resumed,) = (timed.event for timed in fold(folder.events_file).log if isinstance(timed.event, ev.Resumed))
    assert (resumed.checkpoint, resumed.from_step, resumed.from_epoch) == (best, STEPS_PER_EPOCH, 1)


@pytest.mark.parametrize(
    ("name", "how"), [("afternoon", 'it lacks "noon"'), ("a", 'it lacks "noon"')], ids=["same order", "another order"]
)
def test_a_run_does_not_go_on_with_labels_that_mean_other_classes(name: str, how: str, tmp_path: Path) -> None:
    images, folder = image_folder(tmp_path / "images"), RunFolder(tmp_path / "run")
    train(folder, tiny(images, epochs=1))
    for part in ("train", "test"):
        (images / part / "noon").rename(images / part / name)
    with pytest.raises(DataError, match=how):
        train(folder, tiny(images, epochs=2), resume="last")
    train(RunFolder(tmp_path / "fork"), tiny(images, epochs=2), resume="last", fork_of=folder)


@pytest.mark.parametrize(("before", "after"), [("sgd", "adamw"), ("sgd", "muon"), ("muon", "adam")])
def test_a_fork_may_have_another_optimiser(before: str, after: str, images: Path, tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    train(first, tiny(images, max_steps=1, optimizer__name=before, optimizer__momentum=0.9))
    other = tiny(images, max_steps=2, optimizer__name=after, optimizer__momentum=0.9)
    assert train(second, other, resume="last", fork_of=first).step == 2


def test_a_fork_to_another_network_is_refused(images: Path, tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "first"), RunFolder(tmp_path / "second")
    train(first, tiny(images, max_steps=1))
    with pytest.raises(CheckpointError, match="the checkpoint does not fit this run"):
        train(second, tiny(images, "c100super-resnet9"), resume="last", fork_of=first)


def test_the_manifest_tells_the_device(images: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, max_steps=1, device="cpu"))
    device = folder.read_manifest().device
    assert device is not None
    assert device["name"] == "cpu"
