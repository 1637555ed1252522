"""One attempt at a run: set it up, say what it will be, train it."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import torch

from core import events as ev
from core.checkpoint import forget_best_after, load_checkpoint, load_newest, point, resolve_checkpoint
from core.config import TrainConfig
from core.data.class_folders import check_classes
from core.data.dataset import write_images
from core.errors import CheckpointError, ExitCode, StorageError, UsageError
from core.models.summary import num_parameters
from core.pulse import Pulse
from core.recorder import Recorder
from core.resume import Origin
from core.runfolder import Manifest, RunFolder
from core.session import Request
from core.setup import Setup, set_up
from core.signals import Signals
from core.train import Trainer


def attempt(
    request: Request,
    folder: RunFolder,
    manifest: Manifest,
    recorder: Recorder,
    signals: Signals,
    pulse: Pulse,
) -> ev.RunEnded:
    """Train a run from its configuration to its end.

    Raises:
        CifarTuiError: it cannot go on; the message is for the user.
    """
    config = request.config
    # Opened first: who cannot go on should hear of it before the data is loaded.
    start = _open_checkpoint(request.origin, recorder) if request.origin else None
    if start is None and request.origin is not None:
        if manifest.parent is not None and not request.fork:
            raise CheckpointError(
                f"run {folder.id} has no checkpoint to go on from, not even the one that it was forked with: "
                f"fork {manifest.parent} again"
            )
        text = f"run {request.origin.folder.id} has no checkpoint yet: training begins anew"
        recorder.emit(ev.Notice(level="warning", text=text))
    setup = set_up(config, recorder.emit)
    if start is not None and not request.fork:
        check_classes(setup.dataset.name, start[1].get("classes", ()), setup.dataset.classes, "go on with it")
    _check_last_batch(setup)
    manifest.device = msgspec.to_builtins(setup.device_info)
    folder.write_manifest(manifest)
    trainer = Trainer(setup, folder, recorder.emit, signals, pulse)
    if start is not None:
        trainer.restore(start[1], epochs_asked=request.epochs_asked, lr_asked=request.lr_asked)
        if request.fork:
            trainer.progress.best = None  # it is of a checkpoint in another folder
    if signals.request is not None and not request.fork:
        return _ended_early(trainer, signals)
    pulse.sample(setup.device)
    if request.origin is not None:
        if start is not None and not request.fork:
            # Whatever was saved after it belongs to a history that no longer counts.
            with contextlib.suppress(StorageError, OSError):
                point(folder.checkpoints, "last", start[0])
                forget_best_after(folder.checkpoints, trainer.step)
        recorder.emit(
            ev.Resumed(
                attempt=recorder.attempt,
                from_step=trainer.step,
                from_epoch=trainer.progress.epoch,
                checkpoint=start[0] if start else "",
                lr_scale=trainer.progress.lr_scale,
            )
        )
    images = _share_images(setup, folder, recorder)
    recorder.emit(_run_started(setup, trainer, folder, manifest, request.published, images))
    if request.fork:
        trainer.save("fork")  # or whoever resumes it before its first epoch has ended would begin with new weights
    if setup.device.type == "cuda" or config.compile is True:
        trainer.warm_up()
    return trainer.run()


def _check_last_batch(setup: Setup) -> None:
    """Refuse one image where batch norm would have one number a channel, and so no deviation to divide by.

    Raises:
        UsageError: an epoch ends in such a batch.
    """
    data = setup.config.data
    size = data.batch_size if data.drop_last else len(setup.dataset.train) % data.batch_size or data.batch_size
    if size == 1 and any(layer.kind == "batch norm" and layer.output_shape[1:] == (1, 1) for layer in setup.layers):
        raise UsageError(
            "the last batch of an epoch is a single image, which batch norm on maps of 1x1 cannot take: use another "
            f"--batch-size than {data.batch_size}"
        )


def _ended_early(trainer: Trainer, signals: Signals) -> ev.RunEnded:
    """A signal came while the data was loaded: there is nothing to save yet."""
    preempted = signals.request == "preempt"
    return ev.RunEnded(
        status="preempted" if preempted else "stopped",
        step=trainer.step,
        epoch=trainer.progress.epoch,
        reason=f"{signals.name}, before training began",
        exit_code=int(ExitCode.PREEMPTED if preempted else ExitCode.DONE),
    )


def _open_checkpoint(origin: Origin, recorder: Recorder) -> tuple[str, dict[str, Any]] | None:
    """Name and state of the checkpoint to go on from; None where the run has none yet and begins anew.

    `last` means the newest that is whole: a damaged one is told of and passed over.

    Raises:
        CheckpointError: the one asked for cannot be used, or all are damaged.
    """
    folder = origin.folder.checkpoints
    if origin.which == "last":
        return load_newest(
            folder, lambda problem: recorder.emit(ev.Notice(level="warning", text=f"{problem}; taking the one before"))
        )
    path = resolve_checkpoint(folder, "best") if origin.which == "best" else folder / origin.which
    return path.name, load_checkpoint(path)[0]


def explain_out_of_memory(error: Exception, config: TrainConfig) -> str | None:
    """What to tell of an error that means that the device is full; None for any other error."""
    if not isinstance(error, torch.OutOfMemoryError) and "DefaultCPUAllocator" not in str(error):
        return None
    peak = ""
    if torch.cuda.is_available():
        peak = f", peak {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"
    return f"out of memory at batch size {config.data.batch_size}{peak}: use a smaller --batch-size"


def _share_images(setup: Setup, folder: RunFolder, recorder: Recorder) -> str | None:
    """Leave the validation images where viewers find them, and return their name."""
    try:
        write_images(setup.dataset, folder.images)
    except StorageError as error:
        recorder.emit(ev.Notice(level="warning", text=f"viewers will have no images: {error}"))
        return None
    return setup.dataset.fingerprint


def _run_started(
    setup: Setup,
    trainer: Trainer,
    folder: RunFolder,
    manifest: Manifest,
    published: ev.Published | None,
    fingerprint: str | None,
) -> ev.RunStarted:
    config, dataset = setup.config, setup.dataset
    channels, height, width = dataset.train.images.shape[1:]
    return ev.RunStarted(
        run_id=folder.id,
        recipe=config.recipe,
        dataset=config.data.dataset,
        # As a reader will see it: JSON knows no tuples.
        config=msgspec.json.decode(msgspec.json.encode(config)),
        classes=list(dataset.classes),
        superclasses=list(dataset.superclasses),
        superclass_of=list(dataset.superclass_of),
        layers=setup.layers,
        num_parameters=num_parameters(setup.model),
        num_train_images=len(dataset.train),
        num_validation_images=len(dataset.validation),
        image_shape=(channels, height, width),
        mean=list(setup.normalize.mean) if setup.normalize else [],
        std=list(setup.normalize.std) if setup.normalize else [],
        image_fingerprint=fingerprint,
        batch_size=config.data.batch_size,
        steps_per_epoch=trainer.steps_per_epoch,
        num_epochs=trainer.num_epochs,
        num_steps=trainer.num_steps,
        plan=trainer.plan(),
        device=setup.device_info,
        published=published,
        versions=manifest.versions,
    )
