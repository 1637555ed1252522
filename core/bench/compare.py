"""Measure side by side: two worker processes that take turns, or one that does two things in turn."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import msgspec

from core.bench.figures import Benchmark, Comparison, Failure, Job, Machine, Order, Reply, Sample, Say, What
from core.bench.standin import is_missing, with_random_images
from core.config import TrainConfig
from core.errors import CifarTuiError, ExitCode, UsageError
from core.recipes import RECIPES
from core.session import PYTORCH_VARIABLES

LEAST_SECONDS = 5.0
_FAST = "-fast"
# Parts of the time asked for. Loading PyTorch and the data is the rest, and more than that where the disk is slow.
_TRAINING_PART, _EVENTS_PART, _PIPELINE_PART, _MACHINE_PART = 0.4, 0.2, 0.1, 0.1


class MeasurementError(CifarTuiError):
    """A worker could not measure; carries the exit code of what went wrong there."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.exit_code = ExitCode(failure.exit_code)


class Worker:
    """A process that prepares a job at once and then measures to order. A context manager."""

    def __init__(self, job: Job) -> None:
        environment = dict(os.environ)
        if job.kind == "tutorial":  # PyTorch as it comes
            environment = {key: value for key, value in environment.items() if key not in PYTORCH_VARIABLES}
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has failed
        self._process = subprocess.Popen(
            [sys.executable, "-m", "core.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            start_new_session=True,  # Ctrl-C is for this process, which then ends its workers
        )
        self._write(job)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nothing that a worker writes is kept: there is no need to let it end in good order.
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def wait(self) -> None:
        """Until it has prepared everything.

        Raises:
            MeasurementError: it could not.
        """
        self._read()

    def sample(self, what: What, seconds: float) -> Sample:
        """Images and seconds of one measurement.

        Raises:
            MeasurementError: it failed.
        """
        self._write(Order(what, seconds))
        reply = self._read()
        assert isinstance(reply, Sample)
        return reply

    def machine(self, seconds: float) -> Machine:
        """What the machine can do at most, and what the job needs of that.

        Raises:
            MeasurementError: it failed.
        """
        self._write(Order("machine", seconds))
        reply = self._read()
        assert isinstance(reply, Machine)
        return reply

    def _write(self, message: Job | Order) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # what it said before it died is still to be read
            self._process.stdin.write(msgspec.json.encode(message) + b"\n")
            self._process.stdin.flush()

    def _read(self) -> Reply:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        reply: Reply = msgspec.json.decode(line, type=Reply) if line else self._last_words()
        if isinstance(reply, Failure):
            raise MeasurementError(reply)
        return reply

    def _last_words(self) -> Failure:
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), f"exit code {code}")
        return Failure(f"a measuring process died: {said}", int(ExitCode.BUG))


def in_turn(pairs: int, baseline: Callable[[], Sample], ours: Callable[[], Sample], what: str, say: Say) -> Comparison:
    """`pairs` samples of each, in the order ABBA, so that a drift of the machine hits both alike.

    One of each goes before and does not count: caches fill, kernels are chosen, clocks rise.
    """
    rates: dict[str, list[float]] = {"baseline": [], "ours": []}
    for number in range(pairs + 1):
        say(f"{what}: {f'pair {number} of {pairs}' if number else 'warming up'}")
        turns = [("baseline", baseline), ("ours", ours)]
        for name, measure in turns if number % 2 else reversed(turns):
            rates[name].append(measure().rate)
    return Comparison(tuple(rates["baseline"][1:]), tuple(rates["ours"][1:]))


def compare_training(
    tutorial: TrainConfig,
    ours: TrainConfig,
    folder: Path,
    say: Say,
    *,
    pairs: int,
    seconds: float,
    whole_epochs: bool = False,
    num_workers: int | None = None,
) -> Comparison:
    """A tutorial-style loop and the real trainer.

    Args:
        tutorial, ours: what each trains.
        folder: where the trainer may keep its run.
        say: told what is being done.
        pairs: samples of each.
        seconds: of a sample.
        whole_epochs: a sample is an epoch of training and the evaluation of the validation set instead.
        num_workers: processes of the tutorial's DataLoader; None leaves the choice to it.

    Raises:
        MeasurementError: one of them cannot be trained here.
    """
    say(f"{ours.recipe}: loading PyTorch and {ours.data.dataset}, twice")
    first = Job(kind="tutorial", config=tutorial, folder=str(folder), num_workers=num_workers)
    second = Job(kind="ours", config=endless(ours), folder=str(folder), whole_epochs=whole_epochs)
    what: What = "epoch" if whole_epochs else "steps"
    with Worker(first) as loop, Worker(second) as trainer:
        loop.wait()
        trainer.wait()
        title = f"{ours.recipe}, {'epochs' if whole_epochs else 'training'}"
        return in_turn(pairs, lambda: loop.sample(what, seconds), lambda: trainer.sample(what, seconds), title, say)


