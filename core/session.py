"""A trainer's life from the configuration to the exit code: run folder, log, signals, heartbeat, training, ending.

Nothing heavy is imported before the run folder exists and the first event is written, so that a viewer has something to
show while PyTorch loads.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import platform
import shutil
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec

from core import control
from core import events as ev
from core.config import TrainConfig
from core.data.class_folders import check_folder, folder_of
from core.errors import CifarTuiError, DivergedError, ExitCode, StorageError
from core.headless import Report
from core.pulse import Pulse
from core.reader import read_all
from core.recorder import Recorder
from core.resume import Origin, last_place
from core.runfolder import Manifest, RunFolder, create_run_folder
from core.signals import Signals

ReportTo = Callable[[RunFolder, TextIO, TextIO], Report]
"""Given the run and the process's real standard output and error, makes the report that writes to them."""
PYTORCH_VARIABLES = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "6000", "THP_MEM_ALLOC_ENABLE": "1"}
"""What `tune_pytorch` sets, unless the user has."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of mallopt, from glibc's malloc.h
_MOST_BYTES = 2**31 - 1  # it takes an int


@dataclass(frozen=True)
class Request:
    """What to train and where to keep it."""

    config: TrainConfig
    runs_dir: Path
    published: ev.Published | None = None
    run_id: str | None = None
    command: tuple[str, ...] = ()
    origin: Origin | None = None
    """The run and checkpoint to go on from."""
    fork: bool = False
    """Go on from `origin` in a new run folder."""
    epochs_asked: bool = False
    """Whether somebody has just asked for the epochs in `config`: then they count, whatever a command gave earlier."""
    lr_asked: bool = False
    """Likewise for the learning rate that a fork is to train with."""


def train_run(request: Request, report_to: ReportTo, signals: Signals | None = None) -> ExitCode:
    """Train a run, new or resumed, and return the exit code of the process.

    Every ending is recorded in the run's events, except that a new run whose settings turn out to be of no use here,
    such as a device that is not there, leaves no folder; a resumed one keeps the settings that it had. `signals` are
    those of several runs in a row: what comes between two of them ends the second before it trains.

    Raises:
        UsageError, StorageError, RunInUseError: there is no run folder to record anything in.
        DataError: none is made for a folder of images that is not there.
    """
    images = folder_of(request.config.data.dataset)
    if images is not None:
        check_folder(images)
    resuming = request.origin is not None and not request.fork
    if request.origin is not None and resuming:
        folder = request.origin.folder
    else:
        folder = create_run_folder(request.runs_dir, request.config.recipe, request.run_id)
    with folder.lock(), contextlib.ExitStack() as stack:
        earlier = read_all(folder.events_file)
        attempt, seq = last_place(earlier)
        recorder = Recorder(folder.events_file, attempt=attempt + 1, next_seq=seq + 1)
        stack.callback(recorder.close)
        before = folder.read_manifest() if resuming else None
        manifest = _manifest(folder, request, before)
        folder.write_manifest(manifest)
        stdout, stderr = stack.enter_context(output_to(folder.log_file))
        report, place = report_to(folder, stdout, stderr), _Place()
        for record in earlier:  # both know the whole run, and not only this attempt's part of it
            report.catch_up(record)
            place.follow(record)
        earlier.clear()  # not to be held in memory as long as the training lasts
        recorder.subscribe(report)
        recorder.subscribe(place.follow)
        if resuming:
            with contextlib.suppress(OSError):  # many ways of copying a run leave out what is empty
                folder.control.mkdir(exist_ok=True)
            _refuse_stale_commands(folder, recorder, place.step)
        recorder.emit(ev.PhaseChanged(phase="starting", detail="loading PyTorch"))
        signals = signals or Signals()
        signals.install()
        ended = _train(request, folder, manifest, recorder, signals, place)
        if ended.exit_code == ExitCode.USAGE and ended.step == 0 and not resuming:
            # No run: it would only be in the way of its name, and among the others.
            shutil.rmtree(folder.path, ignore_errors=True)
        if before is not None and manifest.device is None:
            # Nothing could be set up so: who goes on with the run or evaluates it is not given these settings.
            with contextlib.suppress(StorageError):  # the ending is told in any case
                folder.write_manifest(before)
        recorder.emit(ended)
        return ExitCode(ended.exit_code)


@dataclass
class _Place:
    """How far the run has come, told by its events: what ends it may come before there is a trainer, or from within."""

    step: int = 0
    epoch: int = 0

    def follow(self, record: ev.Record) -> None:
        if isinstance(record.event, ev.Batches):
            self.step = record.event.first_step + len(record.event.loss)
        elif isinstance(record.event, ev.EpochEnded):
            self.epoch = record.event.epoch
        elif isinstance(record.event, ev.Resumed | ev.RolledBack):
            self.step, self.epoch = record.event.from_step, record.event.from_epoch


def _train(
    request: Request, folder: RunFolder, manifest: Manifest, recorder: Recorder, signals: Signals, place: _Place
) -> ev.RunEnded:
    started = time.monotonic()

    def failed(status: Literal["diverged", "failed"], reason: str, code: ExitCode) -> ev.RunEnded:
        return ev.RunEnded(
            status=status,
            step=place.step,
            epoch=place.epoch,
            reason=reason,
            exit_code=int(code),
            seconds=round(time.monotonic() - started, 3),
        )

    pulse = Pulse(recorder.emit, recorder.sync)
    pulse.start()
    tune_pytorch()
    # PyTorch takes two seconds to load, or a minute from a cold network drive; by now a viewer has the run's name, its
    # phase and heartbeats.
    from core import attempt

    gc.collect()  # an earlier run of this process hangs in cycles, and with it what it holds of the device's memory
    try:
        return attempt.attempt(request, folder, manifest, recorder, signals, pulse)
    except DivergedError as error:
        return failed("diverged", str(error), error.exit_code)
    except CifarTuiError as error:
        return failed("failed", str(error), error.exit_code)
    except MemoryError:
        return failed("failed", "out of memory: use a smaller --batch-size", ExitCode.OUT_OF_MEMORY)
    except Exception as error:  # noqa: BLE001 - the last stop: record what went wrong, with its traceback in the log
        if memory := attempt.explain_out_of_memory(error, request.config):
            return failed("failed", memory, ExitCode.OUT_OF_MEMORY)
        traceback.print_exc()  # standard error is trainer.log here
        return failed("failed", f"{type(error).__name__}: {error} (traceback in {folder.log_file})", ExitCode.BUG)
    finally:
        pulse.stop()


def tune_pytorch() -> None:
    """Have PyTorch's threads sleep while they wait, and its large tensors take huge pages; read when it is loaded.

    Threads that spin for long while they wait take the core that another process needs, a viewer say, and then all wait
    for that one: beside a busy process on two cores of a Xeon a LeNet was trained on 558 images/s with PyTorch's own
    settings and on 1,940 with 10,000 spins. But it is dear to wake a thread on a virtual machine: with 3,000 spins it
    lost 10% of its speed, or 13% with a viewer. On an EPYC 9004 it lost 6% with 3,000, alone, and with 10,000 5% with a
    viewer and 22% beside the busy process, against 6,000 (tests/bench/bench_threads.py, bench_dashboard.py).

    A step allocates and frees the same large tensors again and again, which the system maps and clears page by page: up
    to 50,000 pages a step of ResNet-9. With pages of 2 MB, where Linux grants them, its steps are 8 to 13% faster.
    """
    for name, value in PYTORCH_VARIABLES.items():
        os.environ.setdefault(name, value)
    if sys.platform == "linux":
        _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Have the C library hand freed memory out again instead of back to the system, that of large tensors too.

    Otherwise a step in float32 has that of tensors over 32 MB mapped and cleared anew each time. On a virtual machine,
    where that is dear, steps of c10-cpu are 9 to 16% faster so and those of ResNet-9 4 to 14%. It costs a tenth more
    memory, or a quarter for a network with activations of many sizes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc
        mallopt(_M_MMAP_THRESHOLD, _MOST_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _MOST_BYTES)


def _refuse_stale_commands(folder: RunFolder, recorder: Recorder, step: int) -> None:
    """A `stop` that was left for a trainer long gone must not stop this one."""
    for received in control.take(folder.control):
        command = received.command
        recorder.emit(
            ev.CommandHandled(
                command_id=received.id,
                name=command.name if command else "unknown",
                argument=command.argument if command else "",
                sender=command.sender if command else "",
                status="refused",
                step=step,
                message="it was left before this attempt began",
            )
        )


def _manifest(folder: RunFolder, request: Request, before: Manifest | None) -> Manifest:
    """The manifest of this attempt; a resumed run keeps its birth and its parent."""
    created, parent = time.time(), None
    if before is not None:
        created, parent = before.created, before.parent
    elif request.origin is not None:
        parent = request.origin.folder.id
    return Manifest(
        id=folder.id,
        recipe=request.config.recipe,
        created=created,
        parent=parent,
        config=msgspec.to_builtins(request.config),
        command=list(request.command),
        code_version=code_version(),
        versions=versions(),
        host=socket.gethostname(),
        pid=os.getpid(),
    )


def code_version() -> str:
    """The version of cifar-tui."""
    return metadata.version("cifar-tui")


def versions() -> dict[str, str]:
    """Versions of what decides a result; read from package metadata, which imports nothing."""
    found = {"python": platform.python_version()}
    for package in ("torch", "torchvision", "numpy"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[tuple[TextIO, TextIO]]:
    """Lead the process's standard output and error into a file, and yield streams to where they went before.

    Done on the file descriptors, so that what libraries print from C goes there too and never onto a screen.

    Raises:
        StorageError: the file cannot be written.
    """
    try:  # a pipe in its place would be waited for
        target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    except OSError as error:
        raise StorageError(f"cannot write {log}: {error.strerror}") from error
    sys.stdout.flush()
    sys.stderr.flush()
    streams: list[Any] = []
    for descriptor in (1, 2):
        encoding = (sys.stdout if descriptor == 1 else sys.stderr).encoding
        streams.append(os.fdopen(os.dup(descriptor), "w", buffering=1, encoding=encoding, errors="replace"))
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield streams[0], streams[1]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, stream in zip((1, 2), streams, strict=True):
            with contextlib.suppress(OSError, ValueError):  # a reader that has gone away is no reason to fail
                stream.flush()
            os.dup2(stream.fileno(), descriptor)
            with contextlib.suppress(OSError, ValueError):
                stream.close()
        os.close(target)
