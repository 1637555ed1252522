"""Comparisons as drawings: curves over each other, and what was set differently. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from core.compare import CurvePoints, Metric, band, curve, setting_differences
from core.export.settings import in_words
from tui.compare.board import Board, Compared
from tui.plain_table import table_lines
from tui.render import numbers
from tui.render.axes import Axis, Unit
from tui.render.decimate import smooth
from tui.render.palettes import Look
from tui.render.plot import PlotSpec, Series, Stroke, draw_plot
from tui.render.safe import pad, safe
from tui.widgets.frame import Title, framed, text_strip

_BOLD = Style(bold=True)
_NARROWEST = 9
"""Cells of a figure that can still be read: 78.06% @…"""
_TWO_ROWS_FROM = 20
"""Lines of a pane in which two plots above each other, and a legend, can be read."""
_PLOTS: tuple[tuple[str, Metric, Unit], ...] = (
    ("Validation accuracy", "top1", Unit.PERCENT),
    ("Validation loss", "validation_loss", Unit.NUMBER),
    ("Training loss", "train_loss", Unit.NUMBER),
    ("Learning rate", "lr", Unit.LEARNING_RATE),
)


def legend_lines(board: Board, width: int, look: Look) -> list[Strip]:
    """Which letter, colour and stroke is which run, over as many lines as it takes."""
    lines: list[Strip] = []
    text = Text(" ", no_wrap=True, end="")
    for group in board.groups:
        run = board.runs[group[0]]
        label = f"{run.letter} {safe(run.name, 40, ascii=look.ascii)}"
        if len(group) > 1:
            letters = " ".join(board.runs[index].letter for index in group)
            recipe = run.state.run.recipe if run.state.run else run.name
            label = f"{letters} {safe(recipe, 30, ascii=look.ascii)}, {len(group)} seeds: mean and range"
        stroke = {
            Stroke.LINE: "─", Stroke.DASHED: "╌", Stroke.HEAVY: "━", Stroke.DOTTED: "·",
        }[run.stroke] if not look.ascii else "-"  # fmt: skip
        if text.cell_len + cell_len(label) + 7 > width and text.cell_len > 1:
            lines.append(text_strip(text, width))
            text = Text(" ", no_wrap=True, end="")
        text.append(f"{stroke}{run.letter}{stroke} ", look.style(run.role) + _BOLD)
        text.append((label if len(group) > 1 else label.removeprefix(run.letter + " ")) + "   ", look.style("text"))
    return [*lines, text_strip(text, width)]


def curves_plot(board: Board, metric: Metric, unit: Unit) -> PlotSpec:
    """One metric of all runs."""
    series: list[Series] = []
    last = 0.0
    for group in board.groups:
        run = board.runs[group[0]]
        found = [curve(board.runs[index].state, metric, board.along) for index in group]
        last = max([last, *(float(one.x[-1]) for one in found if len(one.x))])
        smoothing = board.smoothing if metric == "train_loss" else 0.0
        if len(group) > 1 and smoothing:
            found = [CurvePoints(one.x, smooth(one.y, smoothing)) for one in found]
            smoothing = 0.0
        points = metric in ("top1", "validation_loss")
        marker = run.letter[0] if points else ""
        spread = band(found) if len(group) > 1 else None
        if spread is None:
            for one in found:
                series.append(Series(run.letter, one.x, one.y, run.role, run.stroke, marker, smoothing))
            continue
        if metric != "lr":
            dense = np.linspace(spread.x[0], spread.x[-1], 500)
            edges = np.interp(dense, spread.x, spread.low), np.interp(dense, spread.x, spread.high)
            area = np.stack(edges, 1).ravel()
            series.insert(0, Series("", np.repeat(dense, 2), area, "train_band", Stroke.BAND))
        series.append(Series(run.letter, spread.x, spread.mean, run.role, run.stroke, marker, smoothing))
    axis = Axis(Unit.SECONDS, "training time") if board.along == "time" else Axis(Unit.COUNT, board.along)
    return PlotSpec(
        series=tuple(series),
        x=axis,
        y=Axis(unit, log=board.log_y and unit is not Unit.PERCENT),
        x_range=(0.0, last) if last > 0 else None,
        empty="None of the runs has come this far",
    )


def plots_shown(width: int, height: int) -> tuple[list[tuple[str, Metric, Unit]], int]:
    """The plots there is room for: one, two or four; and how many of them side by side."""
    across = 2 if width >= 100 else 1
    down = 2 if height >= _TWO_ROWS_FROM else 1
    return list(_PLOTS[: across * down]), across


def draw_curves(board: Board, width: int, height: int, look: Look) -> list[Strip]:
    """Legend, then as many plots as there is room for."""
    chosen, across = plots_shown(width, height)
    head = legend_lines(board, width, look)[: max(height // 4, 1)]
    room, down = height - len(head), len(chosen) // across
    strips = list(head)
    for row in range(down):
        size = room * (row + 1) // down - room * row // down
        cells = []
        for column in range(across):
            name, metric, unit = chosen[row * across + column]
            wide = width * (column + 1) // across - width * column // across
            body = draw_plot(curves_plot(board, metric, unit), wide - 2, size - 2, look)
            by = Text(f"by {'training time' if board.along == 'time' else board.along}", look.style("muted"))
            cells.append(framed(body, Title(name, legend=by), wide, size, look))
        strips += [Strip.join(list(parts)) for parts in zip(*cells, strict=True)]
    return strips


# -- settings and results ----------------------------------------------------------------------------------------------


def result_rows(board: Board) -> list[tuple[str, list[str]]]:
    """What came out, a row a figure, a value a run."""

    def each(told: Any) -> list[str]:
        return [told(run) for run in board.runs]

    def last(run: Compared, name: str) -> float | None:
        value = getattr(run.state.epochs[-1].validation, name) if run.state.epochs else None
        return value if isinstance(value, float) else None

    def best(run: Compared) -> str:
        found = run.state.best
        return f"{found.top1:.2%} @ {found.epoch}" if found else numbers.DASH

    views = [last(run, "top1_test_time") for run in board.runs]
    over_views = [("over views", [numbers.percent(value, 2) for value in views])] if any(views) else []
    return [
        ("state", each(lambda run: run.status)),
        ("best top-1", each(best)),
        ("last top-1", each(lambda run: numbers.percent(last(run, "top1"), 2))),
        *over_views,
        ("last top-5", each(lambda run: numbers.percent(last(run, "top5"), 2))),
        ("validation loss", each(lambda run: numbers.number(last(run, "loss")))),
        (
            "training accuracy",
            each(lambda run: numbers.percent(run.state.epochs[-1].train_accuracy if run.state.epochs else None, 2)),
        ),
        ("epochs", each(lambda run: f"{run.state.epoch}/{run.state.num_epochs}")),
        ("training time", each(lambda run: numbers.clock(run.state.training_seconds))),
        ("speed", each(lambda run: numbers.rate(run.state.mean_images_per_second))),
        ("parameters", each(lambda run: f"{run.state.run.num_parameters:,}" if run.state.run else numbers.DASH)),
        ("device", each(lambda run: run.state.run.device.title if run.state.run else numbers.DASH)),
    ]


def differing_settings(board: Board) -> list[tuple[str, list[str]]]:
    """Settings that are not the same in all runs, a row a setting, a value a run."""
    found = setting_differences([run.config for run in board.runs])
    return [(key, [numbers.DASH if value is None else in_words(value) for value in values]) for key, values in found]


def comparison_lines(board: Board) -> list[str]:
    """Results and differing settings as plain text."""
    rows = [(key, *values) for key, values in [*result_rows(board), *differing_settings(board)]]
    return table_lines(("", *(run.folder.id for run in board.runs)), rows)


def last_line(board: Board, height: int) -> int:
    """The line of the results and settings that comes first when they are scrolled to their end."""
    return max(len(result_rows(board)) + len(differing_settings(board)) + 3 - (height - 2), 0)


def last_column(board: Board, width: int) -> int:
    """The run that comes first when the results and settings are scrolled to the last run."""
    return len(board.runs) - _columns(board, width)[2]


def _columns(board: Board, width: int) -> tuple[int, int, int]:
    """Cells of a key and of a value, and how many runs have room beside each other."""
    rows = [*result_rows(board), *differing_settings(board)]
    label = min(max((cell_len(key) for key, _ in rows), default=8) + 1, max(width // 3, 12))
    longest = max(cell_len(value) for _, values in rows for value in values)
    room = width - label - 4
    column = max(min(room // len(board.runs) - 2, max(longest, 26)), min(longest, _NARROWEST))
    return label, column, min(max((room + 2) // (column + 2), 1), len(board.runs))


def draw_settings(board: Board, width: int, height: int, look: Look) -> list[Strip]:
    """Results, then only those settings that differ, of as many runs as have room."""
    results, settings = result_rows(board), differing_settings(board)
    label, column, num_shown = _columns(board, width)
    first = min(board.column, len(board.runs) - num_shown)
    shown = range(first, first + num_shown)

    def line(key: str, values: Sequence[str]) -> Strip:
        leading = _leading(key, board)
        leading = None if leading is None else leading - first
        return _table_line(key, [values[index] for index in shown], label, column, width, look, leading)

    lines = [_names_line([board.runs[index] for index in shown], label, column, width, look)]
    lines += [line(key, values) for key, values in results]
    title = "Settings that differ" if settings else "All settings are the same"
    lines.append(text_strip(Text(""), width - 2))
    lines.append(text_strip(Text(f" {title}", look.style("text") + _BOLD, no_wrap=True, end=""), width - 2))
    lines += [line(key, values) for key, values in settings]
    right = None
    if num_shown < len(board.runs):
        to, arrows = ("-", "<- ->") if look.ascii else ("–", "← →")
        letters = f"{board.runs[first].letter}{to}{board.runs[shown[-1]].letter}"
        right = Text(f"{letters} of {len(board.runs)} {arrows}", look.style("muted"))
    return framed(
        lines[min(board.scroll, last_line(board, height)) :],
        Title("Results and settings", right=right),
        width,
        height,
        look,
    )


def _names_line(runs: Sequence[Compared], label: int, column: int, width: int, look: Look) -> Strip:
    text = Text(" " * (label + 1), no_wrap=True, end="")
    for run in runs:
        text.append(
            pad(f"{run.letter} {safe(run.name, column - 2, ascii=look.ascii)}", column) + "  ",
            look.style(run.role) + _BOLD,
        )
    return text_strip(text, width - 2)


def _table_line(
    key: str, values: Sequence[str], label: int, column: int, width: int, look: Look, leading: int | None
) -> Strip:
    text = Text(" ", no_wrap=True, end="")
    key, cut = safe(key, ascii=look.ascii), ".." if look.ascii else "…"
    if len(key) >= label:  # the end of `data.augment.affine.scale` tells it from others
        key = cut + key[len(cut) + 1 - label :]
    text.append(pad(key, label), look.style("muted"))
    for index, value in enumerate(values):
        style = look.style("best") if index == leading else look.style("text")
        text.append(pad(safe(value, column, ascii=look.ascii), column) + "  ", style)
    return text_strip(text, width - 2)


def _leading(key: str, board: Board) -> int | None:
    """The run with the best accuracy, where a row is about that."""
    if key != "best top-1":
        return None
    scores = [run.state.best.top1 if run.state.best else -1.0 for run in board.runs]
    return max(range(len(scores)), key=lambda index: scores[index])
