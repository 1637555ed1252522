"""The keys of the confusion pane, and how a cell opens into its images."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.ui.canned import live
from tests.ui.watching import Watching, watch
from tui.render.heatmap import Normalise
from tui.widgets.confusion import ConfusionGrid, ConfusionSide
from tui.widgets.filter import FilterInput
from tui.widgets.images import ImageGrid


def test_confusion_keys_change_what_is_shown(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("3", "down", "right", "right")
        grid = watched.screen.query_one(ConfusionGrid)
        assert grid.choices.cursor == (1, 2)
        text = await watched.press("m")
        assert grid.choices.normalise is Normalise.COLUMN
        assert "% of predicted" in text
        assert "counts" in await watched.press("m")
        await watched.press("h")
        assert grid.choices.hide_diagonal
        assert "against epoch 3" in await watched.press("b")
        assert "epoch 3" in await watched.press("left_square_bracket")
        await watched.press("right_square_bracket")
        assert grid.choices.epoch is None
        await watched.press("up", "left")
        assert grid.choices.cursor == (0, 1)

    watch(live(tmp_path), act)


def test_superclass_opens_into_its_classes_and_closes(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "aquatic_mammals" in await watched.press("3")
        text = await watched.press("enter")
        assert "within aquatic_mammals" in text
        assert "beaver" in text
        assert "within" not in await watched.press("escape")
        grid = watched.screen.query_one(ConfusionGrid)
        await watched.press("g")
        assert len(grid.choices.groups(watched.screen.state)) == 100
        await watched.press("g")
        assert len(grid.choices.groups(watched.screen.state)) == 20

    watch(live(tmp_path, 100), act)


def test_long_names_of_superclasses_leave_room_for_what_was_taken_for_what(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("3")
        side = watched.screen.query_one(ConfusionSide)
        listed = [line.text.strip("│ ") for line in side.draw(40, 36) if "→" in line.text]
        assert listed
        for line in listed:
            actual, predicted = line.split(None, 2)[2].split(" → ")
            assert len(actual) >= 10 or not actual.endswith("…")
            assert len(predicted) >= 10 or not predicted.endswith("…")
        await watched.press("enter")
        text = await watched.press("b", "b", "b")
        assert "against epoch" in text.splitlines()[3]

    watch(live(tmp_path, 100), act, (100, 40))


def test_enter_on_a_cell_shows_its_very_images(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("3", "right", "enter")
        images = watched.screen.query_one(ImageGrid)
        assert images.subject.title == "airplane → automobile"
        counts = watched.screen.state.confusion
        assert counts is not None
        assert f"of {counts[0, 1]}" in watched.text
        assert "✗ automobile (airplane)" in watched.text
        assert "✗ deer" not in watched.text

    watch(live(tmp_path, with_images=True), act)


def test_enter_on_another_cell_shows_other_images(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "airplane → automobile" in await watched.press("3", "right", "enter")
        assert "airplane → bird" in await watched.press("3", "right", "enter")

    watch(live(tmp_path, with_images=True), act)


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (120, "mistakes, surest first, airplane → automobile   epoch 4 "),
        (80, "mistakes, surest first, airplane → automobile "),
        (70, "airplane → automobile   epoch 4 "),
        (60, "airplane → automobile "),
    ],
)
def test_the_title_of_images_tells_of_which_cell_they_are(width: int, told: str, tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        text = await watched.press("3", "right", "enter")
        assert f"─ Images   {told}─" in text

    watch(live(tmp_path, with_images=True), act, (width, 24))


@pytest.mark.parametrize(
    ("sign", "keys"),
    [("─ Cell ─", ["3", "right", "enter"]), ("precision", ["2", "enter"])],
    ids=["a cell", "a class"],
)
def test_escape_leads_back_to_where_the_images_were_chosen(sign: str, keys: list[str], tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "─ Images   mistakes, surest first, " in await watched.press(*keys)
        assert "─ Images" in await watched.press("slash", "x", "escape"), "what was typed is left first"
        assert sign in await watched.press("escape")
        assert "─ Loss" in await watched.press("escape")
        assert "─ Images   mistakes, surest first   " in await watched.press("4"), "all of them again"
        assert "─ Loss" in await watched.press("escape"), "a digit came from nowhere"

    watch(live(tmp_path, with_images=True), act)


def test_images_of_a_cell_take_the_place_of_a_filter(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("4", "/", *"cat", "enter", "3", "right", "enter")
        assert "airplane → automobile" in watched.text
        assert not watched.screen.query_one(FilterInput).display

    watch(live(tmp_path, with_images=True), act)


def test_enter_on_the_diagonal_shows_the_images_that_were_recognized(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("3", "down", "right", "enter")
        counts = watched.screen.state.confusion
        assert counts is not None
        assert re.search(rf"of {counts[1, 1]}\b", watched.text)
        assert "✓ automobile" in watched.text

    watch(live(tmp_path, with_images=True), act)


def test_a_cell_of_an_earlier_epoch_opens_into_the_images_of_that_epoch(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        text = await watched.press("3", "right", "left_square_bracket", "left_square_bracket", "enter")
        counts = watched.screen.state.epochs[1].validation.confusion
        assert "epoch 2" in text
        assert re.search(rf"of {counts[0][1]}\b", text), text.splitlines()[3]
        await watched.press("slash", "c", "a", "t")
        assert watched.screen.query_one(ImageGrid).epoch == 2
        await watched.press("enter", "home")
        assert "The images come with the run's start" in watched.text
        assert "epoch 1" in await watched.press("right_curly_bracket")

    watch(live(tmp_path, with_images=True), act)
