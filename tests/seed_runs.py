"""Recorded runs that differ in their seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from core import events as ev
from core.recorder import Recorder
from core.runfolder import RunFolder, create_run_folder
from tests.strategies import batches, epoch_ended, run_started

EPOCH_SECONDS = 2.0


def seed_run(
    runs: Path,
    name: str,
    seed: int,
    accuracies: list[float],
    *,
    status: str = "finished",
    steering: Sequence[ev.CommandHandled] = (),
    over_views: list[float | None] | None = None,
    first_step: int = 0,
    **settings: object,
) -> RunFolder:
    """A recorded run whose epochs of four steps and two seconds ended with these validation accuracies."""
    folder = create_run_folder(runs, "shapes-small", name)
    recorder = Recorder(folder.events_file)
    started = run_started(num_epochs=settings.get("epochs", 3))  # type: ignore[arg-type]
    config = started.config | {"recipe": "shapes-small", "seed": seed} | settings
    recorder.emit(msgspec.structs.replace(started, config=config))
    for command in steering:
        recorder.emit(command)
    for number, top1 in enumerate(accuracies, 1):
        chunk = batches(first_step + 4 * (number - 1), 4)
        recorder.emit(msgspec.structs.replace(chunk, epoch=number, seconds=EPOCH_SECONDS))
        ended = epoch_ended(number, first_step + 4 * number)
        views = over_views[number - 1] if over_views else None
        validation = msgspec.structs.replace(ended.validation, top1=top1, top1_test_time=views)
        recorder.emit(msgspec.structs.replace(ended, validation=validation))
    recorder.emit(ev.RunEnded(status=status, step=4, epoch=len(accuracies)))  # type: ignore[arg-type]
    recorder.close()
    return folder
