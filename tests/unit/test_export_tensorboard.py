"""TensorBoard's own reader finds the run's numbers in the event files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from core.errors import UsageError
from core.export.gather import RunData, gather
from core.export.tensorboard_files import STEP_TAGS, write_tensorboard
from tests.export_runs import WALL, make_run, two_epochs


@pytest.fixture
def data(tmp_path: Path) -> RunData:
    return gather(make_run(tmp_path / "runs" / "run", two_epochs()))


def _read(folder: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    return accumulator


def test_every_step_is_there_with_its_time(data: RunData, tmp_path: Path) -> None:
    write_tensorboard(data, tmp_path / "tb")
    train = _read(tmp_path / "tb" / "train")
    for column, tag in STEP_TAGS.items():
        scalars = train.Scalars(tag)
        assert [scalar.step for scalar in scalars] == list(range(8))
        expected = data.state.batches[column].astype(np.float32)
        np.testing.assert_array_equal(np.array([scalar.value for scalar in scalars], np.float32), expected)
        assert [scalar.wall_time for scalar in scalars] == data.step_walls.tolist()


def test_epochs_of_training_and_validation_lie_side_by_side(data: RunData, tmp_path: Path) -> None:
    write_tensorboard(data, tmp_path / "tb")
    train, validation = (_read(tmp_path / "tb" / part) for part in ("train", "validation"))
    assert [(s.step, s.value) for s in validation.Scalars("epoch/top1")] == [(4, np.float32(7 / 12)), (8, 0.75)]
    assert [s.value for s in validation.Scalars("epoch/loss")] == [1.25, 0.625]
    assert [s.value for s in train.Scalars("epoch/loss")] == [1.0, 0.5]
    assert [s.wall_time for s in train.Scalars("epoch/top1")] == [WALL + 2, WALL + 8]
    assert "epoch/top5" not in validation.Tags()["scalars"]


def test_settings_are_there_as_text_and_as_hyperparameters(data: RunData, tmp_path: Path) -> None:
    write_tensorboard(data, tmp_path / "tb")
    run = _read(tmp_path / "tb")
    (text,) = (
        run.Tensors("settings/text_summary")
        if "settings/text_summary" in run.Tags()["tensors"]
        else run.Tensors("settings")
    )
    assert b"| optimizer.lr | 0.1 |" in text.tensor_proto.string_val[0]
    content = run.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    hparams = HParamsPluginData.FromString(content).session_start_info.hparams
    assert hparams["optimizer.lr"].number_value == 0.1
    assert hparams["data.augment"].string_value == "horizontal_flip(p=0.5)"


def test_a_second_export_replaces_the_first(data: RunData, tmp_path: Path) -> None:
    first = write_tensorboard(data, tmp_path / "tb")
    assert write_tensorboard(data, tmp_path / "tb") == first
    assert sorted(path for path in (tmp_path / "tb").rglob("*") if path.is_file()) == sorted(first)


def test_without_the_package_it_says_what_to_install(
    data: RunData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    with pytest.raises(UsageError, match="pip install tensorboard"):
        write_tensorboard(data, tmp_path / "tb")
