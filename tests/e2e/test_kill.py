"""kill -9 at random moments: nothing acknowledged is lost, and the run ends as if nothing had happened."""

from __future__ import annotations

import multiprocessing
import os
import random
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from core import events as ev
from core.checkpoint import load_newest
from core.config import TrainConfig
from core.errors import CheckpointError
from core.reader import EventReader
from core.runfolder import RunFolder
from core.signals import Signals
from tests.training import assert_identical, final_state, history, image_folder, tiny, train

# A server that has PyTorch loaded forks each trainer in milliseconds. Forking this process would copy its threads.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.training", "torch._dynamo"])  # which the first optimiser step loads


def _train(path: Path, config: TrainConfig, resume: bool, acknowledged: Connection) -> None:
    """Train in a child that says which events it was told are written."""
    import core.meter

    core.meter.CHUNK_SECONDS = 0.0

    def watch(record: ev.Record, signals: Signals) -> None:
        acknowledged.send(record.seq)

    train(RunFolder(path), config, watch=watch, resume="last" if resume else None)
    acknowledged.send("finished")
    acknowledged.close()


def _run_until(path: Path, config: TrainConfig, resume: bool, num_events: int | None, delay: float) -> tuple[int, bool]:
    """Kill the child `delay` seconds after it has acknowledged `num_events` events; None lets it finish.

    Returns the last sequence number that was acknowledged, and whether it finished.
    """
    receiver, sender = _processes.Pipe(duplex=False)
    child = _processes.Process(target=_train, args=(path, config, resume, sender))
    child.start()
    sender.close()
    last, finished, count = -1, False, 0

    def take() -> None:
        nonlocal last, finished, count
        message = receiver.recv()
        count += 1
        if message == "finished":
            finished = True
        else:
            last = message

    try:
        while not finished and (num_events is None or count < num_events):
            take()
        if not finished:
            child.join(delay)
            child.kill()
        while receiver.poll(None if finished else 0) or child.is_alive():
            take()
    except EOFError:
        pass  # the child is gone, and all it said has been read
    child.join()
    return last, finished


def storm(tmp_path: Path, num_kills: int, seed: int) -> int:
    """Kill a run `num_kills` times, checking it after each; then let it finish and compare. Returns the kills done."""
    dice = random.Random(seed)
    images = image_folder(tmp_path / "images")
    config = tiny(images, epochs=4 * num_kills)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    assert _run_until(whole.path, config, False, None, 0.0)[1]
    kills = 0
    while kills < num_kills:
        # Some die before their first event, some while they load, most in training, evaluation or a save.
        last, finished = _run_until(parts.path, config, kills > 0, dice.randint(1, 60), dice.random() * 0.02)
        assert not finished, "the run is too short for so many kills"
        kills += 1
        reader = EventReader(parts.events_file)
        records = reader.poll()
        assert reader.num_corrupt == 0
        assert [record.seq for record in records] == list(range(len(records)))
        assert last < len(records), "an acknowledged event is lost"
        if any(isinstance(record.event, ev.CheckpointSaved) for record in records):
            try:
                assert load_newest(parts.checkpoints, lambda problem: pytest.fail(str(problem))) is not None
            except CheckpointError as error:
                pytest.fail(str(error))
    assert _run_until(parts.path, config, True, None, 0.0)[1]
    assert_identical(final_state(whole), final_state(parts))
    assert history(whole) == history(parts)
    return kills


def test_ten_kills_lose_nothing(tmp_path: Path) -> None:
    assert storm(tmp_path, 10, seed=1) == 10


@pytest.mark.long
def test_a_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED", "0"))
    assert storm(tmp_path, 100, seed) == 100
