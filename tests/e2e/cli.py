"""The command line in processes of its own, as a shell or a batch system would run it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core import events as ev
from core.codec import decode
from core.runfolder import RunFolder

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "tui"]
TIMEOUT_SECONDS = 240
"""Far beyond what anything takes; only so that a hang becomes a failure."""

# An embedded set of a few steps: one thread each, so that tests side by side do not fight over cores.
SHAPES = ["--no-ui", "-r", "shapes-small", "--set", "threads=1"]


def small(images: Path, *, epochs: int = 3) -> list[str]:
    """Options of a training of that many epochs of six steps, on `tests.training.image_folder`."""
    return [*SHAPES, "--dataset", f"folder:{images}", "--batch-size", "8", "--epochs", str(epochs)]


def environment(**changes: str) -> dict[str, str]:
    """That of a colourful terminal, without any setting of ours and without network."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CIFAR_TUI_")}
    inherited.pop("PYTHONUNBUFFERED", None)  # it would hide output that is lost with a buffer
    nowhere = "http://127.0.0.1:9"  # the discard port: refused at once
    return inherited | {
        "PYTHONPATH": str(ROOT),
        "OMP_WAIT_POLICY": "passive",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        **changes,
    }


def cifar_tui(*arguments: str | Path, runs: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        env=environment(CIFAR_TUI_RUNS_DIR=str(runs), **changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
    )


def only_run(runs: Path) -> RunFolder:
    """The one run in a folder of runs."""
    (path,) = (path for path in runs.iterdir() if not path.name.startswith("."))
    return RunFolder(path)


@dataclass
class Live:
    """A trainer at work whose events are read from its standard output."""

    process: subprocess.Popen[bytes]
    folder: RunFolder

    def __post_init__(self) -> None:
        self.seen: list[ev.Event] = []

    def wait_for(self, wanted: Callable[[ev.Event], bool]) -> ev.Event:
        """Read on until an event that is `wanted`, and return it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = decode(line).event
            self.seen.append(event)
            if wanted(event):
                return event
        raise AssertionError(
            f"the trainer ended ({self.process.wait()}) before that happened; at last: {self.seen[-3:]}"
        )

    def rest(self) -> list[ev.Event]:
        """Read to the end."""
        assert self.process.stdout is not None
        events = [decode(line).event for line in self.process.stdout]
        self.seen += events
        return events

    def exit_code(self) -> int:
        """Wait for the end; all output must have been read."""
        return self.process.wait(timeout=TIMEOUT_SECONDS)


def is_training(event: ev.Event) -> bool:
    """Whether it tells of steps that were taken."""
    return isinstance(event, ev.Batches)


@contextlib.contextmanager
def live(*arguments: str | Path, runs: Path, name: str = "live") -> Iterator[Live]:
    """A trainer with --json, killed if the test leaves it behind."""
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments), "--json", "--run-id", name],
        env=environment(CIFAR_TUI_RUNS_DIR=str(runs)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Live(process, RunFolder(runs / name))
    finally:
        process.kill()
        process.communicate()
