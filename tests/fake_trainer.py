"""A trainer that only notes what it is asked, with its control folder, its signals and a clock that a test sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import events as ev
from core.control import parse_command, send
from core.errors import ExitCode, UsageError
from core.runfolder import RunFolder
from core.signals import Signals
from core.steering import LOOK_SECONDS, Steering
from tests.strategies import evaluation


class Clock:
    """Stands in for the module `time`; whatever waits in `meanwhile` happens during a sleep, one thing a time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.meanwhile: list[Callable[[], object]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.meanwhile:
            self.meanwhile.pop(0)()
        elif self.now > 10_000:
            raise AssertionError("nothing will ever end this pause")


class FakeTrainer:
    """Notes what steering asks of it."""

    def __init__(self, told: list[Any]) -> None:
        self.told = told
        self.step, self.num_steps, self.num_epochs = 5, 12, 3
        self.ending: tuple[str, str, ExitCode] | None = None
        self.disk_is_full = False
        self.scale = 1.0
        self.running = True

    @property
    def is_over(self) -> bool:
        return self.ending is not None

    def plan(self) -> ev.LrPlan:
        return ev.LrPlan(steps=[self.step, self.num_steps - 1], lr=[self.scale, 0.0])

    def halt(self) -> None:
        self.running = False
        self.told.append("halt")

    def proceed(self) -> None:
        self.running = True
        self.told.append("proceed")

    def save(self, reason: str, *, keep: bool) -> str | None:
        assert not self.running, "the clock stands while a checkpoint is written"
        self.told.append(f"save for {reason}{', kept' if keep else ''}")
        return None if self.disk_is_full else f"step-{self.step:08d}"

    def evaluate_now(self) -> ev.Evaluation:
        assert not self.running
        self.told.append("evaluate")
        return evaluation(0.5)

    def scale_lr(self, factor: float) -> None:
        self.scale *= factor

    def change_epochs(self, epochs: int) -> None:
        if epochs < 2:
            raise UsageError("1 epoch is done already")
        self.num_epochs, self.num_steps = epochs, 4 * epochs

    def finish(self, status: str, reason: str, exit_code: ExitCode) -> None:
        self.ending = (status, reason, exit_code)


class Scene:
    """A trainer between two steps, its control folder, its signals, and all that was told in order."""

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)
        self.folder.control.mkdir(parents=True)
        self.told: list[Any] = []
        """What the trainer was asked, as text, and what was emitted, as events."""
        self.trainer = FakeTrainer(self.told)
        self.signals = Signals()
        self.clock = Clock()
        self.steering = Steering(self.trainer, self.folder, self.told.append, self.signals)

    def send(self, *words: str) -> str:
        """Leave a command, as a shell does; its id."""
        return send(self.folder.control, parse_command(list(words)))

    def look(self) -> list[Any]:
        """Let some time pass, look, and return what was told meanwhile."""
        self.told.clear()
        self.clock.now += LOOK_SECONDS
        self.steering.look()
        return list(self.told)

    def signal(self, request: Any, name: str) -> None:
        """A signal arrives."""
        self.signals.request, self.signals.name = request, name


def answers(told: list[Any]) -> list[tuple[str, str, str]]:
    """Name, status and message of every answer to a command."""
    return [(event.name, event.status, event.message) for event in told if isinstance(event, ev.CommandHandled)]


def asked(told: list[Any]) -> list[str]:
    """What the trainer was asked."""
    return [entry for entry in told if isinstance(entry, str)]
