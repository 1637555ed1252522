"""TensorBoard's own reader finds the run's numbers in the event files."""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.summary.writer.record_writer import RecordWriter

from core import events as ev
from core.errors import UsageError
from core.export.gather import RunData, gather
from core.export.tensorboard_files import STEP_TAGS, write_tensorboard
from core.export.tensorboard_records import scalar_records
from tests.export_runs import CONFUSIONS, WALL, epoch_ended, make_run, over_views, started, steered_epochs, two_epochs


@pytest.fixture
def data(tmp_path: Path) -> RunData:
    return gather(make_run(tmp_path / "runs" / "run", two_epochs()))


def _read(folder: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    accumulator.Reload()
    return accumulator


def _settings_text(run: EventAccumulator) -> str:
    (text,) = (
        run.Tensors("settings/text_summary")
        if "settings/text_summary" in run.Tags()["tensors"]
        else run.Tensors("settings")
    )
    found: str = text.tensor_proto.string_val[0].decode()
    return found


def _hyperparameters(run: EventAccumulator) -> Any:
    content = run.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    return HParamsPluginData.FromString(content).session_start_info.hparams


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


def test_the_accuracy_over_views_is_a_point_of_the_last_epoch(tmp_path: Path) -> None:
    write_tensorboard(gather(make_run(tmp_path / "runs" / "run", over_views(two_epochs(), 0.5))), tmp_path / "tb")
    assert [(s.step, s.value) for s in _read(tmp_path / "tb" / "validation").Scalars("epoch/top1_test_time")] == [
        (8, 0.5)
    ]


def test_settings_are_there_as_text_and_as_hyperparameters(data: RunData, tmp_path: Path) -> None:
    write_tensorboard(data, tmp_path / "tb")
    run = _read(tmp_path / "tb")
    assert "| optimizer.lr | 0.1 |" in _settings_text(run)
    hparams = _hyperparameters(run)
    assert hparams["optimizer.lr"].number_value == 0.1
    assert hparams["data.augment"].string_value == "horizontal_flip(p=0.5)"


def test_the_text_tells_what_steering_has_left_and_the_hyperparameters_stay_numbers(tmp_path: Path) -> None:
    write_tensorboard(gather(make_run(tmp_path / "runs" / "run", steered_epochs())), tmp_path / "tb")
    run = _read(tmp_path / "tb")
    assert "| optimizer.lr | 0.1 (×2 at step 4) |" in _settings_text(run)
    assert _hyperparameters(run)["optimizer.lr"].number_value == 0.1


def test_records_made_together_are_those_of_the_package_byte_by_byte() -> None:
    steps = np.array([1, 2, 126, 127, 128, 129, 16383, 16384, 2**21 - 1, 2**21, 2**28, 2**40], np.int64)
    values = np.random.default_rng(0).normal(size=(2, len(steps)))
    values[0, :4] = math.nan, math.inf, -math.inf, 1e300
    walls = 1.76e9 + np.arange(len(steps)) / 7

    def serialized(wall: float, step: int, told: dict[str, float]) -> bytes:
        value = [summary_pb2.Summary.Value(tag=tag, simple_value=number) for tag, number in told.items()]
        event = event_pb2.Event(wall_time=wall, step=step, summary=summary_pb2.Summary(value=value))
        return event.SerializeToString()

    expected = io.BytesIO()
    writer = RecordWriter(expected)
    for wall, step, *both in zip(walls.tolist(), steps.tolist(), *values.tolist(), strict=True):
        writer.write(serialized(wall, step, dict(zip(("a/b", "c"), both, strict=True))))
    found = b"".join(scalar_records(walls, steps, values, ("a/b", "c"), serialized))
    assert found == expected.getvalue()
    nothing = np.zeros(0)
    assert (
        list(scalar_records(nothing, nothing.astype(np.int64), nothing.reshape(2, 0), ("a/b", "c"), serialized)) == []
    )


def test_many_steps_come_in_order_with_the_epochs_between_them(tmp_path: Path) -> None:
    """More steps than are made at once, across lengths of their numbers."""
    count = 20_000
    log = [started(), *(_steps(first, 1000) for first in range(0, count // 2, 1000))]
    log.append(msgspec.structs.replace(epoch_ended(1, CONFUSIONS[0]), step=count // 2))
    log += [_steps(first, 1000) for first in range(count // 2, count, 1000)]
    data = gather(make_run(tmp_path / "runs" / "run", log))
    write_tensorboard(data, tmp_path / "tb")
    train = _read(tmp_path / "tb" / "train")
    scalars = train.Scalars("batch/loss")
    assert [scalar.step for scalar in scalars] == list(range(count))
    assert [scalar.value for scalar in scalars] == data.state.batches["loss"].astype(np.float32).tolist()
    (file,) = (tmp_path / "tb" / "train").iterdir()
    order = [event.step for event in EventFileLoader(str(file)).Load()][1:]
    assert order == sorted(order)


def _steps(first: int, count: int) -> ev.Batches:
    loss = [math.sin(step) for step in range(first, first + count)]
    return ev.Batches(
        epoch=1, first_step=first, loss=loss, lr=loss, accuracy=loss, gradient_norm=loss, num_images=10 * count,
        seconds=1.0,
    )  # fmt: skip


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
