"""One attempt at a run: set it up, say what it will be, train it."""

from __future__ import annotations

import msgspec
import torch

from core import events as ev
from core.config import TrainConfig
from core.data.dataset import write_images
from core.errors import StorageError
from core.pulse import Pulse
from core.recorder import Recorder
from core.runfolder import Manifest, RunFolder
from core.setup import Setup, set_up, warm_up
from core.signals import Signals
from core.train import Trainer


def attempt(
    config: TrainConfig,
    published: ev.Published | None,
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
    setup = set_up(config, recorder.emit)
    manifest.device = msgspec.to_builtins(setup.device_info)
    folder.write_manifest(manifest)
    pulse.sample(setup.device)
    trainer = Trainer(setup, folder, recorder.emit, signals, pulse)
    recorder.emit(_run_started(setup, trainer, folder, manifest, published, _share_images(setup, folder, recorder)))
    if setup.device.type == "cuda" or config.compile:
        recorder.emit(ev.PhaseChanged(phase="warming_up"))
        warm_up(setup)
    return trainer.run()


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
        config=msgspec.to_builtins(config),
        classes=list(dataset.classes),
        superclasses=list(dataset.superclasses),
        superclass_of=list(dataset.superclass_of),
        layers=setup.layers,
        num_parameters=sum(parameter.numel() for parameter in setup.model.parameters()),
        num_train_images=len(dataset.train),
        num_validation_images=len(dataset.validation),
        image_shape=(channels, height, width),
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
