"""Every key of the home screen."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.strip import Strip
from textual.timer import Timer
from textual.widgets import Input

from core.errors import UsageError
from core.recipes import RECIPES, get_recipe
from core.runfilter import Row
from core.runfolder import RunFolder
from core.runnotes import Notes, read_notes
from tests.ui.canned import WALL, Canned, ended, live
from tests.ui.watching import OnScreen
from tui.app import DashboardApp
from tui.home.form import NewRunDialog, assignments
from tui.home.list import RunList
from tui.home.no_run import NoRun
from tui.home.table import COLUMNS, Listing, chosen_columns, draw_table
from tui.render.palettes import Look, palette
from tui.replay import ReplaySource
from tui.screens import home, home_actions
from tui.screens.compare import CompareScreen
from tui.screens.help import HelpScreen
from tui.screens.home import HomeScreen, home_screen
from tui.screens.run import RunScreen
from tui.settings import settings_file
from tui.source import LiveSource

Act = Callable[["AtHome"], Awaitable[None]]
GOLDEN = Path(__file__).parents[1] / "data" / "golden-run-v1"


class AtHome(OnScreen):
    def __init__(self, app: DashboardApp, pilot: Pilot[None], runs_dir: Path) -> None:
        super().__init__(app, pilot)
        self.runs_dir = runs_dir

    @property
    def screen(self) -> HomeScreen:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, HomeScreen))

    @property
    def runs(self) -> RunList:
        return self.screen.query_one(RunList)

    @property
    def names(self) -> list[str]:
        return [row.summary.id for row in self.runs.listing.rows]

    async def at(self, kind: type) -> None:
        for _ in range(100):
            if isinstance(self.app.screen, kind):
                return
            await self.pilot.pause()
        raise AssertionError(f"not at {kind.__name__} but at {self.app.screen}")


def at_home(runs_dir: Path, act: Act, size: tuple[int, int] = (120, 40), now: float = WALL + 60.0) -> None:
    async def body() -> None:
        app = DashboardApp(
            NoRun(RunFolder(runs_dir)),
            "",
            settings_file(),
            clock=lambda: now,
            first=lambda app: home_screen(app, runs_dir, clock=lambda: now),
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            seen = AtHome(app, pilot, runs_dir)
            while seen.screen.index.unread:
                await pilot.pause()
            await seen.settle()
            await act(seen)

    asyncio.run(body())


@pytest.fixture
def some(tmp_path: Path) -> Path:
    """Two ended runs and a live one."""
    runs_dir = tmp_path / "runs"
    ended(runs_dir, run_id="alpha")
    Canned(runs_dir, run_id="beta").start().epochs(3).end("stopped", "asked to")
    live(runs_dir, run_id="gamma")
    return runs_dir


def test_live_runs_are_first_and_all_are_there(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        assert seen.names[0] == "gamma"
        assert sorted(seen.names[1:]) == ["alpha", "beta"]
        assert "3 runs · 1 live" in seen.text
        for text in ("finished", "stopped", "running", "c10-lenet", "10/10", "3/10", "NVIDIA H100"):
            assert text in seen.text

    at_home(some, act, (160, 40), now=WALL + 15.0)


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


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Trainers that were to be started."""
    calls: list[list[str]] = []

    class Idle:
        is_running, exit_code = True, None

        def last_words(self) -> str:
            return ""

    def start(arguments: list[str]) -> Idle:
        calls.append(arguments)
        return Idle()

    monkeypatch.setattr(home_actions, "start_trainer", start)
    return calls


def test_resuming_starts_a_trainer_and_watches_it(some: Path, started: list[list[str]]) -> None:
    async def act(seen: AtHome) -> None:
        seen.runs.put_on("beta")
        await seen.press("r")
        await seen.at(RunScreen)
        assert started == [["train", "--resume", str(some / "beta"), "--runs-dir", str(some), "--no-ui"]]
        await seen.press("d")
        seen.runs.put_on("alpha")
        await seen.press("r")
        assert "10 epochs" in seen.text
        assert "all?" in seen.text, "the whole question"
        await seen.press(*"12", "enter")
        await seen.at(RunScreen)
        assert started[1][1:5] == ["--resume", str(some / "alpha"), "--epochs", "12"]

    at_home(some, act)


