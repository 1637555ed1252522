"""Runs that never happened: events of a plausible training, the same at every call, with 10 or with 100 classes."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np

from core import events as ev
from core.codec import encode
from core.data.catalog import DATASETS
from core.optim import schedules
from core.recipes import get_recipe
from core.runfolder import Manifest, RunFolder
from tests.ui.canned_network import labels_of, layers, predict, write_images

WALL = 1_763_712_000.0
"""Seconds since the epoch at which every canned run begins."""
STEP_SECONDS = 0.02
BATCH_SIZE = 100
_RECIPES = {10: "c10-lenet", 100: "c100-resnet26-sgd"}


class Canned:
    """Writes a run event by event.

    Args:
        runs_dir: where run folders are.
        num_classes: 10 (CIFAR-10) or 100 (CIFAR-100 with its superclasses).
        num_epochs: planned.
        steps_per_epoch: few, so that tests are quick.
        classes: other names for the classes.
        run_id: name of the run folder.
    """

    def __init__(
        self,
        runs_dir: Path,
        num_classes: int = 10,
        num_epochs: int = 10,
        steps_per_epoch: int = 100,
        classes: list[str] | None = None,
        run_id: str | None = None,
        with_images: bool = False,
    ) -> None:
        recipe = get_recipe(_RECIPES[num_classes])
        self.device = ev.DeviceInfo(
            name="cuda:0", title="NVIDIA H100", reason="a CUDA device is at hand", precision="bfloat16"
        )
        self.folder = RunFolder(runs_dir / (run_id or f"20251121-080000-{recipe.name}-brisk-otter"))
        self.folder.control.mkdir(parents=True)
        self.recipe, self.num_epochs, self.steps_per_epoch = recipe, num_epochs, steps_per_epoch
        self.info = DATASETS[recipe.config.data.dataset]
        self.classes = classes or list(self.info.classes)
        self.random = np.random.default_rng(7)
        self.mono, self.seq, self.step, self.epoch = 100.0, 0, 0, 0
        self.attempt = 1
        self.with_images = with_images
        self.num_images = 20 * num_classes
        self.config = msgspec.structs.replace(recipe.config, epochs=num_epochs)
        config = msgspec.to_builtins(self.config)
        self.folder.write_manifest(Manifest(id=self.folder.id, recipe=recipe.name, created=WALL, config=config))

    @property
    def num_steps(self) -> int:
        """Steps planned."""
        return self.num_epochs * self.steps_per_epoch

    @property
    def wall(self) -> float:
        """The time of the last event, in seconds since the epoch."""
        return WALL + self.mono - 100.0

    def emit(self, event: ev.Event, seconds: float = 0.0) -> ev.Record:
        """Append an event that comes `seconds` after the one before."""
        self.mono += seconds
        record = ev.Record(seq=self.seq, wall=self.wall, mono=self.mono, attempt=self.attempt, event=event)
        with self.folder.events_file.open("ab") as file:
            file.write(encode(record))
        self.seq += 1
        return record

    def start(self) -> Canned:
        """Set up and begin to train."""
        self.emit(ev.PhaseChanged(phase="starting", detail="loading PyTorch"))
        self.emit(ev.PhaseChanged(phase="loading_data", detail=self.info.name), 2.1)
        self.emit(ev.PhaseChanged(phase="building", detail=self.recipe.config.model.name), 0.8)
        self.emit(self._run_started(), 0.3)
        self.emit(ev.PhaseChanged(phase="training"))
        return self

    def train(self, num_steps: int) -> Canned:
        """Some steps in chunks of ten, without the end of an epoch."""
        done = 0
        while done < num_steps:
            count = min(10, num_steps - done)
            self.emit(self._batches(count), count * STEP_SECONDS)
            done += count
            if self.step % 100 < 10:
                self.emit(ev.SystemSampled(cpu_percent=150 + 40 * math.sin(self.step / 90), memory_bytes=900 << 20))
        return self

    def end_epoch(self) -> Canned:
        """Evaluate and save."""
        self.epoch += 1
        self.emit(ev.PhaseChanged(phase="evaluating"))
        validation = self._evaluation(self.epoch)
        self.emit(
            ev.EpochEnded(
                epoch=self.epoch,
                step=self.step,
                train_loss=2.3 * self._progress(self.step),
                train_accuracy=validation.top1 - 0.02,
                validation=validation,
                lr=0.001,
                seconds=self.steps_per_epoch * STEP_SECONDS,
                images_per_second=BATCH_SIZE / STEP_SECONDS,
            ),
            0.4,
        )
        self.emit(
            ev.CheckpointSaved(
                step=self.step,
                epoch=self.epoch,
                path=f"checkpoints/step-{self.step:08d}",
                reason="epoch",
                is_best=True,
                num_bytes=2_400_000,
                seconds=0.02,
            )
        )
        self.emit(ev.PhaseChanged(phase="training"))
        return self

    def epochs(self, count: int) -> Canned:
        """Whole epochs."""
        for _ in range(count):
            self.train(self.steps_per_epoch)
            self.end_epoch()
        return self

    def command(
        self, name: str, argument: str = "", *, status: str = "done", message: str = "", identifier: str | None = None
    ) -> Canned:
        """A command and its answer."""
        identifier = identifier or f"{self.seq:020d}"
        for word in ("received", status):
            self.emit(
                ev.CommandHandled(
                    command_id=identifier,
                    name=name,
                    argument=argument,
                    sender="ada@box",
                    status=word,  # type: ignore[arg-type]
                    step=self.step,
                    message=message if word != "received" else "",
                ),
                0.05,
            )
        return self

    def steer(self, name: str, argument: str) -> Canned:
        """`lr` or `epochs`, done."""
        if name == "epochs":
            self.num_epochs = int(argument)
        self.emit(
            ev.CommandHandled(
                command_id=f"{self.seq:020d}",
                name=name,
                argument=argument,
                sender="ada@box",
                status="done",
                step=self.step,
                plan=ev.LrPlan(steps=[self.step, self.num_steps], lr=[0.001, 0.0]),
                num_epochs=self.num_epochs,
                num_steps=self.num_steps,
            )
        )
        return self

    def pause(self, seconds: float) -> Canned:
        """A pause that is over."""
        self.command("pause", message=f"paused after step {self.step}")
        self.emit(ev.Paused(step=self.step))
        self.command("unpause", message="training goes on")
        self.emit(ev.Unpaused(step=self.step, seconds=seconds), seconds)
        return self

    def end(self, status: str = "finished", reason: str = "all epochs are done", exit_code: int = 0) -> Canned:
        """The end of the run."""
        self.emit(
            ev.RunEnded(
                status=status,  # type: ignore[arg-type]
                step=self.step,
                epoch=self.epoch,
                reason=reason,
                exit_code=exit_code,
                seconds=self.mono - 100.0,
            ),
            0.1,
        )
        return self

    def _progress(self, step: int) -> float:
        """From 1 to about .25: how much is still to be learned."""
        return 0.25 + 0.75 * math.exp(-3 * step / self.num_steps)

    def _batches(self, count: int) -> ev.Batches:
        steps = range(self.step, self.step + count)
        base = [2.3 * self._progress(step) for step in steps]
        noise = self.random.normal(0, 0.12, count).tolist()
        schedule, lr = self.recipe.config.schedule, self.recipe.config.optimizer.lr
        event = ev.Batches(
            epoch=self.epoch + 1,
            first_step=self.step,
            loss=[round(value * math.exp(x), 4) for value, x in zip(base, noise, strict=True)],
            lr=[lr * schedules.lr_factor(schedule, step, self.num_steps, self.steps_per_epoch) for step in steps],
            accuracy=[round(min(max(1 - value / 2.6 + x / 3, 0), 1), 4) for value, x in zip(base, noise, strict=True)],
            gradient_norm=[round(value * 1.5 * math.exp(2 * x), 4) for value, x in zip(base, noise, strict=True)],
            num_images=count * BATCH_SIZE,
            seconds=count * STEP_SECONDS,
        )
        self.step += count
        return event

    def _evaluation(self, epoch: int) -> ev.Evaluation:
        k = len(self.classes)
        labels = labels_of(k, self.num_images)
        predicted, confidence = predict(self.random, labels, k, skill=1 - self._progress(self.step) * 0.9)
        confusion = np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k)
        top1 = float((labels == predicted).mean())
        path = f"predictions/epoch-{epoch:03d}.npz"
        if self.with_images:
            self.folder.predictions.mkdir(exist_ok=True)
            np.savez_compressed(
                self.folder.path / path,
                predicted=predicted.astype(np.uint16),
                confidence=confidence.astype(np.float16),
            )
        return ev.Evaluation(
            loss=2.2 * self._progress(self.step) + 0.05,
            top1=top1,
            top5=min(1.0, top1 + 0.3),
            confusion=confusion.tolist(),
            seconds=0.35,
            predictions=path if self.with_images else None,
        )

    def _run_started(self) -> ev.RunStarted:
        config, info = self.config, self.info
        images = write_images(self.folder.images, len(self.classes), self.num_images) if self.with_images else None
        return ev.RunStarted(
            run_id=self.folder.id,
            recipe=self.recipe.name,
            dataset=info.name,
            config=msgspec.to_builtins(config),
            classes=self.classes,
            superclasses=list(info.superclasses),
            superclass_of=list(info.superclass_of),
            layers=list(layers(len(self.classes))),
            num_parameters=605_000,
            num_train_images=self.steps_per_epoch * BATCH_SIZE,
            num_validation_images=self.num_images,
            image_shape=(3, 32, 32),
            image_fingerprint=images,
            batch_size=BATCH_SIZE,
            steps_per_epoch=self.steps_per_epoch,
            num_epochs=self.num_epochs,
            num_steps=self.num_steps,
            plan=schedules.plan(
                config.schedule,
                config.optimizer.lr,
                num_steps=self.num_steps,
                steps_per_epoch=self.steps_per_epoch,
            ),
            device=self.device,
            published=self.recipe.published,
            versions={"python": "3.11.7", "torch": "2.15.0"},
        )


def live(runs_dir: Path, num_classes: int = 10, **more: object) -> Canned:
    """A run in its fifth epoch, paused once and steered."""
    run = Canned(runs_dir, num_classes, **more).start().epochs(2)  # type: ignore[arg-type]
    run.train(40).pause(3.0).train(60).end_epoch()
    run.command("checkpoint", message="saved step-00000300").train(50)
    run.command("lr", "0.5", message="learning rate ×0.5 from step 350 on").train(50).end_epoch()
    return run.train(30)


def ended(runs_dir: Path, num_classes: int = 10, **more: object) -> Canned:
    """A run that has done all its epochs."""
    run = Canned(runs_dir, num_classes, **more)  # type: ignore[arg-type]
    return run.start().epochs(run.num_epochs).end()
