"""Drawings of screens without a run still want a scene; this is the run in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.events import Record
from core.runfolder import RunFolder
from core.state import RunState


@dataclass
class NoRun:
    """A source of nothing."""

    folder: RunFolder
    state: RunState = field(default_factory=RunState)
    frozen: bool = False

    @property
    def is_live(self) -> bool:
        """Nothing to steer."""
        return False

    @property
    def has_died(self) -> bool:
        """Nobody was there."""
        return False

    @property
    def is_behind(self) -> bool:
        """Nothing to read."""
        return False

    @property
    def problem(self) -> str:
        """Nothing is missing."""
        return ""

    @property
    def shown_wall(self) -> float | None:
        """The present."""
        return None

    def advance(self) -> list[Record]:
        """Nothing is new."""
        return []

    def look_for_trainer(self, now_wall: float) -> None:
        """There was none."""
