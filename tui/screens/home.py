"""All runs: find one, open it, compare some, start another."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from core.errors import UsageError
from core.runfilter import Row, parse_filter
from core.runindex import RunIndex
from core.runnotes import Notes
from core.runsummary import condition
from tui.bindings import key_name
from tui.home import keys
from tui.home.header import HomeHeader
from tui.home.list import RunFacts, RunList
from tui.home.table import COLUMNS, Listing, arranged
from tui.screens.help import HelpScreen, Section
from tui.screens.home_actions import HomeActions
from tui.widgets.drawn import Drawn
from tui.widgets.filter import FilterInput
from tui.widgets.keybar import Hint, KeyBar

if TYPE_CHECKING:
    from tui.app import DashboardApp

_FACTS_FROM = 26
"""Lines of a screen that can spare some for the run under the cursor."""
_FACTS_HEIGHT = 12
_LOOK_SECONDS = 1.0
"""Between two looks at the folder."""
_READ_SECONDS = 0.15
"""Reading logs in one go."""
_BREATH_SECONDS = 0.01
"""Between two bits of reading, for keys and paint."""
_SAVE_SECONDS = 10.0


class HomeScreen(HomeActions):
    """The list of runs.

    Args:
        app: the application; it opens runs.
        runs_dir: where they are.
        clock: seconds since the epoch.
    """

    BINDINGS: ClassVar[list[BindingType]] = [binding for _, section in keys.SECTIONS for binding in section]

    def __init__(self, app: DashboardApp, runs_dir: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.dashboard, self.scene, self.index, self.clock = app, app.scene, RunIndex(runs_dir), clock
        self._sort, self._descending, self._text = "age", False, ""
        self.wrong = ""
        """What is wrong with the filter."""
        self._last_saved = float("-inf")
        self._next_scan = float("-inf")
        self._is_reading = False
        """Whether more is about to be read."""

    def compose(self) -> ComposeResult:
        """Header, list, facts, filter, keys."""
        runs = RunList(self.scene, id="runs")
        yield HomeHeader(self.scene, self, id="header")
        yield runs
        yield RunFacts(self.scene, runs, id="facts-of-run")
        yield FilterInput(placeholder="text, state:running acc>70 recipe:c10* tag:keep; - in front of a term excludes")
        yield KeyBar(self.scene, self.hints, id="keys")

    def on_mount(self) -> None:
        """Show what is known, then read the rest bit by bit."""
        self.query_one(RunList).focus()
        self.refresh_runs()
        self.set_interval(_LOOK_SECONDS, self.look)

    def on_screen_resume(self) -> None:
        """Back from a run: it may have changed."""
        if self.is_mounted:
            self._next_scan = float("-inf")
            self.look()

    def on_resize(self, event: events.Resize) -> None:
        """Facts only where there is room for them."""
        facts = self.query_one(RunFacts)
        facts.display = event.size.height >= _FACTS_FROM
        facts.styles.height = min(_FACTS_HEIGHT, event.size.height // 3)

    # -- the list goes on ---------------------------------------------------------------------------------------------

    @property
    def _is_seen(self) -> bool:
        """Whether no run is open before it. Textual's `is_current` holds of any screen next to the uppermost."""
        return next(screen for screen in reversed(self.app.screen_stack) if not screen.is_modal) is self

    def look(self) -> None:
        """See what has changed in the folder; live runs move on."""
        if self._is_seen:
            self.refresh_runs()

    def refresh_runs(self) -> None:
        """Scan, read a little, show."""
        now = time.monotonic()
        if now >= self._next_scan:
            self.index.scan()
            # With thousands of runs on a slow drive a scan takes long: it must not take all of the time.
            self._next_scan = now + 20 * (time.monotonic() - now)
        if self._is_reading:
            self.show_runs()  # with what is there now; the rest is under way
        else:
            self._read_on()
        if not self.index.unread and now - self._last_saved > _SAVE_SECONDS:
            self._last_saved = now
            self.index.save()

    def _read_on(self) -> None:
        """Read bit by bit: keys are answered, and the list is painted, in between."""
        self.index.read(_READ_SECONDS)
        self.show_runs()
        self._is_reading = bool(self.index.unread) and self._is_seen
        if self._is_reading:
            self.set_timer(_BREATH_SECONDS, self._read_on)

    def rows(self) -> list[Row]:
        """All runs, unsorted."""
        now = self.clock()
        return [
            Row(one, condition(one, self.index.folder(name), now), self.index.notes.get(name, Notes()))
            for name, one in self.index.summaries.items()
        ]

    def show_runs(self) -> None:
        """Bring the list up to date."""
        now, rows = self.clock(), self.rows()
        self.num_runs, self.num_live = len(rows), sum(row.is_live for row in rows)
        try:
            test = parse_filter(self._text)
            self.wrong = ""
        except UsageError as error:
            self.wrong = str(error)
        else:
            self._test = test
        kept = arranged([row for row in rows if self._test(row)], self._sort, self._descending, now)
        runs = self.query_one(RunList)
        where = self.index.problem or f"No runs in {self.index.runs_dir} yet: press n to start one"
        runs.show_listing(
            Listing(
                kept,
                first=runs.listing.first,
                marked=runs.listing.marked & frozenset(self.index.summaries),
                sort=self._sort,
                descending=self._descending,
                now_wall=now,
                empty=where if not rows else f"No run fits “{self._text}”",
                reading=frozenset(self.index.unread),
            )
        )
        self.show_status()

    def show_status(self) -> None:
        """Header, facts and keys."""
        for widget in self.query("#header, #facts-of-run, #keys").results(Drawn):
            if widget.display:
                widget.redraw()

    def on_run_list_moved(self) -> None:
        """Facts of another run."""
        self.show_status()

    # -- keys of the list ---------------------------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        """Up or down."""
        self.query_one(RunList).move(rows)

    def action_page(self, pages: int) -> None:
        """Screenfuls."""
        self.query_one(RunList).page(pages)

    def action_to(self, index: int) -> None:
        """First or last."""
        runs = self.query_one(RunList)
        runs.move(-len(runs.listing.rows) if index == 0 else len(runs.listing.rows))

    def action_sort(self, direction: int) -> None:
        """By the next column."""
        names = [column.key for column in COLUMNS]
        self.sort_by(names[(names.index(self._sort) + direction) % len(names)])

    def action_reverse(self) -> None:
        """The other way round."""
        self.sort_by(self._sort)

    def on_run_list_head_clicked(self, message: RunList.HeadClicked) -> None:
        """By the column clicked."""
        self.sort_by(message.key)

    def sort_by(self, key: str) -> None:
        """Sort by a column, the better or newer first; by the same one again, the other way round."""
        if key == self._sort:
            self._descending = not self._descending
        else:
            self._sort, self._descending = key, key in ("best", "last", "epoch", "took", "curve")
        self.show_runs()

    def action_filter(self) -> None:
        """Type what to look for."""
        self.query_one(FilterInput).open()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        self._text = event.value
        self.show_runs()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and give the keys back."""
        self.query_one(FilterInput).close(keep=True)
        self.query_one(RunList).focus()

    def action_back(self) -> None:
        """Close the filter; then unmark."""
        if self.query_one(FilterInput).close():
            self.query_one(RunList).focus()
        else:
            self.unmark()

    def action_help(self) -> None:
        """All keys."""
        self.app.push_screen(HelpScreen(self.key_sections(), self.scene.look))

    def key_sections(self) -> list[Section]:
        """All keys."""
        return list(keys.SECTIONS)

    def hints(self) -> list[Hint]:
        """The footer."""
        ranks = {"open": 0, "new": 0, "filter": 1, "mark": 2, "compare": 1, "resume": 2, "app.quit": 0, "help": 0}
        marked = len(self.query_one(RunList).listing.marked)
        return [
            Hint(
                key_name(key),
                f"Compare {marked}" if key.action == "compare" and marked else key.description,
                key.action,
                rank=ranks.get(key.action, 3),
            )
            for _, section in keys.SECTIONS
            for key in section
            if key.show and key.description
        ]
