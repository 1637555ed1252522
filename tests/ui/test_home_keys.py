"""The keys of the home screen and its mouse: opening, sorting, filtering, marking, noting, deleting."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runfilter import Row
from core.runnotes import Notes, read_notes
from tests.ui.at_home import AtHome, at_home
from tests.ui.canned import WALL
from tui.home.table import COLUMNS
from tui.replay import ReplaySource
from tui.screens.compare import CompareScreen
from tui.screens.help import HelpScreen
from tui.screens.home import HomeScreen
from tui.screens.run import RunScreen
from tui.source import LiveSource


def test_enter_replays_an_ended_run_at_its_end_and_watches_a_live_one(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        await seen.press("enter")
        await seen.at(RunScreen)
        assert isinstance(seen.app.scene.source, LiveSource)
        await seen.press("d")
        await seen.at(HomeScreen)
        await seen.press("down", "enter")
        await seen.at(RunScreen)
        source = seen.app.scene.source
        assert isinstance(source, ReplaySource)
        assert source.at_end
        await seen.press("left_curly_bracket", "3", "q")
        await seen.at(HomeScreen)

    at_home(some, act, now=WALL + 15.0)


def test_any_column_sorts_either_way(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        seen_by = set()
        for _ in COLUMNS:
            await seen.press("o")
            seen_by.add(seen.runs.listing.sort)
            assert seen.names[0] == "gamma", "live ones stay first"
        assert seen_by == {column.key for column in COLUMNS}
        seen.screen.sort_by("best")
        order = seen.names
        await seen.press("R")
        assert seen.names[1:] == order[1:][::-1]
        await seen.press("O")
        assert seen.runs.listing.sort == "data"

    at_home(some, act, now=WALL + 15.0)


def test_the_filter_is_typed_kept_and_closed(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        await seen.press("slash", *"state:stop")
        assert seen.names == ["beta"]
        await seen.press("enter")
        assert seen.runs.has_focus
        assert seen.names == ["beta"]
        await seen.press("escape")
        assert len(seen.names) == 3
        await seen.press("slash", *"nope>3")
        assert 'no term "nope"' in seen.text
        await seen.press("escape", "slash", *"zzz")
        assert "No run fits" in seen.text

    at_home(some, act)


def test_marked_runs_are_compared(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        await seen.press("c")
        await seen.see("Mark two runs")
        await seen.press("home", "space", "space")
        assert len(seen.runs.listing.marked) == 2
        assert "Compare 2" in seen.text
        await seen.press("c")
        await seen.at(CompareScreen)
        await seen.press("q")
        await seen.at(HomeScreen)
        await seen.press("escape")
        assert not seen.runs.listing.marked

    at_home(some, act)


def test_marking_does_not_look_at_every_run_anew(some: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def looking(self: HomeScreen) -> list[Row]:
        raise AssertionError("with a thousand runs it would lag behind the key")

    async def act(seen: AtHome) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(HomeScreen, "rows", looking)
            for _ in seen.names:
                seen.screen.action_mark()
        await seen.settle()
        assert seen.runs.listing.marked == set(seen.names)
        assert "Compare 3" in seen.text
        assert seen.text.count("◆") == 3

    at_home(some, act)


def test_tags_and_a_note_are_kept_in_the_run_folder(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        seen.runs.put_on("alpha")
        await seen.press("e", *"keep", "tab", *"good", "enter")
        assert read_notes(some / "alpha") == Notes(("keep",), "good")
        assert "#keep" in seen.text
        await seen.press("slash", *"tag:keep")
        assert seen.names == ["alpha"]

    at_home(some, act, (160, 40))


def test_what_could_not_be_deleted_is_not_said_to_be(some: Path) -> None:
    (some / ".trash").touch()

    async def act(seen: AtHome) -> None:
        await seen.press("d", "down", "enter")
        await seen.see("cannot move run")
        await seen.settle()
        assert "brings it back" not in " ".join(seen.text.split())

    at_home(some, act)


def test_a_key_for_a_run_says_why_there_is_none(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        await seen.press("/", *"zzz", "enter", "enter")
        await seen.see("▌ No run fits “zzz”")

    at_home(some, act)


def test_deleting_asks_and_can_be_undone(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        seen.runs.put_on("beta")
        await seen.press("d", "escape")
        assert (some / "beta").is_dir()
        await seen.press("d", "down", "enter")
        assert (some / ".trash" / "beta").is_dir()
        assert "beta" not in seen.names
        await seen.press("u")
        assert (some / "beta").is_dir()
        assert seen.runs.current is not None
        assert seen.runs.current.summary.id == "beta"
        await seen.press("u")
        await seen.see("Nothing was deleted")

    at_home(some, act)


def test_help_palette_theme_and_quit(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        await seen.press("question_mark")
        assert isinstance(seen.app.screen, HelpScreen)
        await seen.press("escape", "p", "t")
        assert seen.app.settings.theme == "light"
        await seen.press("q")
        assert seen.app._exit

    at_home(some, act)


def test_mouse_heads_sort_rows_are_chosen_and_opened(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        await seen.pilot.click(seen.runs, offset=(4, 0))
        await seen.settle()
        assert seen.runs.listing.sort == "state"
        await seen.pilot.click(seen.runs, offset=(30, 2))
        await seen.settle()
        assert seen.runs.listing.cursor == 1
        await seen.pilot.click(seen.runs, offset=(30, 2), times=2)
        await seen.at(RunScreen)

    at_home(some, act)