@pytest.mark.usefixtures("started")
def test_a_dead_run_whose_trainer_is_starting_is_not_dead(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        seen.runs.put_on("gamma")
        assert "died" in seen.text
        await seen.press("r")
        await seen.at(RunScreen)
        await seen.see("step 430/1,000")
        assert "DIED" not in seen.text

    at_home(some, act, now=WALL + 3600.0)


@pytest.mark.parametrize("name", ["beta", "gamma"], ids=["a stopped run", "a run whose trainer was killed"])
def test_a_trainer_that_dies_at_once_says_why(name: str, some: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dead:
        is_running, exit_code = False, 8

        def last_words(self) -> str:
            return "the checkpoint is damaged"

    monkeypatch.setattr(home_actions, "start_trainer", lambda arguments: Dead())

    async def act(seen: AtHome) -> None:
        seen.runs.put_on(name)
        await seen.press("r")
        await seen.at(RunScreen)
        await seen.see("the checkpoint is damaged")
        await seen.press("q")
        await seen.at(HomeScreen)

    at_home(some, act, now=WALL + 3600.0)


def test_a_new_run_from_the_form(some: Path, started: list[list[str]]) -> None:
    async def act(seen: AtHome) -> None:
        await seen.press("n")
        await seen.at(NewRunDialog)
        assert "75.80% validation accuracy" in seen.text
        assert max(RECIPES, key=len) in seen.text, "on one line"
        assert "is not known" in seen.text
        await seen.press("tab", *"5")
        assert seen.app.screen.query_one("#epochs", Input).value == "5"
        await seen.press("tab", *"fast", "enter")
        await seen.see("expected float")
        await seen.press("backspace", "backspace", "backspace", "backspace", *"0.01", "enter")
        await seen.at(RunScreen)
        arguments = started[0]
        assert arguments[:3] == ["train", "--recipe", "c10-lenet"]
        assert "epochs=5" in arguments
        assert "optimizer.lr=0.01" in arguments

    at_home(some, act)


def test_only_settings_that_differ_from_the_recipe_are_handed_on() -> None:
    recipe = get_recipe("c10-lenet")
    values = {"epochs": str(recipe.config.epochs), "lr": "0.5", "seed": "0", "device": "auto", "batch_size": ""}
    assert assignments(recipe, values, "optimizer.weight_decay=1e-4") == [
        "optimizer.lr=0.5",
        "optimizer.weight_decay=1e-4",
    ]
    with pytest.raises(UsageError):
        assignments(recipe, values, "optimiser.lr=3")


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


def test_an_empty_folder_says_how_to_begin(tmp_path: Path) -> None:
    async def act(seen: AtHome) -> None:
        assert "press n to start one" in seen.text
        await seen.press("enter", "r", "d", "e", "c", "space", "down", "end")
        assert isinstance(seen.app.screen, HomeScreen)

    at_home(tmp_path / "none", act)


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


def test_the_golden_run_opens_everywhere(tmp_path: Path) -> None:
    """Written by schema version 1. It is never made anew: what it holds has to be read for good."""
    import hashlib

    assert hashlib.sha256((GOLDEN / "events.jsonl").read_bytes()).hexdigest() == (
        "4444fe9e99ba5f755ef0ae19cabc216ab594a8562ef3e5f0c27f444dbb1164bf"
    )
    for name in ("golden-run-v1", "other"):
        shutil.copytree(GOLDEN, tmp_path / name)

    async def act(seen: AtHome) -> None:
        assert "11.9" in seen.text
        await seen.press("enter")
        await seen.at(RunScreen)
        for pane, told in zip(
            "1234567", ("Accuracy", "circle", "Confusion", "cannot be read", "conv", "Load", "Log"), strict=True
        ):
            assert told in await seen.press(pane)
        await seen.press("left_curly_bracket", "left_curly_bracket")
        assert seen.app.scene.source.state.epoch == 1
        await seen.press("q")
        await seen.press("space", "space", "c")
        await seen.at(CompareScreen)
        for pane in "12345":
            await seen.press(pane)

    at_home(tmp_path, act)
