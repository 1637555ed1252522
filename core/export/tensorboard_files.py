"""TensorBoard event files, written with the `tensorboard` package itself (the `tensorboard` extra)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.codec import spell_out
from core.errors import UsageError
from core.export.files import replacing
from core.export.gather import RunData
from core.export.settings import flat_settings
from core.export.tensorboard_records import scalar_records

STEP_TAGS = {
    "loss": "batch/loss",
    "lr": "batch/learning_rate",
    "accuracy": "batch/accuracy",
    "gradient_norm": "batch/gradient_norm",
}
"""Tags of the run `train`, one value a step; the step is its 0-based index."""
EPOCH_TAGS = ("epoch/loss", "epoch/top1", "epoch/top5", "epoch/top1_test_time")
"""Tags of `train` (the first two only) and `validation`, one value an epoch, at the number of steps done."""


def write_tensorboard(data: RunData, folder: Path) -> list[Path]:
    """Write a log directory: event files in `.` (settings), `train` and `validation`; earlier ones are replaced.

    Wall times are those of the records. TensorBoard keeps scalars as 32-bit floats.

    Raises:
        UsageError: the `tensorboard` package is not installed.
        StorageError: they cannot be written.
    """
    try:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise UsageError(
            "writing TensorBoard files needs the tensorboard package: install it with `pip install tensorboard`"
        ) from error

    def scalars(wall: float, step: int, values: dict[str, float]) -> Any:
        summary = summary_pb2.Summary(
            value=[summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        )
        return event_pb2.Event(wall_time=wall, step=step, summary=summary)

    def serialized(wall: float, step: int, values: dict[str, float]) -> bytes:
        text: bytes = scalars(wall, step, values).SerializeToString()
        return text

    created = _created(data)
    parts: dict[str, Iterable[Any]] = {
        ".": (event_pb2.Event(wall_time=created, summary=summary) for summary in _settings(data, created)),
        "train": _train(data, scalars, serialized),
        "validation": (scalars(*point) for point in _validation_points(data)),
    }
    paths = []
    for part, events in parts.items():
        # The name depends on the run alone: TensorBoard would read a second file as a second history.
        path = folder / part / f"events.out.tfevents.{int(created):010d}.cifar-tui"
        with replacing(path) as file:
            writer = RecordWriter(file)
            writer.write(event_pb2.Event(wall_time=created, file_version="brain.Event:2").SerializeToString())
            for event in events:
                if isinstance(event, bytes):
                    file.write(event)
                else:
                    writer.write(event.SerializeToString())
        paths.append(path)
    return paths


Point = tuple[float, int, dict[str, float]]
"""Wall time, step, values by tag."""


def _train(
    data: RunData, scalars: Callable[..., Any], serialized: Callable[[float, int, dict[str, float]], bytes]
) -> Iterator[Any]:
    """Events of the epochs, and between them whole records of their steps."""
    batches, state = data.state.batches, data.state
    steps = batches["step"].astype(np.int64)
    values = np.stack([batches[name] for name in STEP_TAGS])

    def records(first: int, end: int) -> Iterator[bytes]:
        part = slice(first, end)
        tags = list(STEP_TAGS.values())
        return scalar_records(data.step_walls[part], steps[part], values[:, part], tags, serialized)

    done = 0
    for epoch, wall in zip(state.epochs, data.epoch_walls, strict=True):
        end = max(done, int(np.searchsorted(steps, epoch.step)))  # in the order of steps
        yield from records(done, end)
        yield scalars(wall, epoch.step, {"epoch/loss": epoch.train_loss, "epoch/top1": epoch.train_accuracy})
        done = end
    yield from records(done, len(steps))


def _validation_points(data: RunData) -> Iterator[Point]:
    for epoch, wall in zip(data.state.epochs, data.epoch_walls, strict=True):
        validation = epoch.validation
        values = {"epoch/loss": validation.loss, "epoch/top1": validation.top1}
        for tag, value in (("epoch/top5", validation.top5), ("epoch/top1_test_time", validation.top1_test_time)):
            if value is not None:
                values[tag] = value
        yield wall, epoch.step, values


def _settings(data: RunData, created: float) -> Iterator[Any]:
    """Summaries for the HPARAMS and the TEXT tab."""
    from tensorboard.compat.proto import summary_pb2, tensor_pb2
    from tensorboard.plugins.hparams import summary_v2 as hparams
    from tensorboard.plugins.text import metadata as text

    settings = flat_settings(data.config)
    metrics = [
        hparams.Metric(tag, group=group, display_name=f"{group} {tag.removeprefix('epoch/')}")
        for group in ("validation", "train")
        for tag in EPOCH_TAGS[:2]
    ]
    plain = {key: value if isinstance(value, bool | int | float | str) else str(value) for key, value in settings}
    yield hparams.hparams_config_pb(hparams=[hparams.HParam(key) for key in plain], metrics=metrics)
    yield hparams.hparams_pb(plain, trial_id=spell_out(data.id), start_time_secs=created)
    rows = "\n".join(f"| {_cell(key)} | {_cell(str(value))} |" for key, value in flat_settings(data.settings))
    table = f"| setting | value |\n| --- | --- |\n{rows}"
    tensor = tensor_pb2.TensorProto(
        dtype="DT_STRING",
        string_val=[table.encode("utf-8", "backslashreplace")],
        tensor_shape={"dim": [{"size": 1}]},
    )
    value = summary_pb2.Summary.Value(
        tag="settings", metadata=text.create_summary_metadata("settings", ""), tensor=tensor
    )
    yield summary_pb2.Summary(value=[value])


def _cell(value: str) -> str:
    return value.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _created(data: RunData) -> float:
    """When the run began: seconds since the epoch."""
    if data.manifest is not None:
        return data.manifest.created
    walls = [*data.step_walls[:1].tolist(), *data.epoch_walls[:1]]
    return walls[0] if walls else 0.0
