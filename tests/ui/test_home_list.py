"""The list of the home screen: which runs it shows, how it is read, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from textual.strip import Strip
from textual.timer import Timer

from tests.ui.at_home import AtHome, at_home
from tests.ui.canned import WALL, Canned, ended, live
from tui.home.header import header_line
from tui.home.list import RunList
from tui.home.table import Listing, chosen_columns, draw_table
from tui.render.palettes import Look, palette
from tui.screens import home
from tui.screens.home import HomeScreen
from tui.screens.run import RunScreen


def test_live_runs_are_first_and_all_are_there(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        assert seen.names[0] == "gamma"
        assert sorted(seen.names[1:]) == ["alpha", "beta"]
        assert "3 runs · 1 live" in seen.text
        for text in ("finished", "stopped", "running", "c10-lenet", "10/10", "3/10", "NVIDIA H100"):
            assert text in seen.text

    at_home(some, act, (160, 40), now=WALL + 15.0)


def test_live_runs_move_on_by_themselves(tmp_path: Path) -> None:
    run = live(tmp_path, run_id="gamma")

    async def act(seen: AtHome) -> None:
        assert "4/10" in seen.text
        run.train(70).end_epoch()
        seen.screen._next_scan = 0.0
        seen.screen.refresh_runs()
        await seen.settle()
        assert "5/10" in seen.text

    at_home(tmp_path, act, now=WALL + 15.0)


def test_the_list_is_painted_while_runs_are_still_read_one_bit_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        Canned(tmp_path, num_epochs=1, run_id=f"run-{number:02}").start().end_epoch().end()
    unread_when_painted: list[int] = []
    waiting: list[object] = []
    paint, wait = RunList.render_line, HomeScreen.set_timer

    def painting(self: RunList, y: int) -> Strip:
        unread_when_painted.append(len(self.listing.reading))
        return paint(self, y)

    def timing(self: HomeScreen, delay: float, callback: Callable[[], None]) -> Timer:
        waiting.append(callback)
        return wait(self, delay, callback)

    monkeypatch.setattr(RunList, "render_line", painting)
    monkeypatch.setattr(HomeScreen, "set_timer", timing)
    monkeypatch.setattr(home, "_READ_SECONDS", 0.0)  # one run at a time

    async def act(seen: AtHome) -> None:
        assert len(set(unread_when_painted)) > 3, "the list is seen to fill"
        assert unread_when_painted[-1] == 0
        waiting.clear()
        for run in sorted(tmp_path.glob("run-*")):
            (run / "events.jsonl").touch()
        for _ in range(3):  # keys that look at the folder, such as delete and undo
            seen.screen._next_scan = 0.0
            seen.screen.refresh_runs()
        assert len(waiting) == 1

    at_home(tmp_path, act)


def test_behind_a_run_the_list_reads_no_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(12):
        Canned(tmp_path, num_epochs=1, run_id=f"run-{number:02}").start().end_epoch().end()
    monkeypatch.setattr(home, "_READ_SECONDS", 0.0)  # one run at a time

    async def act(seen: AtHome) -> None:
        await seen.press("enter")
        await seen.at(RunScreen)
        for run in tmp_path.glob("run-*"):
            (run / "events.jsonl").touch()
        seen.screen._next_scan = 0.0
        seen.screen.refresh_runs()
        for _ in range(5):
            await seen.pilot.pause(2 * home._BREATH_SECONDS)
        assert len(seen.screen.index.unread) == 11
        await seen.press("q")
        while seen.screen.index.unread:
            await seen.pilot.pause()

    at_home(tmp_path, act)


def test_folders_of_images_are_told_apart_by_their_last_part(tmp_path: Path) -> None:
    run = Canned(tmp_path)
    run.emit(msgspec.structs.replace(run._run_started(), dataset="folder:/home/somebody/pets"))

    async def act(seen: AtHome) -> None:
        assert " folder:pe… " in seen.text

    at_home(tmp_path, act, (160, 40))


def test_an_empty_folder_says_how_to_begin(tmp_path: Path) -> None:
    async def act(seen: AtHome) -> None:
        assert "press n to start one" in seen.text
        await seen.press("enter", "r", "d", "e", "c", "space", "down", "end")
        assert isinstance(seen.app.screen, HomeScreen)

    at_home(tmp_path / "none", act)


@pytest.mark.parametrize("where", ["/data/runs", "/data/" + "long" * 20 + "/runs", "/data/" + "漢字" * 15 + "/runs"])
def test_the_header_shows_the_end_of_the_path_whatever_it_is_made_of(where: str) -> None:
    line = header_line(where, 3, 1, 0, "", 80, Look(palette()))
    assert line.cell_length == 80
    assert line.text.endswith("/runs ")


def test_broken_runs_are_named_and_none_is_fatal(some: Path) -> None:
    (some / "loop").symlink_to("loop")
    (some / "nothing").mkdir()
    foreign = ended(some, run_id="foreign")
    foreign.folder.events_file.write_text("hello\n")

    async def act(seen: AtHome) -> None:
        for told in ("symbolic links", "not a run", "holds no event"):
            assert told in seen.text
        for name in ("loop", "nothing", "foreign"):
            seen.runs.put_on(name)
            await seen.press("enter", "r")
            assert isinstance(seen.app.screen, HomeScreen)
        assert "best" in seen.text

    at_home(some, act)


@pytest.mark.parametrize("width", [60, 80, 120, 200, 320])
def test_columns_fill_the_width_exactly(some: Path, width: int) -> None:
    kept = chosen_columns(width)
    assert sum(size + 1 for _, size in kept) + 1 <= width
    assert {"state", "name", "best"} <= {column.key for column, _ in kept}

    async def act(seen: AtHome) -> None:
        for look in (Look(palette()), Look(palette("mono"), ascii=True)):
            strips = draw_table(seen.runs.listing, width, 10, look)
            assert {strip.cell_length for strip in strips} == {width}
            assert not look.ascii or all(strip.text.isascii() for strip in strips)

    at_home(some, act, (max(width, 60), 24))


def test_thousands_of_rows_are_drawn_like_ten() -> None:
    assert len(draw_table(Listing(()), 80, 5, Look(palette()))) == 5
