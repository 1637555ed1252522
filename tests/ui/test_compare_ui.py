"""Every key of the comparison."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.strip import Strip

from tests.export_runs import over_views
from tests.ui.canned import Canned, ended, live
from tests.ui.comparing import Comparing, board_of, comparing, hundred, runs
from tui.compare.answers import draw_images
from tui.compare.board import CLASSES, CONFUSION, PANES, SETTINGS, Board
from tui.compare.drawings import comparison_lines, draw_curves, draw_settings, last_line, result_rows
from tui.compare.gains import draw_classes
from tui.compare.keys import COMPARE, LEAVING
from tui.compare.pair import draw_confusion
from tui.compare.view import opened
from tui.gallery import Subject
from tui.render.palettes import Look, palette
from tui.screens.compare import CompareScreen, load_runs
from tui.screens.help import HelpScreen

SIZES = [(60, 20), (80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_pane_fills_any_size_exactly(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    made = runs(tmp_path)
    drawings = (draw_curves, draw_settings, draw_confusion, draw_classes, draw_images)
    for look in (Look(palette()), Look(palette("mono"), ascii=True)):
        for number, draw in enumerate(drawings):
            strips = draw(board_of(made, pane=number, second=2), width, height, look)
            assert len(strips) == height
            assert {strip.cell_length for strip in strips} == {width}
            assert not look.ascii or all(strip.text.isascii() for strip in strips), strips


def test_panes_are_chosen_by_digit_and_by_tab(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        assert "Validation accuracy" in seen.text
        assert "Settings that differ" in await seen.press("2") or "All settings are the same" in seen.text
        assert "% of actual" in await seen.press("3")
        assert "gain" in await seen.press("4")
        assert "wrong" in await seen.press("5")
        await seen.press("tab")
        assert seen.board.pane == 0
        await seen.press("shift+tab")
        assert seen.board.pane == 4
        await seen.press("question_mark")
        assert isinstance(seen.app.screen, HelpScreen)

    comparing(runs(tmp_path), act)


def test_help_is_nowhere_cut_off(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        words = set((await seen.press("question_mark")).split())
        screen = next(screen for screen in seen.app.screen_stack if isinstance(screen, CompareScreen))
        for _, keys in screen.key_sections():
            assert not [key.tooltip for key in keys if not words.issuperset(key.tooltip.split())]

    comparing(runs(tmp_path), act, (120, 60))


def test_curves_by_step_epoch_and_time_and_seeds_apart(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        assert "3 seeds: mean and range" in seen.text
        assert "by epoch" in await seen.press("x")
        assert "by training time" in await seen.press("x")
        text = await seen.press("b")
        assert "seeds" not in text.splitlines()[1]
        assert "run-three" in text
        before = seen.board.smoothing
        await seen.press("S", "y")
        assert seen.board.smoothing != before
        assert seen.board.log_y

    comparing(runs(tmp_path), act)


def test_steering_is_a_difference_of_settings(tmp_path: Path) -> None:
    def begun(name: str) -> Canned:
        return Canned(tmp_path, run_id=name).start().epochs(1)

    made = [begun("plain").epochs(9).end(), begun("steered").steer("lr", "2.0").steer("epochs", "3").epochs(2).end()]

    async def act(seen: Comparing) -> None:
        assert "seeds: mean and range" not in seen.text
        lines = {line.split()[1]: line for line in (await seen.press("2")).splitlines() if len(line.split()) > 1}
        assert "10 " in lines["epochs"]
        assert "3 since step 100 (10 at the start)" in lines["epochs"]
        assert "0.001 (×2 at step 100)" in lines["optimizer.lr"]

    comparing(made, act)


def test_the_accuracy_over_views_is_a_result(tmp_path: Path) -> None:
    board = board_of([ended(tmp_path, run_id="plain"), ended(tmp_path, run_id="views")])
    assert "over views" not in dict(result_rows(board))
    epochs = board.runs[1].state.epochs
    epochs[-1:] = over_views(epochs[-1:], 0.8125)  # type: ignore[assignment]
    assert dict(result_rows(board))["over views"] == ["–", "81.25%"]


def test_the_pair_is_chosen_and_swapped(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        await seen.press("3", "right_square_bracket")
        assert (seen.board.first, seen.board.second) == (0, 2)
        await seen.press("left_square_bracket")
        assert (seen.board.first, seen.board.second) == (1, 2)
        await seen.press("w")
        assert (seen.board.first, seen.board.second) == (2, 1)
        await seen.press("x")
        assert (seen.board.first, seen.board.second) == (1, 2)
        assert "C run-three minus B run-two" in seen.text
        await seen.press("down", "right", "right")
        assert seen.board.map.cursor == (1, 2)
        before, after = (run.confusion[1, 2] / run.confusion[1].sum() for run in seen.board.pair)
        assert f"automobile → bird: {before:.1%} → {after:.1%}" in seen.text
        assert "% of predicted" in await seen.press("m")

    comparing(runs(tmp_path), act)


def test_lists_scroll_and_images_turn_over(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        await seen.press("4", "pagedown")
        assert seen.board.row == 9, "there are ten classes"
        await seen.press("pageup", "up")
        assert seen.board.row == 0
        await seen.press("2", "pagedown", "pagedown", "pagedown")
        assert seen.board.scroll == last_line(seen.board, 22), "it does not scroll past its end"
        await seen.press("5", "right_square_bracket")
        first = seen.text
        assert await seen.press("pagedown") != first
        for key in ("left_square_bracket", "w", "right_square_bracket"):
            assert re.search(r" 1–\d+ of", await seen.press("pagedown", key)), "another pair, from its beginning"

    comparing(runs(tmp_path), act, (80, 24))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("pane", range(len(PANES)), ids=PANES)
@pytest.mark.parametrize("num_runs", [2, 3])
def test_every_key_of_the_footer_changes_the_picture(
    tmp_path: Path, pane: int, size: tuple[int, int], num_runs: int
) -> None:
    async def act(seen: Comparing) -> None:
        screen = seen.app.screen
        assert isinstance(screen, CompareScreen)
        keys = {key.action: key.key.partition(",")[0] for key in [*COMPARE, *LEAVING]}
        await seen.press(str(pane + 1))
        hints = [hint for hint in screen.hints() if hint.action not in ("leave", "help", "filter")]
        for hint in hints:
            screen.show_board(replace(screen.board, first=0, second=1))
            await seen.pilot.pause()
            before = seen.picture
            await seen.press(keys.get(hint.action, "tab"))
            assert seen.picture != before, hint
            await seen.press("escape" if hint.action == "open" else str(pane + 1))

    comparing(hundred(tmp_path, num_runs), act, size)


def test_every_empty_state_says_something(tmp_path: Path) -> None:
    made = [ended(tmp_path, run_id="one", with_images=True), ended(tmp_path, run_id="two", with_images=True)]
    fresh = Canned(tmp_path, run_id="fresh").start()
    look = Look(palette())

    def shown(draw: Callable[..., list[Strip]], board: Board) -> str:
        return " ".join(strip.text.strip() for strip in draw(board, 100, 24, look))

    for draw in (draw_confusion, draw_classes):
        assert "B fresh has not ended an epoch yet" in shown(draw, board_of([made[0], fresh]))
        assert "A fresh has not ended an epoch yet" in shown(draw, board_of([fresh, made[0]]))
    assert "different images" in shown(draw_images, board_of([made[0], fresh]))
    subject = Subject(frozenset([0]), None, "airplane")
    assert "w swaps the two runs: 0 the other way round" in shown(draw_images, board_of(made, subject=subject))
    lost = ended(tmp_path, run_id="lost", with_images=True)
    for file in lost.folder.predictions.iterdir():
        file.unlink()
    assert "B: The predictions of epoch" in shown(draw_images, board_of([made[0], lost]))
    assert opened(board_of([made[0], fresh], pane=CONFUSION)).pane == CONFUSION
    assert opened(board_of([made[0], fresh], pane=CLASSES)).pane == CLASSES


def test_a_table_that_does_not_fit_its_classes_is_named(tmp_path: Path) -> None:
    board = board_of([ended(tmp_path, run_id="one"), ended(tmp_path, run_id="two", classes=list("abcdefghij"))])
    board.runs[0].state.run.classes.pop()  # type: ignore[union-attr]
    other = replace(board.runs[1], source=board.runs[0].source)
    assert "does not fit its classes" in replace(board, runs=(board.runs[0], other)).comparable


def test_leaving(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        await seen.press("q")
        assert not seen.app.is_running or seen.app._exit

    comparing(runs(tmp_path), act)


def test_a_run_that_goes_on_brings_new_points(tmp_path: Path) -> None:
    made = [ended(tmp_path, run_id="done"), live(tmp_path, run_id="going")]

    async def act(seen: Comparing) -> None:
        screen = seen.app.screen
        assert isinstance(screen, CompareScreen)
        made[1].train(70).end_epoch()
        screen.look()
        assert seen.board.changed == 1
        assert seen.board.runs[1].state.epoch == 5

    comparing(made, act)


def test_settings_that_differ_are_told_in_words(tmp_path: Path) -> None:
    board = board_of([ended(tmp_path, run_id="one"), ended(tmp_path, run_id="other")])
    started = board.runs[1].state.run
    assert started is not None
    started.config["data"]["augment"] = started.config["data"]["augment"][::-1]
    (line,) = [line for line in comparison_lines(board) if line.startswith("data.augment")]
    assert re.search(r"  horizontal_flip, rotation, .*  color_jitter, affine, ", line)


def test_a_run_whose_folder_goes_or_cannot_be_read_is_told_of_once(tmp_path: Path) -> None:
    made = [live(tmp_path, run_id="gone"), live(tmp_path, run_id="torn"), ended(tmp_path, run_id="done")]

    async def act(seen: Comparing) -> None:
        screen = seen.app.screen
        assert isinstance(screen, CompareScreen)
        made[0].folder.path.rename(tmp_path / "elsewhere")
        made[1].folder.events_file.unlink()
        made[1].folder.events_file.mkdir()
        for _ in range(3):
            screen.look()
            await seen.pilot.pause()
        told = [notification.message for notification in seen.app._notifications]
        assert len(told) == 2
        assert "gone is gone: it was deleted or moved" in told[0]
        assert str(made[1].folder.events_file) in told[1]

    comparing(made, act)


@pytest.mark.parametrize("look", [Look(palette()), Look(palette("mono"), ascii=True)], ids=["", "in ASCII"])
def test_settings_with_long_names_are_told_apart(tmp_path: Path, look: Look) -> None:
    board = board_of([ended(tmp_path, run_id="one"), ended(tmp_path, run_id="other")])
    started = board.runs[1].state.run
    assert started is not None
    started.config["data"]["augment"] = []
    text = "\n".join(strip.text for strip in draw_settings(board, 80, 40, look))
    for name in ("affine.scale", "jitter.brightness", "jitter.contrast", "horizontal_flip.alternate"[3:]):
        assert re.search(rf"{name} +[0-9n]", text), text


def test_a_run_whose_trainer_was_killed_has_died_and_is_followed_where_it_is_resumed(tmp_path: Path) -> None:
    made = [ended(tmp_path, run_id="done"), live(tmp_path, run_id="killed")]

    async def act(seen: Comparing) -> None:
        screen = seen.app.screen
        assert isinstance(screen, CompareScreen)
        assert re.search(r"state +finished +died", await seen.press(str(SETTINGS + 1)))
        made[1].end()  # by whoever went on with it
        screen.look()
        assert re.search(r"state +finished +finished", await seen.press("up"))

    assert ["state", "finished", "died"] in [line.split() for line in comparison_lines(board_of(made))]
    comparing(made, act)


def test_different_data_sets_are_not_subtracted(tmp_path: Path) -> None:
    made = [ended(tmp_path, run_id="ten"), ended(tmp_path, 100, run_id="hundred")]
    board = board_of(made)
    assert "different classes" in board.comparable
    for draw in (draw_confusion, draw_classes):
        assert "different classes" in "".join(
            strip.text for strip in draw(replace(board, pane=2), 120, 20, Look(palette()))
        )


def test_what_cannot_be_compared_is_named(tmp_path: Path) -> None:
    sound, broken = ended(tmp_path, run_id="sound"), ended(tmp_path, run_id="broken")
    broken.folder.events_file.write_bytes(b"hello\n")
    found, problems = load_runs([sound.folder, broken.folder])
    assert [source.folder.id for source in found] == ["sound"]
    assert "broken" in problems[0]
    assert "1 damaged or foreign lines" in problems[0]


def test_no_two_of_sixteen_runs_look_alike(tmp_path: Path) -> None:
    looks = {(one.role, one.stroke, one.letter) for one in board_of([ended(tmp_path)] * 16).runs}
    assert len({(role, stroke) for role, stroke, _ in looks}) == 16
