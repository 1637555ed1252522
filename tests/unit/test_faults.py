"""Disks that fill, go read-only or vanish: training goes on, says what it lost, and loses no more than that."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
import torch

from core import events as ev
from core.checkpoint import load_checkpoint, resolve_checkpoint
from core.errors import CheckpointError, StorageError
from core.pulse import Pulse
from core.reader import EventReader, read_all
from core.resume import is_finished
from core.runfolder import RunFolder
from core.signals import Signals
from tests.training import (
    STEPS_PER_EPOCH,
    assert_identical,
    final_state,
    history,
    preempt_at,
    tiny,
    train,
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, 12 MiB: room for one checkpoint of the network, not for two."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(path)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture(autouse=True)
def every_step_is_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.meter.CHUNK_SECONDS", 0.0)


def write_for_ever(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def at_step(step: int, action: Callable[[], object]) -> Callable[[ev.Record, Signals], None]:
    """Do something once, when `step` comes."""
    done: list[bool] = []

    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, ev.Batches) and record.event.first_step >= step and not done:
            done.append(True)
            action()

    return watch


def notices(folder: RunFolder) -> list[str]:
    return [record.event.text for record in read_all(folder.events_file) if isinstance(record.event, ev.Notice)]


def test_a_full_disk_costs_events_and_checkpoints_but_not_the_training(images: Path, small_disk: Path) -> None:
    folder, filler = RunFolder(small_disk / "run"), small_disk / "filler"

    def fill() -> None:
        with pytest.raises(OSError, match="No space left"):
            write_for_ever(filler)

    def watch(record: ev.Record, signals: Signals) -> None:
        fill_at(record, signals)
        free_at(record, signals)

    fill_at = at_step(STEPS_PER_EPOCH + 2, fill)
    free_at = at_step(3 * STEPS_PER_EPOCH - 2, filler.unlink)
    with pytest.raises(StorageError, match="the last weights could not be saved"):
        train(folder, tiny(images), watch=watch)
    reader = EventReader(folder.events_file)
    records = reader.poll()
    assert reader.num_corrupt == 0
    lost = set(range(records[-1].seq + 1)) - {record.seq for record in records}
    assert lost
    told = [text.split()[0] for text in notices(folder) if "could not be written to events.jsonl" in text]
    assert sum(map(int, told)) == len(lost)
    # What was saved before the disk was full is whole.
    state, _ = load_checkpoint(resolve_checkpoint(folder.checkpoints, "last"))
    assert state["progress"]["step"] >= STEPS_PER_EPOCH


def test_where_the_last_weights_could_not_be_saved_the_run_goes_on_once_there_is_room(
    images: Path, small_disk: Path, tmp_path: Path
) -> None:
    folder = RunFolder(small_disk / "run")
    (small_disk / "filler").write_bytes(bytes(8 << 20))
    with pytest.raises(StorageError, match="the last weights could not be saved: make room and resume"):
        train(folder, tiny(images))
    assert any("no checkpoint at step 6" in text and "No space left" in text for text in notices(folder))
    assert history(folder)["columns"]["step"] == list(range(3 * STEPS_PER_EPOCH))
    assert not is_finished(folder, tiny(images))
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    assert train(folder, tiny(images), resume="last").status == "finished"
    uninterrupted = RunFolder(tmp_path / "uninterrupted")
    train(uninterrupted, tiny(images))
    assert_identical(final_state(folder), final_state(uninterrupted))


def test_predictions_that_do_not_fit_leave_nothing_behind(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(file: BinaryIO, **arrays: object) -> None:
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("numpy.savez_compressed", half)
    folder = RunFolder(tmp_path / "run")
    assert train(folder, tiny(images, epochs=1)).status == "finished"
    assert notices(folder) == ["cannot write epoch-001.npz: No space left on device"]
    assert list(folder.predictions.iterdir()) == []


def test_a_disk_that_goes_read_only(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system does that has met an error; `mount` refuses to do it under an open file, so the calls are
    made to fail."""
    folder = RunFolder(tmp_path / "run")
    seen: list[ev.Event] = []

    def refuse(*args: object, **keywords: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def go_read_only() -> None:
        for call in ("write", "mkdir", "rename", "replace", "ftruncate"):
            monkeypatch.setattr(os, call, refuse)

    go = at_step(STEPS_PER_EPOCH + 2, go_read_only)

    def watch(record: ev.Record, signals: Signals) -> None:
        go(record, signals)
        seen.append(record.event)

    with pytest.raises(StorageError, match="the last weights could not be saved"):
        train(folder, tiny(images), watch=watch)
    monkeypatch.undo()
    assert any(isinstance(event, ev.Notice) and "Read-only file system" in event.text for event in seen)
    state, _ = load_checkpoint(resolve_checkpoint(folder.checkpoints, "last"))
    assert state["progress"]["step"] == STEPS_PER_EPOCH
    assert history(folder)["columns"]["step"] == list(range(STEPS_PER_EPOCH + 2 + 1))


def test_a_copy_that_somebody_made_of_a_checkpoint_stays(images: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    train(folder, tiny(images, epochs=1))
    (saved,) = folder.checkpoints.glob("step-*")
    copy = shutil.copytree(saved, saved.with_name(f"{saved.name}-good"))
    train(folder, tiny(images, epochs=4, checkpoint__keep=1), resume="last")
    assert copy.is_dir()


def test_a_run_folder_that_vanishes(images: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    vanish = at_step(STEPS_PER_EPOCH + 2, lambda: shutil.rmtree(folder.path))
    seen: list[ev.Event] = []

    def watch(record: ev.Record, signals: Signals) -> None:
        vanish(record, signals)
        seen.append(record.event)

    with pytest.raises(StorageError, match="the last weights could not be saved"):
        train(folder, tiny(images), watch=watch)
    assert any(isinstance(event, ev.Notice) and "no checkpoint" in event.text for event in seen)


def _truncate(path: Path) -> None:
    os.truncate(path / "state.pt", 1000)


def _flip_a_bit(path: Path) -> None:
    data = bytearray((path / "state.pt").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "state.pt").write_bytes(data)


def _zero(path: Path) -> None:
    (path / "state.pt").write_bytes(bytes((path / "state.pt").stat().st_size))


def _lose_meta(path: Path) -> None:
    (path / "meta.json").unlink()


def _damage_meta(path: Path) -> None:
    (path / "meta.json").write_text("{", encoding="utf-8")


DAMAGE = {
    "truncated": _truncate,
    "with a flipped bit": _flip_a_bit,
    "zeroed": _zero,
    "without meta.json": _lose_meta,
    "with a damaged meta.json": _damage_meta,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_checkpoint_is_told_of_and_the_one_before_taken(
    damage: Callable[[Path], None], images: Path, tmp_path: Path
) -> None:
    config = tiny(images)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(whole, config)
    train(parts, config, watch=preempt_at(2 * STEPS_PER_EPOCH + 2))
    damage(resolve_checkpoint(parts.checkpoints, "last"))
    train(parts, config, resume="last")
    assert any(resolve_name in text for text in notices(parts) for resolve_name in ("damaged", "incomplete"))
    assert_identical(final_state(whole), final_state(parts))
    assert history(whole) == history(parts)


def test_when_all_checkpoints_are_damaged_it_stops_and_touches_nothing(images: Path, tmp_path: Path) -> None:
    folder, config = RunFolder(tmp_path / "run"), tiny(images)
    train(folder, config, watch=preempt_at(2 * STEPS_PER_EPOCH + 2))
    checkpoints = sorted(folder.checkpoints.glob("step-*"))
    for path in checkpoints:
        _zero(path)
    with pytest.raises(CheckpointError, match="is whole"):
        train(folder, config, resume="last")
    assert sorted(folder.checkpoints.glob("step-*")) == checkpoints


def test_a_driver_that_hangs_takes_only_its_samples_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hung, beaten = threading.Event(), threading.Event()
    monkeypatch.setattr("core.pulse._Gpu.open", lambda device: hung.wait())
    monkeypatch.setattr("core.pulse.HEARTBEAT_SECONDS", 0.01)
    pulse = Pulse(lambda event: beaten.set() if isinstance(event, ev.Heartbeat) else None, lambda: None)
    pulse.sample(torch.device("cuda:0"))
    pulse.start()
    assert beaten.wait(30)
    pulse.stop()
    hung.set()


@pytest.mark.parametrize("kind", [ev.PhaseChanged, ev.RunStarted], ids=["evaluation", "loading"])
def test_a_signal_during(kind: type[ev.Event], images: Path, tmp_path: Path) -> None:
    """It ends the run at once, and the resumed run is the uninterrupted one."""
    config = tiny(images, data__evaluation_batch_size=2)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(whole, config)

    def watch(record: ev.Record, signals: Signals) -> None:
        phase = record.event.phase if isinstance(record.event, ev.PhaseChanged) else "started"
        if isinstance(record.event, kind) and phase in ("evaluating", "started"):
            signals.request, signals.name = "preempt", "SIGTERM"

    assert train(parts, config, watch=watch).status == "preempted"
    assert not any(isinstance(record.event, ev.EpochEnded) for record in read_all(parts.events_file))
    assert not is_finished(parts, config)
    train(parts, config, resume="last")
    assert_identical(final_state(whole), final_state(parts))
    assert history(whole) == history(parts)
