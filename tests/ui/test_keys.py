"""Every key does what the help says of it: those that open, show and change the view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ui.canned import Canned, ended, live
from tests.ui.watching import Watching, watch
from tui import bindings
from tui.settings import load_settings, settings_file
from tui.view import XUnit
from tui.widgets.drawn import Drawn
from tui.widgets.overview import Overview
from tui.widgets.plots import PlotPane


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

    watch(live(tmp_path, with_images=True), act)


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

    watch(live(tmp_path), act, (160, 60))


@pytest.mark.parametrize("size", [(80, 90), (120, 60)], ids=["one column", "two columns"])
def test_help_is_nowhere_cut_off(tmp_path: Path, size: tuple[int, int]) -> None:
    async def act(watched: Watching) -> None:
        words = set((await watched.press("question_mark")).split())
        for _, keys in watched.screen.key_sections():
            assert not [key.tooltip for key in keys if not words.issuperset(key.tooltip.split())]
        assert words >= set("E evaluation · L learning rate · N epochs · P pause".split())

    watch(live(tmp_path), act, size)


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

    watch(live(tmp_path), act)


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

    watch(live(tmp_path), act)


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

    watch(live(tmp_path), act)


@pytest.mark.parametrize(("pane", "sign"), [("confusion", "Commonest"), ("classes", "precision"), ("log", "7 Log")])
def test_enter_opens_the_large_pane(tmp_path: Path, pane: str, sign: str) -> None:
    async def act(watched: Watching) -> None:
        watched.screen.query_one(f"#{pane}").focus()
        assert sign in await watched.press("enter")
        assert not watched.screen.query_one(Overview).display

    watch(live(tmp_path), act)


def test_tab_reaches_every_pane(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        seen = set()
        for _ in range(8):
            assert watched.screen.focused is not None
            seen.add(watched.screen.focused.id)
            await watched.press("tab")
        assert {"loss", "lr", "accuracy", "confusion", "classes", "log"} <= seen

    watch(live(tmp_path), act)


@pytest.mark.parametrize("make", [live, ended])
def test_the_frame_of_the_pane_in_focus_stands_out(tmp_path: Path, make: Callable[[Path], Canned]) -> None:
    async def act(watched: Watching) -> None:
        shown = [pane for pane in watched.screen.query(Drawn).results() if pane.can_focus and pane.display]
        for _ in shown:
            await watched.press("tab")
            edges = {pane: watched.strips[pane.region.y].crop(pane.region.x, pane.region.x + 1) for pane in shown}
            colors = {pane: edge._segments[0].style.color for pane, edge in edges.items() if edge._segments[0].style}
            focused = colors.pop(watched.screen.focused)  # type: ignore[arg-type]
            assert focused not in colors.values()
            assert len(set(colors.values())) == 1

    watch(make(tmp_path), act)


def test_palette_and_theme_change_and_are_remembered(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        before = [strip._segments for strip in watched.strips]
        await watched.press("p")
        assert watched.screen.scene.look.palette.name == "classic"
        await watched.press("t", "x")
        assert not watched.screen.scene.look.palette.dark
        assert [strip._segments for strip in watched.strips] != before
        watched.app.keep_settings()

    watch(live(tmp_path), act)
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

    watch(live(tmp_path), act)


@pytest.mark.parametrize("width", [60, 72, 73, 200])
def test_the_names_of_the_panes_are_nowhere_cut_off(tmp_path: Path, width: int) -> None:
    async def act(watched: Watching) -> None:
        assert ("7 Log" in watched.text) != ("1-7 Panes" in watched.text)
        assert ("6 System" in watched.text) == ("7 Log" in watched.text)

    watch(live(tmp_path), act, (width, 60))


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

    watch(live(tmp_path), act)
