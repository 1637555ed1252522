"""A source that shows a recorded run as it was at any of its moments, and lets it go on from there.

The run screen cannot tell it from a live run: the state is the same fold of the same records.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from core.errors import UsageError
from core.events import Record
from core.runfolder import RunFolder
from core.state import RunState
from core.timeline import Recording
from tui.render.numbers import clock
from tui.source import LiveSource

SPEEDS: tuple[float, ...] = (1.0, 4.0, 16.0, 64.0, float("inf"))
"""Seconds of the run in a second of watching; the last one shows as many as can be drawn."""
_SLICE_BYTES = 4 << 20
_BUDGET_SECONDS = 0.08
"""Folding in one look at the source: keys are answered in between."""
_LONGEST_LOOK_SECONDS = 1.0
"""After a longer gap (a suspended process, a sleeping laptop) the film does not leap."""


@dataclass
class ReplaySource:
    """A run from its log.

    Args:
        folder: the run.
        live: what a run that may still go on was followed by; it goes on being followed.
        clock: seconds, for playing.
    """

    folder: RunFolder
    live: LiveSource | None = None
    clock: Callable[[], float] = time.monotonic
    frozen: bool = False
    state: RunState = field(default_factory=RunState)
    place: int = 0
    """Records in `state`."""
    playing: bool = False
    speed: float = 16.0
    moved: bool = False
    """Whether it was put elsewhere since somebody last looked, so that everything is to be drawn anew."""
    told: list[Record] = field(default_factory=list)
    """What the live run has said at the last look, whatever is shown: answers to commands among it."""

    def __post_init__(self) -> None:
        self.recording = Recording(self.folder.events_file)
        self._seconds = 0.0
        self._looked: float | None = None
        self._is_behind = True

    # -- what the run screen asks -------------------------------------------------------------------------------------

    @property
    def is_live(self) -> bool:
        """A recording takes no commands."""
        return False

    @property
    def has_died(self) -> bool:
        """What a recording shows is past."""
        return False

    @property
    def is_behind(self) -> bool:
        """While the log is read for the first time."""
        return self._is_behind

    @property
    def problem(self) -> str:
        """Why there is nothing to show."""
        if self._is_behind or len(self.recording):
            return ""
        file = self.recording.path
        if not self.folder.path.is_dir():
            return f"There is no run folder {self.folder.path}."
        if not file.exists():
            return f"Run {self.folder.id} has no {file.name}: there is nothing to replay."
        if self.recording.num_corrupt:
            return f"{file} holds no event of cifar-tui: {self.recording.num_corrupt} damaged or foreign lines."
        return f"{file} is empty: the trainer never came to its first word."

    @property
    def shown_wall(self) -> float | None:
        """The time of day in the picture: that of the last record shown, and not the present."""
        return self.state.last.wall if self.state.last else 0.0

    def advance(self) -> list[Record]:
        """Read on, and play on."""
        if self.live is not None:
            self.told = self.live.advance()
        self._is_behind = self.recording.extend(_SLICE_BYTES)
        now = self.clock()
        passed = 0.0 if self._looked is None else min(now - self._looked, _LONGEST_LOOK_SECONDS)
        self._looked = now
        if not self.playing or self.frozen:
            return []
        if self.place >= len(self.recording) and not self._is_behind:
            self.playing = self.live is not None
            return []
        return self._play(passed)

    def look_for_trainer(self, now_wall: float) -> None:
        """That of the live run to come back to."""
        if self.live is not None:
            self.live.look_for_trainer(now_wall)

    def _play(self, passed: float) -> list[Record]:
        end = len(self.recording)
        if self.speed != float("inf"):
            self._seconds += passed * self.speed
            end = self.recording.place_of_time(self._seconds)
        records: list[Record] = []
        started = time.perf_counter()
        while self.place < end:
            some = self.recording.records(self.place, min(self.place + 64, end))
            for record in some:
                self.state.apply(record)
            self.place += len(some)
            records += some
            if time.perf_counter() - started > _BUDGET_SECONDS:
                break
        if self.speed == float("inf") or self.place < end:
            self._seconds = self.state.seconds
        return records

    # -- the transport ------------------------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """Where it is in the run's time."""
        return self.state.seconds

    @property
    def total_seconds(self) -> float:
        """The run's time so far."""
        return self.recording.whole.seconds

    @property
    def at_end(self) -> bool:
        """Whether all there is has been shown."""
        return self.place >= len(self.recording)

    def read_all(self) -> None:
        """Read the log to its present end."""
        while self.recording.extend(_SLICE_BYTES):
            pass
        self._is_behind = False

    def seek(self, place: int) -> None:
        """Show the run after its first `place` records, or after all where there are not so many."""
        self.place = min(place, len(self.recording))
        self.state = self.recording.state_at(self.place)
        self.moved = True
        self._seconds = self.state.seconds

    def place_of(self, text: str) -> int:
        """The place that a text means: 12, epoch 12, step 5000, 1:30, 90s, 50%, start, best, end.

        Raises:
            UsageError: it means nothing, or lies beyond the run.
        """
        recording = self.recording
        wanted = text.strip().casefold()
        words = {"start": 0, "end": len(recording), "now": len(recording), "last": len(recording)}
        if wanted in words:
            return words[wanted]
        if wanted == "best":
            best = recording.place_of_best()
            if best is None:
                raise UsageError("no epoch has ended yet, so there is no best one")
            return best
        whole = recording.whole
        try:
            if wanted.endswith("%"):
                share = float(wanted[:-1])
                _check_reached(text, share, 100, "shares go from 0% to 100%")
                return recording.place_of_time(share / 100 * self.total_seconds)
            if wanted.startswith("step"):
                step = int(wanted[4:].lstrip(" =:").replace(",", ""))
                _check_reached(text, step, whole.step, f"its steps go from 0 to {whole.step:,}")
                return recording.place_of_step(step)
            if (seconds := _seconds(wanted)) is not None:
                end = math.ceil(self.total_seconds)  # a clock shows whole seconds
                _check_reached(text, seconds, end, f"its time goes from 0:00 to {clock(end)}")
                return recording.place_of_time(seconds)
            epoch = int(wanted.removeprefix("epoch").lstrip(" =:"))
            _check_reached(text, epoch, whole.epoch, f"its epochs go from 0 to {whole.epoch}")
            return recording.place_of_epoch(epoch)
        except ValueError:
            raise UsageError(
                f'"{text}" is no place in a run: give an epoch (12), a step (step 5000), a time (1:30, 90s, 5m), '
                "a share (50%), or start, best, end"
            ) from None

    def toggle(self) -> None:
        """Play, or hold; at the end it begins again."""
        if not self.playing and self.at_end and self.live is None:
            self.seek(0)
        self.playing = not self.playing
        self._seconds = self.state.seconds

    def change_speed(self, direction: int) -> None:
        """The next faster or slower speed."""
        if direction > 0:
            self.speed = next((speed for speed in SPEEDS if speed > self.speed), SPEEDS[-1])
        else:
            self.speed = next((speed for speed in reversed(SPEEDS) if speed < self.speed), SPEEDS[0])
        self._seconds = self.state.seconds


def _check_reached(text: str, wanted: float, end: float, there_is: str) -> None:
    if not 0 <= wanted <= end:
        raise UsageError(f'"{text}" is not in the run: {there_is}')


_UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def _seconds(text: str) -> float | None:
    """1:30, 1:02:03, 90s, 5m, 2h; None where it is no time."""
    if ":" in text:
        seconds = 0.0
        for number, part in enumerate(text.split(":")):
            if number and float(part) >= 60:
                raise ValueError(text)
            seconds = 60 * seconds + float(part)
        return seconds
    for unit, scale in _UNITS.items():
        if text.endswith(unit) and text[: -len(unit)].strip().replace(".", "", 1).isdigit():
            return scale * float(text[: -len(unit)])
    return None


def parse_speed(text: str) -> float:
    """×16, x4, 64, max.

    Raises:
        UsageError: it is no speed.
    """
    wanted = text.strip().casefold().lstrip("×x*")
    if wanted == "max":
        return float("inf")
    try:
        speed = float(wanted)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise UsageError(f'"{text}" is no speed: give ×1, ×4, ×16, ×64 or max')
    return speed


def speed_name(speed: float) -> str:
    """×16, ×0.5, max."""
    return "max" if speed == float("inf") else f"×{speed:g}"
