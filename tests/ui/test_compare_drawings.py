"""What a comparison draws, held against the runs: curves, bars of the classes, images."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.ui.canned import Canned, ended
from tests.ui.comparing import board_of, runs
from tui.compare.answers import disagreements, draw_images, num_screenfuls
from tui.compare.board import CLASSES, CONFUSION, IMAGES, SETTINGS, compared
from tui.compare.drawings import (
    curves_plot,
    differing_settings,
    draw_settings,
    last_line,
    legend_lines,
    result_rows,
)
from tui.compare.gains import draw_classes, row_at, shown_changes
from tui.compare.pair import opened_cell
from tui.compare.view import moved, paged
from tui.render.axes import Unit
from tui.render.palettes import Look, palette
from tui.screens.compare import load_runs

LOOK, PLAIN = Look(palette()), Look(palette("mono"), ascii=True)


def test_a_run_is_called_by_its_recipe_and_words_or_as_it_was_named(tmp_path: Path) -> None:
    board = board_of([ended(tmp_path), ended(tmp_path, run_id="mine")])
    assert [run.name for run in board.runs] == ["c10-lenet brisk-otter", "mine"]


def test_runs_beyond_the_alphabet_have_letters_of_their_own(tmp_path: Path) -> None:
    made = compared(load_runs([ended(tmp_path).folder])[0] * 54)
    assert [made[number].letter for number in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert len({one.letter for one in made}) == 54


def test_a_legend_names_every_run_whole(tmp_path: Path) -> None:
    names = [f"{'abcdefghijklmnopqr'[: number + 4]}-{number}" for number in range(9)]
    board = board_of([Canned(tmp_path, run_id=name).start() for name in names], bands=False)
    for width in range(60, 120):
        lines = legend_lines(board, width, LOOK)
        assert " ".join(line.text for line in lines).split()[1::2] == names
        assert {line.cell_length for line in lines} == {width}


def test_seeds_are_drawn_as_their_mean_within_their_range_or_each_by_itself(tmp_path: Path) -> None:
    board = board_of(runs(tmp_path))
    seeds = np.array([[epoch.validation.top1 for epoch in run.state.epochs[:7]] for run in board.runs])
    spec = curves_plot(board, "top1", Unit.PERCENT)
    (at, area), (epochs, mean) = (series.points for series in spec.series)
    assert (epochs.tolist(), spec.x_range) == ([1, 2, 3, 4, 5, 6, 7], (0.0, 10.0))
    np.testing.assert_allclose(mean, seeds.mean(0))
    ends = [(area[at == epoch].min(), area[at == epoch].max()) for epoch in (1, 7)]
    np.testing.assert_allclose(ends, np.stack([seeds.min(0), seeds.max(0)], 1)[[0, -1]])
    apart = curves_plot(replace(board, bands=False), "top1", Unit.PERCENT).series
    assert [(one.label, len(one.points[0])) for one in apart] == [("A", 10), ("B", 10), ("C", 7)]


def test_the_best_accuracy_of_all_stands_out(tmp_path: Path) -> None:
    board = board_of([Canned(tmp_path, run_id="fresh").start(), *runs(tmp_path)])
    best = max((run.state.best for run in board.runs if run.state.best), key=lambda epoch: epoch.top1)
    strips = draw_settings(board, 120, 40, LOOK)
    marked = "".join(segment.text for strip in strips for segment in strip if segment.style == LOOK.style("best"))
    assert marked.strip() == f"{best.top1:.2%} @ {best.epoch}"


@pytest.mark.parametrize("height", [10, 14, 40])
def test_results_and_settings_are_seen_from_the_names_of_the_runs_to_the_last_setting(
    tmp_path: Path, height: int
) -> None:
    board = board_of([ended(tmp_path, run_id="one"), Canned(tmp_path, 100, run_id="other").start()])
    results, settings = result_rows(board), differing_settings(board)

    def shown(scroll: int) -> list[str]:
        strips = draw_settings(replace(board, scroll=scroll), 120, height, LOOK)
        return [line.text[1:-1].strip() for line in strips[1:-1]]

    names, first, *_ = shown(0)
    assert (names.split(), first.split()[0]) == (["A", "one", "B", "other"], results[0][0])
    last = [line for line in shown(last_line(board, height)) if line][-1]
    assert last.startswith(settings[-1][0])
    assert height > 30 or last == shown(last_line(board, height))[-1], "it ends with its last line"


@pytest.mark.parametrize(("width", "num_shown"), [(60, 3), (80, 5), (120, 9), (200, 14)])
def test_runs_that_have_no_room_beside_the_others_are_reached_by_the_arrows(
    tmp_path: Path, width: int, num_shown: int
) -> None:
    names = [f"run{number:02}" for number in range(14)]
    board = board_of([Canned(tmp_path, run_id=name).start().epochs(1) for name in names], pane=SETTINGS)
    seen: list[list[str]] = []
    for _ in range(20):
        heading, names_line, *rest = (line.text for line in draw_settings(board, width, 40, LOOK))
        shown = names_line[1:-1].split()[1::2]
        seen.append(shown)
        assert ("of 14" in heading) == (num_shown < 14)
        assert rest[2].count("%") == num_shown, "each has its accuracy"
        board = moved(board, 0, 1, width, 40)
    assert [shown[0] for shown in seen[: 15 - num_shown]] == names[: 15 - num_shown]
    assert seen[-1] == names[-num_shown:], "and no further than to the last"
    assert {len(shown) for shown in seen} == {num_shown}
    assert moved(board, 0, -99, width, 40).column == 0


@pytest.mark.parametrize("second", [1, 2], ids=["alike", "different"])
def test_a_class_tells_both_accuracies_and_its_bar_is_as_long_as_they_differ(tmp_path: Path, second: int) -> None:
    board = board_of(runs(tmp_path), pane=CLASSES, second=second)
    was, now = (run.confusion.diagonal() / run.confusion.sum(1) for run in board.pair)  # type: ignore[union-attr]
    gains = (now - was).tolist()
    title, *lines = [strip.text for strip in draw_classes(board, 99, 12, LOOK)]
    assert f"{sum(gain > 0 for gain in gains)} gain, {sum(gain < 0 for gain in gains)} lose" in title
    order = sorted(range(10), key=lambda index: -gains[index])
    scale = 0.0
    for index, line in zip(order, lines, strict=False):
        words, bar = line.strip("│").split("│")
        name, before, after, difference = words.rstrip(" ━").split()
        assert (name, before, after) == (board.classes[index], f"{was[index]:.1%}", f"{now[index]:.1%}")
        assert float(difference) == round(100 * gains[index], 1)
        length = len(bar) - len(bar.lstrip("━")) - (len(words) - len(words.rstrip("━")))  # from the middle outwards
        scale = scale or length / (gains[index] or 1)
        assert abs(length - scale * gains[index]) <= 1


def test_the_class_of_the_cursor_is_in_view_and_where_the_mouse_finds_it(tmp_path: Path) -> None:
    made = [Canned(tmp_path, 100, run_id=name, steps_per_epoch=10).start().epochs(1) for name in ("one", "two")]
    all_classes, height = board_of(made, pane=CLASSES), 12
    changes, cursor = shown_changes(all_classes), LOOK.style("cursor")
    for row in (0, 1, 4, 50, 95, 98, 99):
        board = replace(all_classes, row=row)
        lines = enumerate(draw_classes(board, 80, height, LOOK))
        marked = [(y, segment.text.strip()) for y, line in lines for segment in line if segment.style == cursor]
        ((at, name),) = marked
        assert (name, row_at(board, at, height)) == (board.classes[changes[row].index], row)
        assert [row_at(board, y, height) for y in (0, height - 1)] == [None, None], "the frame"
        assert None not in [row_at(board, y, height) for y in range(1, height - 1)], "the list fills its pane"


def test_the_images_turn_over_from_the_first_to_the_last(tmp_path: Path) -> None:
    board, size = board_of(runs(tmp_path), pane=IMAGES, second=2), (100, 40)
    found = disagreements(board)
    assert not isinstance(found, str)
    places: list[int] = []
    captions: list[tuple[str, ...]] = []
    for _ in range(num_screenfuls(board, *size)):
        title, *lines = [strip.text for strip in draw_images(board, *size, PLAIN)]
        first, last, total = map(int, re.findall(r"(\d+)-(\d+) of (\d+)", title)[0])
        places += range(first, last + 1)
        captions += re.findall(r"x (\w+) \((\w+)\)", "\n".join(lines))
        board = paged(board, 1, *size)
    assert paged(board, 1, *size).scroll == board.scroll > 1
    assert places == list(range(1, total + 1))
    said = zip(found.wrong.predicted[found.found], found.images.labels[found.found], strict=True)
    assert captions == [(board.classes[predicted], board.classes[actual]) for predicted, actual in said]


def test_a_cell_opens_the_images_behind_its_difference(tmp_path: Path) -> None:
    board = board_of(runs(tmp_path), pane=CONFUSION, second=2)
    for row, column in [*((number, number) for number in range(10)), *((1, number) for number in range(10))]:
        opened = opened_cell(replace(board, map=replace(board.map, cursor=(row, column))))
        shown = disagreements(opened)
        assert not isinstance(shown, str)
        assert set(shown.images.labels[shown.found]) <= {row}
        before, after = (int(run.confusion[row, column]) for run in opened.pair)  # type: ignore[index]
        if row == column:
            assert len(shown.found) - shown.num_turned == before - after >= 0
        else:
            assert set(shown.wrong.predicted[shown.found]) <= {column}
            assert after >= before