def endless(config: TrainConfig) -> TrainConfig:
    """Settings with which a training goes on until it is told to stop, as fast at its start as at its end."""
    tree: dict[str, Any] = msgspec.to_builtins(config)
    tree |= {"epochs": 10_000, "max_steps": None}
    tree["checkpoint"]["every_epochs"] = 0
    # Images that are small at first would be all that a benchmark ever sees.
    tree["data"].pop("low_size", None)
    # So many epochs would make compiling pay that the run itself never compiles for.
    if tree["compile"] == "auto":
        tree["compile"] = False
    return msgspec.convert(tree, TrainConfig)


@contextlib.contextmanager
def parts_worker(config: TrainConfig, folder: Path, say: Say) -> Iterator[Worker]:
    """A worker for `compare_events`, `compare_pipeline` and `Worker.machine`, ready."""
    say(f"{config.recipe}: loading PyTorch and {config.data.dataset}")
    with Worker(Job(kind="parts", config=endless(config), folder=str(folder))) as parts:
        parts.wait()
        yield parts


def compare_events(parts: Worker, say: Say, *, pairs: int, seconds: float) -> Comparison:
    """Steps without and with metrics, events and recording."""
    return in_turn(
        pairs,
        lambda: parts.sample("events off", seconds),
        lambda: parts.sample("events on", seconds),
        "without and with events",
        say,
    )


def compare_pipeline(parts: Worker, say: Say, *, pairs: int, seconds: float) -> Comparison:
    """Crop and flip of the training images: Pillow's in a DataLoader without workers, and ours on the device."""
    return in_turn(
        pairs, lambda: parts.sample("pil", seconds), lambda: parts.sample("pipeline", seconds), "crop and flip", say
    )


def tutorial_recipe(config: TrainConfig) -> TrainConfig:
    """What a tutorial's loop trains beside `config`: a `-fast` variant has the network of the recipe it is one of."""
    base = RECIPES.get(config.recipe.removesuffix(_FAST))
    if base is None or base.name == config.recipe:
        return config
    return msgspec.structs.replace(
        base.config, device=config.device, data=msgspec.structs.replace(base.config.data, dir=config.data.dir)
    )


def benchmark(
    config: TrainConfig, say: Say, *, seconds: float, pairs: int = 5, num_workers: int | None = None
) -> Benchmark:
    """All figures of a recipe, in about `seconds` and what it takes to load PyTorch and the data.

    Raises:
        UsageError: `seconds` or `pairs` is too few.
        MeasurementError: the recipe cannot be trained here.
    """
    if not seconds >= LEAST_SECONDS:
        raise UsageError(f"--seconds must be {LEAST_SECONDS:g} or more: shorter measurements say nothing")
    if pairs < 1:
        raise UsageError("--pairs must be 1 or more")
    with tempfile.TemporaryDirectory(prefix="cifar-tui-bench-") as name:
        folder = Path(name)
        tutorial, ours, stand_in = tutorial_recipe(config), config, is_missing(config)
        if stand_in:
            say(f"{config.data.dataset} is not on this machine: making random images")
            ours = with_random_images(config, folder / "images")
            tutorial = msgspec.structs.replace(
                tutorial, data=msgspec.structs.replace(tutorial.data, **_source_of(ours))
            )
        each = seconds / (2 * (pairs + 1))
        training = compare_training(
            tutorial, ours, folder, say, pairs=pairs, seconds=_TRAINING_PART * each, num_workers=num_workers
        )
        with parts_worker(ours, folder, say) as parts:
            events = compare_events(parts, say, pairs=pairs, seconds=_EVENTS_PART * each)
            pipeline = compare_pipeline(parts, say, pairs=pairs, seconds=_PIPELINE_PART * each)
            say("matrix products and copies")
            machine = parts.machine(_MACHINE_PART * seconds)
    return Benchmark(
        recipe=config.recipe,
        tutorial=tutorial.recipe,
        dataset=config.data.dataset,
        is_stand_in=stand_in,
        training=training,
        events=events,
        pipeline=pipeline,
        machine=machine,
    )


def _source_of(config: TrainConfig) -> dict[str, Any]:
    data = config.data
    return {"dataset": data.dataset, "image_size": data.image_size, "normalize": data.normalize}
