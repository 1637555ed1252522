"""Every key does what the help says of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from textual.widgets import DataTable, Input, OptionList

from core import events as ev
from tests.ui.canned import Canned, ended, live
from tests.ui.watching import Watching, watching
from tui import bindings
from tui.gallery import Show
from tui.render.heatmap import Normalise
from tui.render.layers import HEADS
from tui.settings import load_settings, settings_file
from tui.view import XUnit
from tui.widgets.classes import COLUMNS, ClassTable
from tui.widgets.confusion import ConfusionGrid, ConfusionSide
from tui.widgets.images import ImageGrid
from tui.widgets.model import Facts, LayerTable
from tui.widgets.overview import Overview
from tui.widgets.plots import PlotPane
from tui.widgets.small import LogTail


def _watch(run: Canned, act: Callable[[Watching], Awaitable[None]], size: tuple[int, int] = (120, 40)) -> None:
    async def body() -> None:
        async with watching(run, size) as watched:
            await act(watched)

    asyncio.run(body())


@pytest.mark.parametrize(
    ("key", "sign"),
    [
        ("1", "Learning rate"),
        ("2", "precision"),
        ("3", "Commonest mistakes"),
        ("4", "mistakes, surest first"),
        ("5", "parameters"),
        ("6", "Machine"),
        ("7", "checkpoint at step 100 (best)"),
    ],
)
def test_digit_opens_its_pane(tmp_path: Path, key: str, sign: str) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("7" if key != "7" else "1")
        assert sign in await watched.press(key)

    _watch(live(tmp_path, with_images=True), act)


def test_no_two_actions_share_a_key() -> None:
    keys = [key for binding in bindings.ALL for key in binding.key.split(",")]
    assert len(keys) == len(set(keys))


def test_help_names_every_key_of_screen_and_pane(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        text = await watched.press("3", "question_mark")
        for binding in bindings.ALL:
            assert binding.tooltip in text
        assert "Hide or show the right answers" in text
        assert "Steer the training" not in await watched.press("escape")

    _watch(live(tmp_path), act, (160, 60))


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        (("space",), ("pause", "")),
        (("c",), ("checkpoint", "")),
        (("e",), ("evaluate", "")),
        (("s", "down", "enter"), ("stop", "")),
        (("s", "down", "down", "enter"), ("stop", "discard")),
        (("l", "enter"), ("lr", "0.5")),
        (("n", "1", "2", "enter"), ("epochs", "12")),
        (("q", "down", "enter"), ("stop", "")),
    ],
    ids=lambda value: " ".join(value),
)
def test_key_sends_command_and_shows_it_pending_then_answered(
    tmp_path: Path, keys: tuple[str, ...], command: tuple[str, str]
) -> None:
    async def act(watched: Watching) -> None:
        await watched.press(*keys)
        [(identifier, sent)] = watched.commands()
        assert (sent.name, sent.argument) == command
        assert f"… {' '.join(command).strip()}" in watched.text
        watched.run.command(*command, message="so it was done", identifier=identifier)
        text = await watched.catch_up()
        assert f"… {' '.join(command).strip()}" not in text
        assert "so it was done" in text

    _watch(live(tmp_path), act)


def test_refusal_is_shown(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("c")
        [(identifier, _)] = watched.commands()
        watched.run.command("checkpoint", status="refused", message="the disk is full", identifier=identifier)
        assert "the disk is full" in await watched.catch_up()

    _watch(live(tmp_path), act)


def test_space_goes_on_where_the_run_is_paused(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        watched.run.emit(ev.Paused(step=watched.run.step))
        text = await watched.catch_up()
        assert "‖ PAUSED" in text
        assert "space Continue" in text
        await watched.press("space")
        assert [command.name for _, command in watched.commands()] == ["unpause"]

    _watch(live(tmp_path), act)


@pytest.mark.parametrize("keys", [("s", "escape"), ("s", "enter"), ("l", "escape"), ("n", "escape"), ("q", "escape")])
def test_dialogs_can_be_left_without_consequence(tmp_path: Path, keys: tuple[str, str]) -> None:
    async def act(watched: Watching) -> None:
        await watched.press(*keys)
        assert watched.commands() == []
        assert watched.app.screen is watched.screen
        assert watched.app.is_running

    _watch(live(tmp_path), act)


def test_lr_dialog_previews_and_refuses_nonsense(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "new plan" in await watched.press("l")
        watched.app.screen.query_one(Input).value = "minus one"
        await watched.settle()
        assert "lr takes a positive factor" in await watched.press("enter")
        assert watched.commands() == []

    _watch(live(tmp_path), act)


def test_epochs_dialog_refuses_fewer_than_are_done(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "4 epochs are done already" in await watched.press("n", "3", "enter")
        assert watched.commands() == []

    _watch(live(tmp_path), act)


@pytest.mark.parametrize("size", [(80, 90), (120, 60)], ids=["one column", "two columns"])
def test_help_is_nowhere_cut_off(tmp_path: Path, size: tuple[int, int]) -> None:
    async def act(watched: Watching) -> None:
        words = set((await watched.press("question_mark")).split())
        for _, keys in watched.screen.key_sections():
            assert not [key.tooltip for key in keys if not words.issuperset(key.tooltip.split())]
        assert words >= set("E evaluation · L learning rate · N epochs · P pause".split())

    _watch(live(tmp_path), act, size)


def test_no_steering_of_a_run_that_has_ended(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        text = await watched.press(*"cesln", "space")
        assert watched.commands() == []
        assert not watched.app.screen.query(OptionList)
        assert "Checkpoint" not in text

    _watch(ended(tmp_path), act)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["small", "usual"])
def test_the_summary_of_a_stopped_run_has_the_whole_command_that_goes_on(tmp_path: Path, size: tuple[int, int]) -> None:
    async def act(watched: Watching) -> None:
        pane = watched.screen.query_one(LogTail)
        lines = [strip.text.strip("│ ") for strip in pane.draw(pane.size.width, pane.size.height)]
        # It is broken at spaces, and within long words.
        command = f"cifar-tui --resume {watched.run.folder.id} --runs-dir {tmp_path}"
        assert command.replace(" ", "") in "".join(lines).replace(" ", "")

    _watch(live(tmp_path).end("stopped", "stopped, step-00000430"), act, size)


def test_the_summary_says_all_of_why_a_run_has_ended_and_how_to_go_on_before_anything_else(tmp_path: Path) -> None:
    reason = "the gradient norm became nan at step 5; the last good checkpoint is step-4; a lower --lr may help"

    async def act(watched: Watching) -> None:
        pane = watched.screen.query_one(LogTail)
        for height in (30, 12, 4, 3):
            strips = pane.draw(200, height)
            assert (len(strips), {strip.cell_length for strip in strips}) == (height, {200})
            told = " ".join(" ".join(strip.text.strip("│ ") for strip in strips).split())
            assert f"diverged {reason}" in told
            assert ("go on" in told) == (height > 3)
        narrow = [strip.text.strip("│ ") for strip in pane.draw(60, 12)]
        assert reason in " ".join(" ".join(narrow).split())
        assert [line.split()[0] for line in narrow if line[:5] in ("diver", "go on", "best ")] == [
            "diverged",
            "go",
            "best",
        ]
        assert pane.draw(60, 4)[1].text.rstrip("│ ").endswith("…")

    _watch(Canned(tmp_path).start().epochs(3).end("diverged", reason), act)


@pytest.mark.parametrize("keys", [("d",), ("q", "enter"), ("ctrl+c", "ctrl+c")], ids=" ".join)
def test_leaving_ends_the_viewer_and_sends_nothing(tmp_path: Path, keys: tuple[str, ...]) -> None:
    async def act(watched: Watching) -> None:
        for key in keys:
            await watched.pilot.press(key)
        await watched.pilot.pause()
        assert not watched.app.is_running or watched.app._exit
        assert watched.commands() == []

    _watch(live(tmp_path), act)


def test_one_ctrl_c_does_not_leave(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("ctrl+c")
        await watched.see("Ctrl-C again detaches")
        assert not watched.app._exit

    _watch(live(tmp_path), act)


def test_stop_from_the_leave_dialog_leaves_when_the_run_has_ended(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("q", "down", "enter")
        assert not watched.app._exit
        watched.run.end("stopped", "stopped, step-00000430")
        watched.screen.tick()
        assert watched.app._exit

    _watch(live(tmp_path), act)


def test_frozen_view_stands_still_and_catches_up(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        before = await watched.press("f")
        assert "VIEW FROZEN" in before
        watched.run.train(70).end_epoch()
        assert await watched.catch_up() == before
        after = await watched.press("f")
        assert "VIEW FROZEN" not in after
        assert "epoch 6/10" in after

    _watch(live(tmp_path), act)


def test_answers_arrive_while_the_view_is_frozen(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("f", "c")
        [(identifier, _)] = watched.commands()
        watched.run.command("checkpoint", message="saved step-00000430", identifier=identifier)
        await watched.catch_up()
        await watched.see("saved step-00000430")

    _watch(live(tmp_path), act)


def test_a_run_whose_trainer_was_killed_takes_no_keys_and_says_how_to_go_on(tmp_path: Path) -> None:
    run = live(tmp_path)

    async def act(watched: Watching) -> None:
        assert "Pause" in await watched.press("c")
        run.mono += 19
        assert "DIED" not in await watched.catch_up()
        run.emit(ev.SystemSampled(cpu_percent=1, memory_bytes=1), -20.0)  # read at the same moment
        run.mono += 22  # nobody holds its lock
        screen = await watched.catch_up()
        assert "† DIED" in screen
        assert "cifar-tui --resume " in screen
        assert "ETA" not in screen
        assert "Pause" not in screen
        assert "… checkpoint" not in screen
        run.mono -= 21
        run.train(10)  # resumed
        screen = await watched.catch_up()
        assert "TRAINING" in screen
        assert "Pause" in screen

    _watch(run, act, (200, 60))


def test_a_run_that_died_without_a_word_is_told_of(tmp_path: Path) -> None:
    run = Canned(tmp_path)

    async def act(watched: Watching) -> None:
        assert "is being set up" in watched.text
        run.mono += 21
        screen = await watched.catch_up()
        assert "† DIED" in screen
        assert "was not set up" in screen
        assert "cifar-tui --resume " in screen

    _watch(run, act)


@pytest.mark.parametrize("key", ["space", "c", "e", "l", "n", "s"])
def test_a_run_that_is_over_says_why_it_cannot_be_steered(tmp_path: Path, key: str) -> None:
    async def act(watched: Watching) -> None:
        await watched.press(key)
        await watched.see("There is no trainer any more.")
        assert not watched.commands()

    _watch(ended(tmp_path), act)


@pytest.mark.parametrize("frozen", [False, True], ids=["live", "frozen"])
def test_rewinding_begins_at_the_picture(tmp_path: Path, frozen: bool) -> None:
    run = live(tmp_path)

    async def act(watched: Watching) -> None:
        if frozen:
            await watched.press("f")
        before = watched.screen.state.step
        run.train(100)
        await watched.catch_up()
        shown = watched.screen.state.step
        assert (shown == before) is frozen
        screen = await watched.press("left_parenthesis")
        assert watched.screen.state.step < shown <= before + 100
        assert watched.screen.state.step >= shown - 50
        assert "VIEW FROZEN" not in screen
        assert "VIEW FROZEN" not in await watched.press("f")  # plays
        await watched.press("end")
        assert watched.screen.state.step == before + 100

    _watch(run, act)


def test_plot_keys_change_the_view(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        scene = watched.screen.scene
        await watched.press("plus", "plus")
        assert scene.view.window == (322.5, 430.0)
        await watched.press("less_than_sign")
        assert scene.view.window == (295.625, 403.125)
        await watched.press("greater_than_sign")
        assert scene.view.window == (322.5, 430.0)
        await watched.press("minus")
        assert scene.view.window == (215.0, 430.0)
        await watched.press("0")
        assert scene.view.window is None
        await watched.press("y")
        assert scene.view.log_y
        await watched.press("x")
        assert scene.view.x_unit is XUnit.EPOCH
        assert "epoch│" in await watched.press("escape")
        assert "time│" in await watched.press("x")
        smoothing = scene.view.smoothing
        await watched.press("S")
        assert scene.view.smoothing > smoothing

    _watch(live(tmp_path), act)


def test_crosshair_shows_values_and_goes_away(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        text = await watched.press("left", "left", "left")
        at = watched.screen.scene.view.crosshair
        assert at is not None
        assert f"step {at:,.0f}" in text
        await watched.press("right")
        moved = watched.screen.scene.view.crosshair
        assert moved is not None
        assert moved > at
        await watched.press("escape")
        assert watched.screen.scene.view.crosshair is None

    _watch(live(tmp_path), act)


@pytest.mark.parametrize("pane", ["loss", "accuracy", "lr", "confusion", "classes", "log"])
def test_any_pane_of_the_overview_fills_the_screen_and_goes_back(tmp_path: Path, pane: str) -> None:
    async def act(watched: Watching) -> None:
        before = watched.text
        watched.screen.query_one(f"#{pane}").focus()
        await watched.press("z")
        overview = watched.screen.query_one(Overview)
        assert [child.id for child in overview.children if child.display] == [pane]
        assert watched.screen.query_one(f"#{pane}").size == overview.size
        await watched.press("escape")
        watched.screen.query_one("#loss").focus()
        await watched.settle()
        assert watched.text == before

    _watch(live(tmp_path), act)


@pytest.mark.parametrize(("pane", "sign"), [("confusion", "Commonest"), ("classes", "precision"), ("log", "7 Log")])
def test_enter_opens_the_large_pane(tmp_path: Path, pane: str, sign: str) -> None:
    async def act(watched: Watching) -> None:
        watched.screen.query_one(f"#{pane}").focus()
        assert sign in await watched.press("enter")
        assert not watched.screen.query_one(Overview).display

    _watch(live(tmp_path), act)


def test_tab_reaches_every_pane(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        seen = set()
        for _ in range(8):
            assert watched.screen.focused is not None
            seen.add(watched.screen.focused.id)
            await watched.press("tab")
        assert {"loss", "lr", "accuracy", "confusion", "classes", "log"} <= seen

    _watch(live(tmp_path), act)


def test_palette_and_theme_change_and_are_remembered(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        before = [strip._segments for strip in watched.strips]
        await watched.press("p")
        assert watched.screen.scene.look.palette.name == "classic"
        await watched.press("t", "x")
        assert not watched.screen.scene.look.palette.dark
        assert [strip._segments for strip in watched.strips] != before
        watched.app.keep_settings()

    _watch(live(tmp_path), act)
    kept = load_settings(settings_file())
    assert (kept.palette, kept.theme, kept.x_unit) == ("classic", "light", "epoch")


def test_command_palette_offers_every_action(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("3")
        offered = [command.title for command in watched.app.get_system_commands(watched.screen)]
        for binding in bindings.ALL:
            assert any(title.startswith(binding.description.rstrip("…")) for title in offered)
        assert any(title.startswith("Diagonal") for title in offered)
        chosen = next(c for c in watched.app.get_system_commands(watched.screen) if c.title.startswith("Checkpoint"))
        await chosen.callback()  # type: ignore[misc]
        assert [command.name for _, command in watched.commands()] == ["checkpoint"]

    _watch(live(tmp_path), act)


# -- the panes' own keys ----------------------------------------------------------------------------------------------


def test_the_model_pane_tells_the_plan_as_it_is_now(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "1,000 of 100, 100 an epoch" in await watched.press("5")
        watched.run.steer("epochs", "6").steer("lr", "0.5")
        text = await watched.catch_up()
        assert "600 of 100, 100 an epoch" in text
        assert "6 since step 430 (10 at the" in text
        assert "lr 0.001 (×0.5 at" in text

    _watch(live(tmp_path), act, (200, 60))


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

    _watch(live(tmp_path, 100), act)


@pytest.mark.parametrize(
    ("width", "shown"),
    [(80, False), (90, False), (100, True), (110, False), (120, True)],
    ids=["80 columns", "90 columns", "100 columns", "110 columns", "120 columns"],
)
def test_superclasses_have_a_column_only_where_its_head_has_room(tmp_path: Path, width: int, shown: bool) -> None:
    async def act(watched: Watching) -> None:
        head = next(line for line in (await watched.press("2")).splitlines() if "taken for" in line)
        assert head.split("taken for")[1].strip() == ("superclass" if shown else "")

    _watch(live(tmp_path, 100), act, (width, 24))


def test_class_table_says_why_it_is_empty(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "The first evaluation fills this table" in await watched.press("2")
        watched.run.end_epoch()
        await watched.catch_up()
        assert "fills this table" not in watched.text
        assert "frog" in watched.text
        assert "No class holds “xq”" in await watched.press("slash", *"xq")
        assert "frog" in await watched.press("escape")

    _watch(Canned(tmp_path).start().train(50), act)


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

    _watch(live(tmp_path), act)


def test_enter_on_a_class_shows_its_mistakes(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("2")
        watched.screen.query_one(DataTable).move_cursor(row=0)
        text = await watched.press("enter")
        images = watched.screen.query_one(ImageGrid)
        assert images.subject.title == "cat"
        assert "mistakes, surest first, cat" in text
        assert "(cat)" in text

    _watch(live(tmp_path, with_images=True), act)


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

    _watch(live(tmp_path), act)


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

    _watch(live(tmp_path, with_images=True), act)


def test_enter_on_the_diagonal_shows_the_images_that_were_recognized(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("3", "down", "right", "enter")
        counts = watched.screen.state.confusion
        assert counts is not None
        assert re.search(rf"of {counts[1, 1]}\b", watched.text)
        assert "✓ automobile" in watched.text

    _watch(live(tmp_path, with_images=True), act)


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

    _watch(live(tmp_path, with_images=True), act)


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

    _watch(live(tmp_path, 100), act, (100, 40))


def test_facts_leave_the_table_of_layers_the_columns_that_it_needs(tmp_path: Path) -> None:
    run = Canned(tmp_path)
    wide = msgspec.structs.replace(run._run_started().layers[0], name="block3.conv2", kind="average pool 4x4")
    run.emit(msgspec.structs.replace(run._run_started(), layers=[wide]))

    async def act(watched: Watching) -> None:
        await watched.press("5")
        await watched.settle()
        assert "sees" in watched.text
        assert watched.screen.query_one(LayerTable).max_scroll_x == 0
        assert watched.screen.query_one(Facts).size.width >= 36

    _watch(run, act)


@pytest.mark.parametrize(("columns", "bars", "facts"), [(140, True, True), (110, False, True), (90, True, False)])
def test_the_table_of_layers_is_never_cut_off_beside_the_facts(
    columns: int, bars: bool, facts: bool, tmp_path: Path
) -> None:
    run = Canned(tmp_path)
    wide = msgspec.structs.replace(run._run_started().layers[0], name="block3.conv2", kind="average pool 4x4")
    run.emit(msgspec.structs.replace(run._run_started(), layers=[wide] * 60))

    async def act(watched: Watching) -> None:
        await watched.press("5")
        await watched.settle()
        assert "sees" in watched.text
        assert watched.screen.query_one(LayerTable).max_scroll_x == 0
        assert (len(watched.screen.query_one(LayerTable).columns) == len(HEADS)) == bars
        assert watched.screen.query_one(Facts).display == facts

    _watch(run, act, (columns, 40))


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

    _watch(live(tmp_path, 100), act)


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

    _watch(live(tmp_path, with_images=True), act)


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

    _watch(live(tmp_path), act)


def test_stray_prints_of_the_trainer_are_in_the_log_pane_only(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        watched.run.folder.log_file.write_text("some library says \x1b[31mhello\x1b[0m\n")
        assert "some library" not in await watched.catch_up()
        assert "some library says hello" in await watched.press("7")

    _watch(live(tmp_path), act)


@pytest.mark.parametrize("width", [60, 72, 73, 200])
def test_the_names_of_the_panes_are_nowhere_cut_off(tmp_path: Path, width: int) -> None:
    async def act(watched: Watching) -> None:
        assert ("7 Log" in watched.text) != ("1-7 Panes" in watched.text)
        assert ("6 System" in watched.text) == ("7 Log" in watched.text)

    _watch(live(tmp_path), act, (width, 60))


def test_mouse_opens_panes_and_points_at_plots(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.pilot.click("#tabs", offset=(28, 0))
        await watched.settle()
        assert "Commonest" in watched.text
        await watched.press("1")
        await watched.pilot.click("#loss", offset=(30, 4))
        await watched.settle()
        assert watched.screen.scene.view.crosshair is not None
        plot = watched.screen.query_one("#loss", PlotPane)
        plot.post_message(PlotPane.Wheeled(200.0, True))
        await watched.settle()
        assert watched.screen.scene.view.window is not None
        await watched.pilot.click("#keys", offset=(17, 0))
        await watched.settle()
        assert [command.name for _, command in watched.commands()] == ["checkpoint"]

    _watch(live(tmp_path), act)
