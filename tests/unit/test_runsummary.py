"""A run in a row: as the JSON that `show --json` and `runs --json` give to scripts, and what its epochs take."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core import events as ev
from core.codec import to_json
from core.runfilter import Row
from core.runfolder import Manifest, RunFolder
from core.runnotes import Notes
from core.runsummary import as_json, condition, summarize
from core.state import RunState
from tests.strategies import batches, epoch_ended
from tests.telling import ENDED, EPOCH, STARTED, Log, told, train
from tui.home.facts import fact_lines


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "r")
    folder.path.mkdir()
    config = {"data": {"dataset": "shapes"}}
    folder.write_manifest(Manifest(id="r", recipe="shapes-small", created=1.5e9, config=config))
    return folder


def described_by(folder: RunFolder, state: RunState) -> dict[str, Any]:
    summary = summarize(folder, state)
    return as_json(summary, condition(summary, folder, summary.created), folder)


def test_a_run_as_json_has_fractions_and_what_scripts_need(folder: RunFolder) -> None:
    last = epoch_ended(2, 8)
    measured = replace(last.validation, top5=0.875, top1_test_time=0.625)
    steps = (batches(0, 4, seconds=4.0), EPOCH, batches(4, 4, epoch=2, seconds=12.0))
    state = told(*STARTED, *steps, replace(last, validation=measured), ENDED)
    described = described_by(folder, state)
    for key, value in {
        "id": "r", "recipe": "shapes-small", "dataset": "shapes", "state": "finished", "epoch": 2, "num_epochs": 3,
        "step": 8, "num_steps": 12, "best": {"epoch": 1, "top1": 0.75}, "images_per_second": 4.0,
        "path": str(folder.path), "device": "cpu", "training_seconds": 16.0, "created": 1.5e9, "seed": 1,
        "reason": "all epochs are done",
    }.items():  # fmt: skip
        assert described[key] == value, key
    assert described["last"] == {
        "top1": 0.5, "top5": 0.875, "top1_test_time": 0.625, "validation_loss": 1.25,
        "train_accuracy": 0.5, "train_loss": 1.0,
    }  # fmt: skip


def test_a_run_that_has_only_begun_as_json(folder: RunFolder) -> None:
    described = described_by(folder, RunState())
    assert (described["state"], described["epoch"], described["best"], described["last"]) == ("starting", 0, None, None)
    assert (described["images_per_second"], described["reason"]) == (None, None)
    json.dumps(described, allow_nan=False)


def test_what_is_no_number_is_spelled_out_and_not_taken_for_unknown(folder: RunFolder) -> None:
    last = epoch_ended(1, 4)
    lost = replace(last, train_loss=math.inf, validation=replace(last.validation, loss=math.nan, top5=None))
    found = json.loads(to_json(described_by(folder, told(*STARTED, lost))))["last"]
    assert (found["validation_loss"], found["train_loss"], found["top5"]) == ("NaN", "Infinity", None)


def test_the_path_can_be_used_from_anywhere(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.path.parent)
    assert described_by(RunFolder(Path("r")), RunState())["path"] == str(folder.path)


def test_what_an_epoch_takes_has_no_part_in_starting_and_pauses_and_is_of_a_whole_one(
    folder: RunFolder, started: Log
) -> None:
    assert summarize(folder, started.state).epoch_seconds is None
    started.tell(ev.Paused(step=0))
    started.tell(ev.Unpaused(step=0, seconds=3600.0), after=3600.0)
    train(started, 0, 2, seconds=1.0)  # two steps of an epoch's four, as with `--max-steps 2`
    assert summarize(folder, started.state).epoch_seconds is None
    started.tell(epoch_ended(1, 2, seconds=3.0), after=3.0)
    assert summarize(folder, started.state).epoch_seconds == pytest.approx(5.0)


@pytest.mark.parametrize(("config", "told_of"), [({"seed": 7}, ", seed 7"), ({}, ""), ({"seed": "seven"}, "")])
def test_the_facts_tell_of_a_seed_where_there_is_one(config: dict[str, Any], told_of: str, folder: RunFolder) -> None:
    state = told(replace(STARTED[0], config=config), STARTED[1], ENDED)
    facts = {label: text for label, text, _ in fact_lines(Row(summarize(folder, state), "finished", Notes()), 1.6e9)}
    assert facts["progress"] == f"epoch 0/3, step 0/12{told_of}"
