"""The list of runs as a drawing: which columns a width has room for, and what stands in them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from core.data.catalog import short_name
from core.runfilter import Row
from tui.render import numbers
from tui.render.palettes import Look, Role
from tui.render.plot import message
from tui.render.safe import pad, safe
from tui.render.spark import sparkline
from tui.status import run_words
from tui.widgets.frame import text_strip

_BOLD = Style(bold=True)
_SIGNS: dict[str, tuple[str, str, Role]] = {
    # condition: sign, the same in ASCII, role
    "running": ("●", "*", "good"),
    "starting": ("◌", "o", "warn"),
    "paused": ("‖", "=", "warn"),
    "stalled": ("▲", "!", "bad"),
    "silent": ("?", "?", "bad"),
    "died": ("†", "x", "bad"),
    "finished": ("✓", "+", "good"),
    "stopped": ("■", "#", "warn"),
    "preempted": ("■", "#", "warn"),
    "diverged": ("✗", "x", "bad"),
    "failed": ("✗", "x", "bad"),
    "broken": ("!", "!", "bad"),
}


@dataclass(frozen=True)
class Listing:
    """What the list shows."""

    rows: Sequence[Row]
    cursor: int = 0
    first: int = 0
    """The uppermost row in view."""
    marked: frozenset[str] = frozenset()
    sort: str = "age"
    descending: bool = False
    now_wall: float = 0.0
    empty: str = "No runs yet"
    reading: frozenset[str] = frozenset()
    """Runs that are still to be read."""


@dataclass(frozen=True)
class Column:
    """A column. Missing values come last, whichever way the list is sorted."""

    key: str
    head: str
    width: int
    rank: int
    """Where there is no room, columns of higher rank go first."""
    order: Callable[[Row, float], Any]
    draw: Callable[[Row, Listing, Look, int], Text]
    right: bool = False


def _plain(text: str, role: Role, look: Look, width: int, *, right: bool = False) -> Text:
    return Text(pad(safe(text, width, ascii=look.ascii), width, right=right), look.style(role), no_wrap=True, end="")


def _state(row: Row, listing: Listing, look: Look, width: int) -> Text:
    sign, plain, role = _SIGNS[row.condition]
    if row.summary.id in listing.reading and not row.summary.recipe:
        sign, plain, role = "…", ".", "muted"
        return _plain(f"{plain if look.ascii else sign} reading", role, look, width)
    style = look.style(role) + (_BOLD if row.is_live else Style())
    text = f"{plain if look.ascii else sign} {row.condition}"
    return Text(pad(safe(text, width, ascii=look.ascii), width), style, no_wrap=True, end="")


def _name(row: Row, listing: Listing, look: Look, width: int) -> Text:
    one = row.summary
    if one.problem:
        return _plain(f"{one.id}: {one.problem}", "bad", look, width)
    words = run_words(one.id, one.recipe) if one.recipe else one.id
    return _plain(words, "text", look, width)


def _share(value: float | None, role: Role, look: Look, width: int) -> Text:
    return _plain(numbers.percent(value), role, look, width, right=True)


def _progress(row: Row, listing: Listing, look: Look, width: int) -> Text:
    one = row.summary
    text = f"{one.epoch}/{one.num_epochs}" if one.num_epochs else ""
    return _plain(text, "text" if row.is_live else "muted", look, width, right=True)


def _curve(row: Row, listing: Listing, look: Look, width: int) -> Text:
    curve = row.summary.curve
    if len(curve) > width - 1:
        step = (len(curve) - 1) / (width - 2)
        curve = tuple(curve[round(index * step)] for index in range(width - 1))
    text = sparkline(curve, len(curve), look, role="validation")
    text.append(" " * (width - cell_len(text.plain)))
    return text


def _age(row: Row, now: float) -> float | None:
    return now - row.summary.created if row.summary.created else None


def short_age(seconds: float | None) -> str:
    """now, 12s, 3m, 5h, 2d."""
    if seconds is None:
        return ""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s" if seconds >= 5 else "now"


# fmt: off
COLUMNS: tuple[Column, ...] = (
    Column("state", "state", 11, 0, lambda row, now: row.condition, _state),
    Column("recipe", "recipe", 17, 2, lambda row, now: row.summary.recipe or None,
           lambda row, listing, look, width: _plain(row.summary.recipe, "done", look, width)),
    Column("name", "run", 14, 0, lambda row, now: row.summary.id, _name),
    Column("data", "data", 10, 6, lambda row, now: short_name(row.summary.dataset) or None,
           lambda row, listing, look, width: _plain(short_name(row.summary.dataset), "muted", look, width)),
    Column("best", "best", 6, 0, lambda row, now: row.summary.best,
           lambda row, listing, look, width: _share(row.summary.best, "best", look, width), right=True),
    Column("last", "last", 6, 3, lambda row, now: row.summary.last,
           lambda row, listing, look, width: _share(row.summary.last, "text", look, width), right=True),
    Column("curve", "accuracy", 16, 5, lambda row, now: _rise(row), _curve),
    Column("epoch", "epoch", 9, 1, lambda row, now: row.summary.epoch, _progress, right=True),
    Column("took", "took", 8, 4, lambda row, now: row.summary.seconds or None,
           lambda row, listing, look, width: _plain(
               numbers.clock(row.summary.seconds) if row.summary.seconds else "", "text", look, width, right=True),
           right=True),
    Column("age", "age", 4, 2, _age,
           lambda row, listing, look, width: _plain(
               short_age(_age(row, listing.now_wall)), "muted", look, width, right=True), right=True),
    Column("device", "device", 22, 8, lambda row, now: row.summary.device or None,
           lambda row, listing, look, width: _plain(row.summary.device, "muted", look, width)),
    Column("tags", "tags", 14, 7, lambda row, now: row.notes.tags or None,
           lambda row, listing, look, width: _plain(
               " ".join(f"#{tag}" for tag in row.notes.tags) or row.notes.note, "mark", look, width)),
)
# fmt: on


def _rise(row: Row) -> float | None:
    curve = row.summary.curve
    return curve[-1] - curve[0] if len(curve) > 1 else None


def arranged(rows: Sequence[Row], sort: str, descending: bool, now: float) -> list[Row]:
    """The rows in order: live ones first, within them and after them by the column; missing values last."""
    column = next(column for column in COLUMNS if column.key == sort)

    def key(row: Row) -> Any:
        value = column.order(row, now)
        return value.casefold() if isinstance(value, str) else value

    def is_missing(row: Row) -> bool:
        value = column.order(row, now)
        return value is None or (isinstance(value, float) and math.isnan(value))

    found = sorted((row for row in rows if not is_missing(row)), key=key, reverse=descending)
    found += sorted((row for row in rows if is_missing(row)), key=lambda row: row.summary.id, reverse=True)
    return [row for row in found if row.is_live] + [row for row in found if not row.is_live]


def chosen_columns(width: int, *, tags: bool = True) -> list[tuple[Column, int]]:
    """The columns that fit, with their widths; the name takes what is left."""
    kept = [column for column in COLUMNS if tags or column.key != "tags"]
    while sum(column.width + 1 for column in kept) + 2 > width and len(kept) > 3:
        kept.remove(max(kept, key=lambda column: column.rank))
    spare = max(width - 2 - sum(column.width + 1 for column in kept), 0)
    grown = {"name": min(spare, 26)}
    spare -= grown["name"]
    for key in ("curve", "device", "tags"):
        if any(column.key == key for column in kept):
            grown[key] = min(spare, 14)
            spare -= grown[key]
    grown["name"] += spare
    return [(column, column.width + grown.get(column.key, 0)) for column in kept]


def has_tags(listing: Listing) -> bool:
    """Whether the column of tags is worth its room."""
    return any(row.notes.tags or row.notes.note for row in listing.rows)


def heads(width: int, *, tags: bool = True) -> list[tuple[int, int, str]]:
    """First and last column of each head, and the key that it sorts by."""
    at, found = 2, []
    for column, size in chosen_columns(width, tags=tags):
        found.append((at, at + size, column.key))
        at += size + 1
    return found


def draw_table(listing: Listing, width: int, height: int, look: Look) -> list[Strip]:
    """Heads and as many rows as fit."""
    if height < 2:
        return [Strip.blank(width)] * height
    columns = chosen_columns(width, tags=has_tags(listing))
    lines = [_head(listing, columns, width, look)]
    if not listing.rows:
        return lines + message(listing.empty, width, height - 1, look)
    for index in range(listing.first, min(listing.first + height - 1, len(listing.rows))):
        lines.append(_line(listing.rows[index], listing, columns, width, look, chosen=index == listing.cursor))
    return lines + [Strip([Segment(" " * width)], width)] * (height - len(lines))


def _head(listing: Listing, columns: list[tuple[Column, int]], width: int, look: Look) -> Strip:
    text = Text("  ", no_wrap=True, end="")
    arrow = ("v" if listing.descending else "^") if look.ascii else ("▼" if listing.descending else "▲")
    for column, size in columns:
        sorted_by = column.key == listing.sort
        label = column.head + (arrow if sorted_by else "")
        text.append(pad(label, size, right=column.right), look.style("now" if sorted_by else "muted"))
        text.append(" ")
    return text_strip(text, width)


def _line(
    row: Row, listing: Listing, columns: list[tuple[Column, int]], width: int, look: Look, *, chosen: bool
) -> Strip:
    marked = row.summary.id in listing.marked
    text = Text(no_wrap=True, end="")
    pointer = (">" if look.ascii else "▌") if chosen else " "
    text.append(pointer, look.style("now"))
    text.append(("*" if look.ascii else "◆") if marked else " ", look.style("mark"))
    for number, (column, size) in enumerate(columns):
        if row.summary.problem and column.key == "name":  # what is wrong with it may take all the room there is
            rest = width - cell_len(text.plain)
            text.append_text(column.draw(row, listing, look, rest))
            break
        if row.summary.problem and column.key == "recipe":
            continue
        text.append_text(column.draw(row, listing, look, size))
        if number < len(columns) - 1:
            text.append(" ")
    strip = text_strip(text, width)
    if not chosen:
        return strip
    if look.shaded:  # the colours of the columns stay
        bar = look.style("pause") + _BOLD
        return Strip([Segment(piece.text, (piece.style or Style()) + bar) for piece in strip], width)
    bar = look.style("cursor")
    return Strip([Segment(piece.text, bar) for piece in strip], width)
