"""The list of runs as a widget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual import events
from textual.message import Message
from textual.strip import Strip

from core.runfilter import Row
from tui.home.facts import draw_facts
from tui.home.table import Listing, draw_table, has_tags, heads
from tui.widgets.drawn import Drawn, Scene


class RunList(Drawn, can_focus=True):
    """Draws the rows in view; it holds the cursor, by the run's id, so that it stays on a run whatever the order."""

    class Chosen(Message):
        """A run was double-clicked."""

    class Moved(Message):
        """The cursor is on another run."""

    class HeadClicked(Message):
        """The head of a column was clicked."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, scene: Scene, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self.listing = Listing(())
        self._on: str | None = None
        self._wanted: str | None = None
        """A run to be put on as soon as it is listed."""

    @property
    def current(self) -> Row | None:
        """The run under the cursor."""
        rows = self.listing.rows
        return rows[self.listing.cursor] if self.listing.cursor < len(rows) else None

    def show_listing(self, listing: Listing) -> None:
        """Show other rows; the cursor stays on its run, or near where that was."""
        cursor = self.listing.cursor
        places = {row.summary.id: index for index, row in enumerate(listing.rows)}
        if self._wanted in places:
            self._on, self._wanted = self._wanted, None
        if self._on in places:
            cursor = places[self._on]
        self.listing = listing
        self._place(cursor)

    def put_on(self, run_id: str) -> None:
        """Put the cursor on a run, now or as soon as it is listed."""
        self._wanted = run_id
        self.show_listing(self.listing)

    def _place(self, cursor: int) -> None:
        rows = self.listing.rows
        before = self._on
        cursor = min(max(cursor, 0), max(len(rows) - 1, 0))
        if rows:
            self._on = rows[cursor].summary.id
        room = max(self.size.height - 1, 1)
        first = min(max(self.listing.first, cursor - room + 1), cursor)
        first = max(min(first, len(rows) - room), 0)
        self.listing = replace(self.listing, cursor=cursor, first=first)
        self.redraw()
        if before != self._on:
            self.post_message(self.Moved())

    def move(self, rows: int) -> None:
        """Move the cursor."""
        self._wanted = None
        self._place(self.listing.cursor + rows)

    def page(self, pages: int) -> None:
        """By screenfuls."""
        self.move(pages * max(self.size.height - 2, 1))

    def draw(self, width: int, height: int) -> list[Strip]:
        """The rows in view."""
        return draw_table(self.listing, width, height, self.scene.look)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in view."""
        self._place(self.listing.cursor)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; a double click opens; a head sorts."""
        if event.y == 0:
            for start, end, key in heads(self.size.width, tags=has_tags(self.listing)):
                if start <= event.x <= end:
                    self.post_message(self.HeadClicked(key))
            return
        index = self.listing.first + event.y - 1
        if index < len(self.listing.rows):
            self._place(index)
            if event.chain == 2:
                self.post_message(self.Chosen())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Down."""
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Up."""
        self.move(-3)


class RunFacts(Drawn):
    """What is known of the run under the cursor."""

    def __init__(self, scene: Scene, runs: RunList, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self._runs = runs

    def draw(self, width: int, height: int) -> list[Strip]:
        """Curve and facts."""
        listing = self._runs.listing
        return draw_facts(self._runs.current, width, height, self.scene.look, now_wall=listing.now_wall)
