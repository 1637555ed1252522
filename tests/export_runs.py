"""Run folders made by hand for the tests of the exports: every number is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from core import events as ev
from core.codec import encode
from core.runfolder import Manifest, RunFolder

CLASSES = ("cat", "dog", '<b>owl</b>, "x"\n\'')
FINGERPRINT = "0123456789abcdef"
STEPS_PER_EPOCH = 4
WALL, MONO = 1_800_000_000.0, 500.0
CONFUSIONS = ([[3, 1, 0], [0, 4, 0], [0, 4, 0]], [[4, 0, 0], [1, 3, 0], [0, 2, 2]])
CONFIG = {
    "recipe": "c10-lenet",
    "epochs": 3,
    "data": {"dataset": "cifar10", "augment": [{"type": "horizontal_flip", "p": 0.5}], "dir": None},
    "model": {"name": "lenet", "args": {}},
    "optimizer": {"lr": 0.1},
}


def started(classes: Sequence[str] = CLASSES, run_id: str = "run", superclasses: bool = False) -> ev.RunStarted:
    """A run of three epochs of four steps."""
    return ev.RunStarted(
        run_id=run_id,
        recipe="c10-lenet",
        dataset="cifar10",
        config=CONFIG,
        classes=list(classes),
        superclasses=["even", "odd"] if superclasses else [],
        superclass_of=[index % 2 for index in range(len(classes))] if superclasses else [],
        num_parameters=1234,
        num_train_images=40,
        num_validation_images=12,
        image_shape=(3, 8, 8),
        image_fingerprint=FINGERPRINT,
        batch_size=10,
        steps_per_epoch=STEPS_PER_EPOCH,
        num_epochs=3,
        num_steps=12,
        plan=ev.LrPlan(steps=[0, 12], lr=[0.1, 0.0]),
        device=ev.DeviceInfo(name="cpu", title="A processor", reason="asked for", precision="float32"),
        published=ev.Published(
            summary="70% after 3 epochs",
            curves=(ev.Curve(metric="validation_top1", epochs=(1, 2, 3), values=(0.5, 0.6, 0.7)),),
            per_class={"cat": 0.9},
        ),
    )


def batches(epoch: int, loss: Sequence[float]) -> ev.Batches:
    """The four steps of an epoch."""
    first = (epoch - 1) * STEPS_PER_EPOCH
    return ev.Batches(
        epoch=epoch,
        first_step=first,
        loss=list(loss),
        lr=[0.1 - 0.01 * step for step in range(first, first + 4)],
        accuracy=[0.1 * index for index in range(4)],
        gradient_norm=[1.5, math.inf, 2.5, 3.5],
        num_images=40,
        seconds=2.0,
    )


def epoch_ended(epoch: int, confusion: list[list[int]]) -> ev.EpochEnded:
    """An epoch with its evaluation."""
    counts = np.array(confusion)
    return ev.EpochEnded(
        epoch=epoch,
        step=epoch * STEPS_PER_EPOCH,
        train_loss=1.0 / epoch,
        train_accuracy=0.3 * epoch,
        validation=ev.Evaluation(
            loss=1.25 / epoch,
            top1=float(np.trace(counts) / counts.sum()),
            top5=None,
            confusion=confusion,
            seconds=0.5,
            predictions=f"predictions/epoch-{epoch:03d}.npz",
        ),
        lr=0.1,
        seconds=2.0,
        images_per_second=20.0,
    )


def two_epochs(**of_start: object) -> list[ev.Event]:
    """A run that was resumed after its first epoch, stopped after its second; a step of the second had no loss."""
    return [
        started(**of_start),  # type: ignore[arg-type]
        batches(1, [4.0, 3.0, 2.0, 1.0]),
        epoch_ended(1, CONFUSIONS[0]),
        batches(2, [9.0, 9.0, 9.0, 9.0]),
        epoch_ended(2, [[0, 4, 0], [4, 0, 0], [4, 0, 0]]),
        ev.Resumed(attempt=2, from_step=4, from_epoch=1, checkpoint="step-00000004"),
        ev.Notice(level="warning", text="the <disk> is slow"),
        batches(2, [0.9, math.nan, 0.7, 0.6]),
        epoch_ended(2, CONFUSIONS[1]),
        ev.RunEnded(status="stopped", step=8, epoch=2, reason="asked to"),
    ]


def over_views(events: Sequence[ev.Event], top1: float) -> list[ev.Event]:
    """The same, with an accuracy over several views after the last epoch."""
    changed = list(events)
    at = max(index for index, event in enumerate(changed) if isinstance(event, ev.EpochEnded))
    last = changed[at]
    assert isinstance(last, ev.EpochEnded)
    validation = msgspec.structs.replace(last.validation, top1_test_time=top1)
    changed[at] = msgspec.structs.replace(last, validation=validation)
    return changed


def steered_epochs() -> list[ev.Event]:
    """The same, with the learning rate doubled and the epochs cut from three to two before the second."""
    events = two_epochs()
    plan = ev.LrPlan(steps=[STEPS_PER_EPOCH, 2 * STEPS_PER_EPOCH], lr=[0.1, 0.0])
    events[3:3] = [
        ev.CommandHandled(
            command_id=name, name=name, argument="2", status="done", step=STEPS_PER_EPOCH, plan=plan, num_epochs=epochs
        )
        for name, epochs in (("lr", 3), ("epochs", 2))
    ] + [ev.CheckpointSaved(step=STEPS_PER_EPOCH, epoch=1, path="checkpoints/step-00000004", reason="epoch")]
    return events


def make_run(
    path: Path, events: Sequence[ev.Event], *, manifest: bool = True, images: bool = True, torn: bytes = b""
) -> RunFolder:
    """A run folder with these events, one a second; the images are those of the last confusion matrix."""
    folder = RunFolder(path)
    path.mkdir(parents=True)
    lines = [
        encode(ev.Record(seq=seq, wall=WALL + seq, mono=MONO + seq, attempt=1, event=event))
        for seq, event in enumerate(events)
    ]
    folder.events_file.write_bytes(b"".join(lines) + torn)
    if manifest:
        folder.write_manifest(Manifest(id=folder.id, recipe="c10-lenet", created=WALL, config=CONFIG))
    if images:
        _write_images(folder, np.array(CONFUSIONS[1]))
    return folder


def _write_images(folder: RunFolder, confusion: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> None:
    labels, predicted = (np.repeat(part.ravel(), confusion.ravel()) for part in np.indices(confusion.shape))
    count = len(labels)
    confidence = np.linspace(0.5, 0.99, count).astype(np.float16)
    folder.images.mkdir(exist_ok=True)
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    np.save(folder.images / f"{FINGERPRINT}.npy", images)
    np.save(folder.images / f"{FINGERPRINT}.labels.npy", labels.astype(np.uint16))
    folder.predictions.mkdir(exist_ok=True)
    np.savez_compressed(
        folder.predictions / "epoch-002.npz", predicted=predicted.astype(np.uint16), confidence=confidence
    )
