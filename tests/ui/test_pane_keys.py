"""The keys of the panes of classes, images and the log, and what these panes show."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import DataTable

from core import events as ev
from tests.ui.canned import Canned, live
from tests.ui.watching import Watching, fold, watch
from tui.classes import ClassHistory
from tui.gallery import Show
from tui.widgets.classes import COLUMNS, ClassTable, arranged
from tui.widgets.images import ImageGrid


@pytest.mark.parametrize("descending", [False, True])
def test_a_class_without_images_comes_last_whichever_way_classes_are_sorted(tmp_path: Path, descending: bool) -> None:
    state = fold(Canned(tmp_path).start().epochs(1))
    state.epochs[-1].validation.confusion[3] = [0] * 10
    accuracy = next(index for index, column in enumerate(COLUMNS) if column[0] == "accuracy")
    rows = arranged(ClassHistory().rows(state), accuracy, reverse=descending, grouped=False, text="")
    assert rows[-1].name == "cat"
    shares = [row.accuracy for row in rows[:-1]]
    assert shares == sorted(shares, reverse=descending)


def test_class_table_sorts_reverses_filters_and_groups(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("2")
        table = watched.screen.query_one(ClassTable)

        def names() -> list[str]:
            return [str(cell) for cell in table.get_column("class")]

        hardest_first = names()
        assert len(hardest_first) == 100
        await watched.press("r")
        assert set(names()[:3]) & set(hardest_first[-10:])
        table.column = next(index for index, column in enumerate(COLUMNS) if column[0] == "class")
        await watched.press("r")
        assert names() == sorted(names())
        await watched.press("slash", *"_tree")
        assert names() == ["maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"]
        await watched.press("enter")
        assert watched.screen.focused is table
        await watched.press("escape")
        assert len(names()) == 100
        await watched.press("g")
        groups = [str(cell) for cell in table.get_column("superclass")]
        assert groups == sorted(groups)
        before = table.column
        await watched.press("o")
        assert table.column != before

    watch(live(tmp_path, 100), act)


@pytest.mark.parametrize(
    ("width", "shown"),
    [(80, False), (90, False), (100, True), (110, False), (120, True)],
    ids=["80 columns", "90 columns", "100 columns", "110 columns", "120 columns"],
)
def test_superclasses_have_a_column_only_where_its_head_has_room(tmp_path: Path, width: int, shown: bool) -> None:
    async def act(watched: Watching) -> None:
        head = next(line for line in (await watched.press("2")).splitlines() if "taken for" in line)
        assert head.split("taken for")[1].strip() == ("superclass" if shown else "")

    watch(live(tmp_path, 100), act, (width, 24))


def test_columns_of_the_class_table_suit_the_width_after_it_was_hidden_or_made_narrower(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "precision" in await watched.press("2")
        await watched.pilot.resize_terminal(80, 24)
        await watched.pilot.pause()
        assert "taken for" in watched.text
        assert "precision" not in watched.text
        text = await watched.press("enter", "escape")
        assert "taken for" in text
        assert "precision" not in text

    watch(live(tmp_path, with_images=True), act)


def test_class_table_says_why_it_is_empty(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "The first evaluation fills this table" in await watched.press("2")
        watched.run.end_epoch()
        await watched.catch_up()
        assert "fills this table" not in watched.text
        assert "frog" in watched.text
        assert "No class holds “xq”" in await watched.press("slash", *"xq")
        assert "frog" in await watched.press("escape")

    watch(Canned(tmp_path).start().train(50), act)


def test_class_table_updates_cells_in_place(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("2")
        table = watched.screen.query_one(ClassTable)
        table.column = 0  # an order that no epoch changes
        table.refill()
        table.move_cursor(row=4)
        rows = list(table.rows)
        watched.run.train(70).end_epoch()
        await watched.catch_up()
        assert list(table.rows) == rows
        assert table.cursor_row == 4

    watch(live(tmp_path), act)


def test_enter_on_a_class_shows_its_mistakes(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("2")
        watched.screen.query_one(DataTable).move_cursor(row=0)
        text = await watched.press("enter")
        images = watched.screen.query_one(ImageGrid)
        assert images.subject.title == "cat"
        assert "mistakes, surest first, cat" in text
        assert "(cat)" in text

    watch(live(tmp_path, with_images=True), act)


def test_image_keys_page_filter_and_step_through_epochs(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("4")
        images = watched.screen.query_one(ImageGrid)
        await watched.press("pagedown")
        assert images.first > 0
        await watched.press("pageup", "right", "down")
        assert images.cursor == 4
        await watched.press("left", "up")
        assert images.cursor == 0
        await watched.press("m")
        assert images.showing is Show.DOUBTFUL
        assert "✓" in watched.text
        await watched.press("m", "m", "left_square_bracket")
        assert images.epoch == 3
        await watched.press("right_square_bracket")
        assert images.epoch is None
        await watched.press("slash", *"cat>dog")
        assert images.subject.title == "cat → dog"
        await watched.press("enter", "escape")
        assert images.subject.title == ""

    watch(live(tmp_path, with_images=True), act)


def test_log_scrolls_and_follows(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        for number in range(60):
            watched.run.emit(ev.Notice(level="info", text=f"notice {number}"))
        await watched.press("7")
        assert "notice 59" in await watched.catch_up()
        assert "notice 59" not in await watched.press("home")
        assert "starting: loading PyTorch" in watched.text
        await watched.press("down", "pagedown", "pageup", "up")
        assert "notice 59" in await watched.press("end")
        watched.run.emit(ev.Notice(level="info", text="the newest"))
        assert "the newest" in await watched.catch_up()

    watch(live(tmp_path), act)


def test_stray_prints_of_the_trainer_are_in_the_log_pane_only(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        watched.run.folder.log_file.write_text("some library says \x1b[31mhello\x1b[0m\n")
        assert "some library" not in await watched.catch_up()
        assert "some library says hello" in await watched.press("7")

    watch(live(tmp_path), act)
