"""A replay shows what the live screen showed, and every key of the transport moves it."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.strip import Strip

from core.errors import UsageError
from core.reader import read_all
from core.runfolder import RunFolder
from tests.ui.canned import Canned, ended, live
from tests.ui.watching import OnScreen
from tui.app import DashboardApp
from tui.ghost import PUBLISHED, find_ghost
from tui.replay import ReplaySource
from tui.screens.replay_keys import SeekDialog
from tui.screens.run import RunScreen
from tui.settings import settings_file
from tui.source import LiveSource, Source
from tui.widgets.transport import Transport

Act = Callable[["Watched"], Awaitable[None]]


class Watched(OnScreen):
    """A run screen on any source."""

    @property
    def screen(self) -> RunScreen:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, RunScreen))

    @property
    def replay(self) -> ReplaySource:
        source = self.screen.scene.source
        assert isinstance(source, ReplaySource)
        return source

    @property
    def strips(self) -> list[Strip]:
        return [Strip(line).simplify() for line in self.app.screen._compositor.render_strips()]


@contextlib.asynccontextmanager
async def watched(source: Source, size: tuple[int, int], wall: float = 0.0) -> AsyncIterator[Watched]:
    app = DashboardApp(source, "c10-lenet", settings_file(), clock=lambda: wall)
    async with app.run_test(size=size, notifications=True) as pilot:
        seen = Watched(app, pilot)
        await seen.settle()
        yield seen


def replay_of(run: Canned | RunFolder, place: str = "end") -> ReplaySource:
    source = ReplaySource(run if isinstance(run, RunFolder) else run.folder, clock=lambda: 0.0)
    source.read_all()
    source.seek(source.place_of(place))
    return source


def acting(source: Source, act: Act, size: tuple[int, int] = (120, 40), wall: float = 0.0) -> None:
    async def body() -> None:
        async with watched(source, size, wall) as seen:
            await act(seen)

    asyncio.run(body())


# -- replay equals live ------------------------------------------------------------------------------------------------


def _cut(run: Canned, to: Path, place: int) -> RunFolder:
    """The run as it was after its first records."""
    folder = RunFolder(to / run.folder.id)
    shutil.copytree(run.folder.path, folder.path)
    lines = run.folder.events_file.read_bytes().splitlines(keepends=True)
    folder.events_file.write_bytes(b"".join(lines[:place]))
    if run.folder.images.is_dir():
        shutil.copytree(run.folder.images, folder.images)
    return folder


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("num_classes", [10, 100])
def test_a_replay_draws_the_very_frames_of_the_live_screen(
    tmp_path: Path, num_classes: int, size: tuple[int, int]
) -> None:
    run = live(tmp_path / "whole", num_classes, with_images=True)
    records = read_all(run.folder.events_file)
    width, height = size
    bar = 2 if height >= 30 else 1

    async def body() -> None:
        for place, panes in ((4, "13"), (len(records) // 2 + 1, "1234567"), (len(records), "14")):
            source = replay_of(run, "start")
            cut = _cut(run, tmp_path / f"cut{place}", place)
            async with (
                watched(LiveSource(cut), size, records[place - 1].wall) as there,
                watched(source, (width, height + bar)) as here,
            ):
                if place % 2:
                    here.screen.seek(place)
                else:  # by way of elsewhere, and then played
                    here.screen.seek(len(records))
                    here.screen.seek(place // 2)
                    for record in source.recording.records(place // 2, place):
                        source.state.apply(record)
                    source.place = place
                    here.screen.show_moment()
                for pane in panes:
                    await there.press(pane)
                    await here.press(pane)
                    now, then = there.strips[: height - 1], here.strips[: height - 1]
                    assert [strip.text for strip in then] == [strip.text for strip in now], (place, pane)
                    assert then == now, (place, pane)

    asyncio.run(body())


def test_images_follow_the_epoch_shown(tmp_path: Path) -> None:
    async def act(seen: Watched) -> None:
        await seen.press("4")
        assert "epoch 10" in seen.text
        await seen.press("left_curly_bracket", "left_curly_bracket")
        assert "epoch 9" in seen.text

    acting(replay_of(ended(tmp_path, with_images=True)), act)


# -- keys --------------------------------------------------------------------------------------------------------------


def test_epochs_and_chunks_are_stepped_by_keys(tmp_path: Path) -> None:
    async def act(seen: Watched) -> None:
        await seen.press("left_curly_bracket")
        assert (seen.replay.state.epoch, seen.replay.state.step) == (10, 1000)
        await seen.press("left_curly_bracket")
        assert seen.replay.state.epoch == 9
        await seen.press("right_parenthesis")
        assert seen.replay.state.step == 910
        await seen.press("left_parenthesis")
        assert seen.replay.state.step == 900
        await seen.press("right_curly_bracket")
        assert seen.replay.state.epoch == 9
        await seen.press("right_curly_bracket")
        assert seen.replay.state.epoch == 10
        await seen.press("home")
        assert seen.replay.place == 0
        await seen.press("end")
        assert seen.replay.at_end
        for pane in "123456":  # tables have such keys of their own
            await seen.press(pane, "home")
            assert seen.replay.place == 0
            await seen.press("end")
            assert seen.replay.at_end
        await seen.press("asterisk")
        assert seen.replay.state.best == seen.replay.recording.whole.best

    acting(replay_of(ended(tmp_path)), act)


def test_space_plays_and_holds_and_v_changes_the_speed(tmp_path: Path) -> None:
    async def act(seen: Watched) -> None:
        assert "‖ ×16" in seen.text
        await seen.press("space")
        assert seen.replay.playing
        assert "▶ ×16" in seen.text
        await seen.press("v")
        assert "×64" in seen.text
        await seen.press("V", "V")
        assert "×4" in seen.text
        await seen.press("space")
        assert not seen.replay.playing

    acting(replay_of(ended(tmp_path), "3"), act)


def test_going_to_a_place_by_name(tmp_path: Path) -> None:
    async def act(seen: Watched) -> None:
        await seen.press("at")
        assert isinstance(seen.app.screen, SeekDialog)
        await seen.press(*"step", "space", *"250", "enter")
        assert seen.replay.state.step == 250
        await seen.press("at", *"soon", "enter")
        await seen.see("no place in a run")
        assert seen.replay.state.step == 250
        await seen.press("at", "escape")
        assert seen.replay.state.step == 250

    acting(replay_of(ended(tmp_path)), act)


def test_a_click_on_the_bar_seeks(tmp_path: Path) -> None:
    async def act(seen: Watched) -> None:
        bar = seen.screen.query_one(Transport)
        await seen.pilot.click(bar, offset=(bar.size.width // 2, 1))
        await seen.settle()
        total = seen.replay.total_seconds
        assert 0.3 * total < seen.replay.seconds < 0.7 * total

    acting(replay_of(ended(tmp_path)), act)


@pytest.mark.parametrize("key", ["c", "e", "s", "l", "n"])
def test_steering_keys_say_why_they_do_nothing(tmp_path: Path, key: str) -> None:
    async def act(seen: Watched) -> None:
        await seen.press(key)
        await seen.see("no trainer to steer")
        assert not list(seen.replay.folder.control.iterdir())

    acting(replay_of(ended(tmp_path)), act)


def test_a_live_run_is_rewound_and_brought_back(tmp_path: Path) -> None:
    run = live(tmp_path)

    async def act(seen: Watched) -> None:
        assert "REWOUND" not in seen.text
        await seen.press("left_curly_bracket", "left_curly_bracket")
        assert seen.replay.state.epoch == 3
        assert "REWOUND" in seen.text
        await seen.press("c")
        await seen.see("press End to come back")
        run.train(20)
        seen.screen.tick()
        assert seen.replay.state.epoch == 3
        await seen.press("end")
        assert isinstance(seen.screen.scene.source, LiveSource)
        assert seen.screen.state.step == run.step
        await seen.settle()
        assert "REWOUND" not in seen.text

    acting(LiveSource(run.folder), act, wall=run.wall)


def test_the_bar_marks_epochs_checkpoints_commands_and_pauses(tmp_path: Path) -> None:
    run = live(tmp_path)

    async def act(seen: Watched) -> None:
        lines = [strip.text for strip in seen.strips]
        above, bar = lines[-3], lines[-2]
        assert bar.lstrip().startswith("REPLAY")
        assert bar.count("◆") == 4
        assert "░" in bar
        assert {"C", "L", "★"} <= set(above)
        assert "2" in above

    acting(replay_of(run), act)


def test_a_ghost_is_raced_against(tmp_path: Path) -> None:
    run = ended(tmp_path, run_id="ahead-of-it")
    Canned(tmp_path, run_id="old", num_epochs=30).start().epochs(30).end()
    source = replay_of(run, "5")

    async def act(seen: Watched) -> None:
        seen.screen.look_through(replace(seen.screen.scene.view, ghost=find_ghost(tmp_path, "old")))
        await seen.settle()
        assert "points ahead" in seen.text
        await seen.press("x", "x")
        assert "s ahead" in seen.text or "better than it ever was" in seen.text
        seen.screen.look_through(replace(seen.screen.scene.view, ghost=find_ghost(tmp_path, PUBLISHED)))
        await seen.settle()
        assert "· published" in seen.text

    acting(source, act)
    with pytest.raises(UsageError, match="no run"):
        find_ghost(tmp_path, "nobody")


@pytest.mark.parametrize("spoil", ["missing", "empty", "foreign"])
def test_a_run_without_a_usable_log_says_so(tmp_path: Path, spoil: str) -> None:
    run = ended(tmp_path)
    if spoil == "missing":
        run.folder.events_file.unlink()
    else:
        run.folder.events_file.write_bytes(b"" if spoil == "empty" else b"hello\n")
    told = {"missing": "nothing to replay", "empty": "is empty", "foreign": "holds no event"}[spoil]

    async def act(seen: Watched) -> None:
        await seen.see(told)
        await seen.press("3", "left_curly_bracket", "space", "asterisk", "end")

    acting(replay_of(run), act)


def test_a_replay_without_predictions_and_images_says_so(tmp_path: Path) -> None:
    run = ended(tmp_path, with_images=True)
    shutil.rmtree(run.folder.predictions)

    async def act(seen: Watched) -> None:
        await seen.press("4")
        assert "cannot be read" in seen.text

    acting(replay_of(run), act)
