"""Small real trainings within the test process: the same code as the command line's, on a folder of tiny images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from PIL import Image

from core import events as ev
from core.attempt import attempt
from core.checkpoint import load_checkpoint, resolve_checkpoint
from core.config import TrainConfig
from core.errors import CifarTuiError
from core.pulse import Pulse
from core.reader import read_all
from core.recipes import get_recipe
from core.recorder import Recorder
from core.resume import Origin, last_place
from core.runfolder import Manifest, RunFolder
from core.session import Request
from core.signals import Signals
from core.state import RunState

BATCH_SIZE = 8
NUM_TRAIN = 44  # five whole batches and half a one
STEPS_PER_EPOCH = 6


def image_folder(root: Path) -> Path:
    """Three classes of noisy, tinted patches, 44 training and 12 test images of 32×32."""
    random = np.random.default_rng(7)
    for part, count in (("train", NUM_TRAIN), ("test", 12)):
        for index in range(count):
            name = ("dawn", "noon", "dusk")[index % 3]
            pixels = random.integers(0, 120, (32, 32, 3), dtype=np.uint8)
            # Every other image is tinted at random, so that accuracy goes up and down and not straight to 100%.
            pixels[..., int(random.integers(3)) if index % 2 else index % 3] += 40
            path = root / part / name / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return root


def tiny(images: Path, recipe: str = "c10-lenet", **settings: Any) -> TrainConfig:
    """A recipe on the image folder: three epochs of six steps."""
    tree = msgspec.to_builtins(get_recipe(recipe).config)
    tree["data"] |= {"dataset": f"folder:{images}", "batch_size": BATCH_SIZE, "normalize": "train"}
    tree |= {"epochs": 3, "threads": 1, "seed": 3}
    for key, value in settings.items():
        node = tree
        *parents, leaf = key.split("__")
        for parent in parents:
            node = node[parent]
        node[leaf] = value
    return msgspec.convert(tree, TrainConfig)


Watch = Callable[[ev.Record, Signals], None]


def train(
    folder: RunFolder,
    config: TrainConfig,
    *,
    watch: Watch | None = None,
    resume: str | None = None,
    epochs_asked: bool = False,
    lr_asked: bool = False,
    fork_of: RunFolder | None = None,
) -> ev.RunEnded:
    """One attempt; `watch` sees each record and may raise a signal. Ends as the session would end it. `resume` is of
    `fork_of`, if given."""
    folder.control.mkdir(parents=True, exist_ok=True)
    number, seq = last_place(read_all(folder.events_file))
    recorder = Recorder(folder.events_file, attempt=number + 1, next_seq=seq + 1)
    signals = Signals()
    if watch is not None:
        recorder.subscribe(lambda record: watch(record, signals))
    manifest = Manifest(id=folder.id, recipe=config.recipe, created=0.0, config=msgspec.to_builtins(config))
    folder.write_manifest(manifest)
    request = Request(
        config=config,
        runs_dir=folder.path.parent,
        origin=Origin(fork_of or folder, resume) if resume is not None else None,
        fork=fork_of is not None,
        epochs_asked=epochs_asked,
        lr_asked=lr_asked,
    )
    pulse = Pulse(recorder.emit, recorder.sync)
    try:
        ended = attempt(request, folder, manifest, recorder, signals, pulse)
        recorder.emit(ended)
    finally:
        pulse.stop()
        recorder.close()
    return ended


def preempt_at(step: int) -> Watch:
    """Ask for preemption as soon as `step` steps are known to be done."""

    def watch(record: ev.Record, signals: Signals) -> None:
        if isinstance(record.event, ev.Batches) and record.event.first_step + len(record.event.loss) >= step:
            signals.request, signals.name = "preempt", "SIGTERM"

    return watch


def final_state(folder: RunFolder) -> dict[str, Any]:
    """The last checkpoint, without its clocks."""
    state, _ = load_checkpoint(resolve_checkpoint(folder.checkpoints, "last"))
    state["progress"]["totals"].pop("seconds")
    return state


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.flatten().clone().view(torch.uint8)


def assert_identical(left: Any, right: Any, path: str = "state") -> None:
    """Equal bit for bit, whatever is nested in dictionaries and lists."""
    assert type(left) is type(right), path
    if isinstance(left, torch.Tensor):
        assert left.dtype == right.dtype, path
        assert left.shape == right.shape, path
        assert torch.equal(_bits(left), _bits(right)), path
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), path
        for key in left:
            assert_identical(left[key], right[key], f"{path}.{key}")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), path
        for index, (a, b) in enumerate(zip(left, right, strict=True)):
            assert_identical(a, b, f"{path}[{index}]")
    else:
        assert left == right, path


def history(folder: RunFolder) -> dict[str, Any]:
    """What the log says happened, without clocks."""
    state = RunState()
    for record in read_all(folder.events_file):
        state.apply(record)
    columns = {
        name: state.batches[name].tolist() for name in ("step", "epoch", "loss", "lr", "accuracy", "gradient_norm")
    }
    epochs = [
        msgspec.structs.replace(
            epoch, seconds=0, images_per_second=0, validation=msgspec.structs.replace(epoch.validation, seconds=0)
        )
        for epoch in state.epochs
    ]
    return {"columns": columns, "epochs": [msgspec.to_builtins(epoch) for epoch in epochs], "status": state.status}


__all__ = [
    "BATCH_SIZE", "NUM_TRAIN", "STEPS_PER_EPOCH", "CifarTuiError", "Watch", "assert_identical", "final_state",
    "history", "image_folder", "preempt_at", "tiny", "train",
]  # fmt: skip
