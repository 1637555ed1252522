"""What is compared, and how one looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.compare import Along, seed_groups
from core.runfolder import RunFolder
from core.state import RunState
from core.steered import steered
from tui.confusion_view import ConfusionView
from tui.gallery import Subject
from tui.render.palettes import Role
from tui.render.plot import Stroke
from tui.source import Source
from tui.status import run_words

ROLES: tuple[Role, ...] = ("series_a", "series_b", "series_c", "series_d")
STROKES = (Stroke.LINE, Stroke.DASHED, Stroke.HEAVY, Stroke.DOTTED)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PANES = ("Curves", "Settings", "Confusion", "Classes", "Images")
CURVES, SETTINGS, CONFUSION, CLASSES, IMAGES = range(len(PANES))
ALONG: tuple[Along, ...] = ("step", "epoch", "time")


@dataclass(frozen=True, eq=False)
class Compared:
    """A run among others. Its letter, colour and stroke stay what they are as long as the comparison lasts."""

    source: Source
    number: int

    @property
    def folder(self) -> RunFolder:
        """Where it lies."""
        return self.source.folder

    @property
    def state(self) -> RunState:
        """What has come of it."""
        return self.source.state

    @property
    def status(self) -> str:
        """How it stands; a run that has died never said so itself."""
        return "died" if self.source.has_died else self.state.status

    @property
    def letter(self) -> str:
        """A to Z, then AA."""
        return LETTERS[self.number % 26] * (self.number // 26 + 1)

    @property
    def name(self) -> str:
        """What a person calls it."""
        run = self.state.run
        recipe = run.recipe if run else ""
        words = run_words(self.folder.id, recipe) if recipe else self.folder.id
        return f"{recipe} {words}" if words != self.folder.id else words

    @property
    def role(self) -> Role:
        """Its colour."""
        return ROLES[self.number % len(ROLES)]

    @property
    def stroke(self) -> Stroke:
        """Its stroke: no two of sixteen runs have colour and stroke in common."""
        return STROKES[(self.number + self.number // len(ROLES)) % len(STROKES)]

    @property
    def config(self) -> dict[str, object]:
        """Its settings, as steering has left them."""
        return steered(self.state.run.config, self.state) if self.state.run else {}

    @property
    def confusion(self) -> NDArray[np.int64] | None:
        """Of its last epoch."""
        return self.state.confusion


def compared(sources: Sequence[Source]) -> tuple[Compared, ...]:
    """The runs, lettered in their order."""
    return tuple(Compared(source, number) for number, source in enumerate(sources))


@dataclass(frozen=True, eq=False)
class Board:
    """Runs side by side, and the choices made about them."""

    runs: tuple[Compared, ...]
    pane: int = 0
    along: Along = "epoch"
    log_y: bool = False
    smoothing: float = 0.9
    bands: bool = True
    """Draw seeds of one recipe as one curve with a band."""
    first: int = 0
    """The run that is subtracted, or that is right."""
    second: int = 1
    map: ConfusionView = field(default_factory=ConfusionView)
    """Which classes or superclasses the difference of the confusions is drawn for, how, and the cursor in it."""
    row: int = 0
    """The cursor among the gains of the classes."""
    text: str = ""
    """What the names of the classes (or superclasses) listed with their gains hold."""
    grouped: bool = False
    """Keep the gains of a superclass's classes together."""
    subject: Subject = field(default_factory=Subject)
    """Which of the images are shown."""
    origin: Board | None = None
    """What the images were opened from, to go back to."""
    scroll: int = 0
    """The first line of the settings, or the screenful of images."""
    column: int = 0
    """The first run of the settings, where not all have room."""
    changed: int = 0
    """Counts what the runs have told since; a new number makes a new board."""

    @property
    def pair(self) -> tuple[Compared, Compared]:
        """The two runs of the panes that set one against the other."""
        return self.runs[self.first], self.runs[self.second]

    @cached_property
    def groups(self) -> list[list[int]]:
        """Runs that belong together; each by itself where bands are off."""
        if not self.bands:
            return [[index] for index in range(len(self.runs))]
        return seed_groups([run.config for run in self.runs])

    @property
    def has_seeds(self) -> bool:
        """Whether any of the runs differ in nothing but their seed."""
        return len(seed_groups([run.config for run in self.runs])) < len(self.runs)

    @property
    def classes(self) -> list[str]:
        """Names of the classes of the first of the pair."""
        return self.runs[self.first].state.classes

    @property
    def groups_shown(self) -> list[tuple[str, frozenset[int]]]:
        """Rows and columns of the map: a name and its classes."""
        return self.map.groups(self.runs[self.first].state)

    @property
    def comparable(self) -> str:
        """Why the pair's classes cannot be set against each other; empty where they can."""
        one, other = self.pair
        if one.confusion is None or other.confusion is None:
            late = one if one.confusion is None else other
            return f"{late.letter} {late.name} has not ended an epoch yet"
        if one.state.classes != other.state.classes:
            return f"{one.letter} and {other.letter} tell different classes apart: their tables cannot be subtracted"
        for run in (one, other):
            if len(run.state.epochs[-1].validation.confusion) != len(self.classes):
                return f"The log of {run.letter} {run.name} is damaged: its confusion does not fit its classes"
        return ""

    def with_next(self, *, second: bool) -> Board:
        """Another run on one side; never the one on the other side."""
        at = self.second if second else self.first
        other = self.first if second else self.second
        at = (at + 1) % len(self.runs)
        if at == other:
            at = (at + 1) % len(self.runs)
        return replace(self, second=at, scroll=0) if second else replace(self, first=at, scroll=0)

    def images_of(self, subject: Subject, *, turned: bool) -> Board:
        """The images that account for a difference; `turned`: those that the second run gets right."""
        board = self.swapped() if turned else self
        return replace(board, pane=IMAGES, subject=subject, origin=self)

    def with_pane(self, number: int) -> Board:
        """Another pane. Images opened from a cell or a class were a look aside: the pair is what it was before."""
        board = self.origin or self
        return replace(board, pane=number, scroll=0, subject=Subject(), origin=None, changed=self.changed)

    def swapped(self) -> Board:
        """The pair the other way round."""
        return replace(self, first=self.second, second=self.first, scroll=0)
