"""One run set against another: cells, classes and superclasses open into their images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.ui.canned import Canned
from tests.ui.comparing import Comparing, comparing, hundred, runs
from tui.compare.answers import disagreements
from tui.compare.board import CLASSES, CONFUSION, IMAGES
from tui.compare.gains import shown_changes
from tui.compare.view import BoardView
from tui.gallery import Subject


def test_a_cell_opens_its_images_and_closes_again(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        await seen.press("3", "right_square_bracket", "down", "right", "right")
        before = seen.board
        change = [int(run.confusion[1, 2]) for run in before.pair]  # type: ignore[index]
        text = await seen.press("enter")
        assert seen.board.pane == IMAGES
        assert seen.board.subject.actual == {1}
        assert seen.board.subject.predicted == {2}
        # Where the second run makes the mistake less often, it is the one that is right.
        right = before.second if change[1] < change[0] else before.first
        assert seen.board.first == right
        assert "automobile → bird" in text
        assert "bird (automobile)" in text
        await seen.press("w", "left_square_bracket", "escape")
        assert (seen.board.pane, seen.board.pair) == (CONFUSION, before.pair)
        assert seen.board.map.cursor == (1, 2)
        await seen.press("enter", "5")
        assert seen.board.subject == Subject()
        assert seen.board.pair == before.pair

    comparing(runs(tmp_path), act)


def test_a_class_opens_the_images_behind_its_gain_or_loss(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        await seen.press("4", "right_square_bracket")
        before = seen.board
        changes = shown_changes(before)
        assert changes[0].gain > 0 > changes[-1].gain
        for _ in changes[1:]:
            await seen.press("down")
        for change in (changes[-1], changes[0]):
            text = await seen.press("enter")
            name = before.classes[change.index]
            shown = disagreements(seen.board)
            assert not isinstance(shown, str)
            assert set(shown.images.labels[shown.found].tolist()) == {change.index}
            # What one gets right and the other does not, less the other way round, is the gain.
            assert len(shown.found) - shown.num_turned == round(abs(change.gain) * 20)
            assert name in text.splitlines()[1]
            assert f"{shown.num_turned} the other way round" in text
            assert "esc Back" in text
            await seen.press("escape")
            assert seen.board.pane == CLASSES
            await seen.press("pageup")

    comparing(runs(tmp_path), act)


def test_classes_are_filtered_by_name_and_superclass(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        text = await seen.press("4", "slash", *"fox")
        assert [seen.board.classes[change.index] for change in shown_changes(seen.board)] == ["fox"]
        assert "fox" in text.splitlines()[2]
        await seen.press("enter")
        assert "medium_mammals" in await seen.press("g")
        await seen.press("enter")
        assert seen.board.pane == IMAGES
        assert seen.board.subject.title == "fox"
        await seen.press("escape")
        assert seen.board.text == "fox", "back to the filtered list"
        await seen.press("slash", *"zz", "enter")
        assert "No class fits “zz”" in seen.text
        await seen.press("enter")
        assert seen.board.pane == CLASSES
        await seen.press("escape")
        assert (seen.board.text, len(shown_changes(seen.board))) == ("", 100)
        await seen.press("slash", *"aquatic", "tab")
        assert seen.board.pane == IMAGES
        await seen.press("4")
        assert len(shown_changes(seen.board)) == 5
        assert "aquatic" in seen.text.splitlines()[-1]

    comparing(hundred(tmp_path), act)


def test_a_hundred_classes_are_shown_by_superclass_that_opens(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        text = await seen.press("3")
        assert len(seen.board.groups_shown) == 20
        assert "flowers" in text
        await seen.press("down", "down", "right", "right")
        text = await seen.press("enter")
        assert "within flowers" in text
        assert [name for name, _ in seen.board.groups_shown] == ["orchid", "poppy", "rose", "sunflower", "tulip"]
        assert "esc Back" in text
        await seen.press("right", "enter")
        assert seen.board.pane == IMAGES
        assert seen.board.subject.title == "orchid → poppy"
        await seen.press("escape")
        assert "within flowers" in seen.text
        await seen.press("escape")
        assert seen.board.map.cursor == (2, 2)
        assert len(seen.board.groups_shown) == 20
        await seen.press("left", "enter")
        assert seen.board.subject.title == "flowers → fish"
        assert len(seen.board.subject.actual) == 5  # type: ignore[arg-type]
        await seen.press("escape", "g")
        assert len(seen.board.groups_shown) == 100
        await seen.press("g", "h", "m")
        assert len(seen.board.groups_shown) == 20
        assert seen.board.map.hide_diagonal

    comparing(hundred(tmp_path), act)


def test_the_mouse_chooses_and_opens(tmp_path: Path) -> None:
    async def act(seen: Comparing) -> None:
        await seen.press("3", "right_square_bracket")
        await seen.pilot.click(BoardView, offset=(40, 12))
        await seen.pilot.pause()
        assert seen.board.map.cursor != (0, 0)
        await seen.press("4")
        await seen.pilot.click(BoardView, offset=(4, 4), times=2)
        await seen.pilot.pause()
        assert seen.board.pane == IMAGES
        await seen.press("escape")
        assert seen.board.row == 3

    comparing(runs(tmp_path), act)


def test_a_superclass_may_be_open_where_one_of_the_runs_names_none(tmp_path: Path) -> None:
    made = [Canned(tmp_path, 100, run_id=name, steps_per_epoch=20) for name in ("with", "without")]
    made[1].info = replace(made[1].info, superclasses=(), superclass_of=())
    for run in made:
        run.start().epochs(1).end()

    async def act(seen: Comparing) -> None:
        assert "within" in await seen.press("3", "enter")
        assert "within" not in await seen.press("w")

    comparing(made, act)
