"""Open the dashboard on a run, and say how to come back when it is left."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from core.errors import ExitCode, StorageError
from core.headless import printable, summary_lines
from core.runfolder import RunFolder, command_line, name_taken, new_run_id, recipe_of
from core.runsummary import death, lock_is_held
from core.session import Request
from tui.spawn import Trainer, start_trainer

if TYPE_CHECKING:
    from tui.app import DashboardApp
    from tui.screens.scene_screen import SceneScreen
    from tui.source import LiveSource, Source

Color = Literal["auto", "always", "never"]


def has_terminal() -> bool:
    """Whether there is a terminal to draw on and to type at."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") != "dumb"


def wants_ascii() -> bool:
    """Whether the locale has nothing but ASCII, as LANG=C has, or the terminal no Braille, of which curves are made."""
    if os.environ.get("TERM") == "linux":  # a text console: its fonts have 512 characters at most
        return True
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    return locale in ("", "C", "POSIX") if not (sys.stdout.encoding or "").lower().startswith("utf") else locale == "C"


def start_and_watch(request: Request, *, ascii: bool, color: Color, ghost: str | None = None) -> ExitCode:
    """Start the trainer of a request in a session of its own, and watch it.

    Raises:
        RunInUseError: another trainer is at work on the run that is to go on.
        UsageError: a new run is to have the name of another.
    """
    # Said before anything is started: the viewer would show the other run, and not that this one was refused.
    if request.origin is not None and not request.fork:
        folder = request.origin.folder
        if lock_is_held(folder):
            raise folder.in_use()
    else:
        folder = RunFolder(request.runs_dir / (request.run_id or new_run_id(request.config.recipe)))
        if os.path.lexists(folder.path):
            raise name_taken(request.runs_dir, folder.id)
    # The trainer reads the same command line; only what must not differ is added to it.
    trainer = start_trainer([*sys.argv[1:], "--no-ui", "--run-id", folder.id])
    return watch(folder, trainer=trainer, recipe=request.config.recipe, ascii=ascii, color=color, ghost=ghost)


def watch(
    folder: RunFolder,
    *,
    trainer: Trainer | None = None,
    recipe: str | None = None,
    ascii: bool = False,
    color: Color = "auto",
    ghost: str | None = None,
) -> ExitCode:
    """Show a run until the viewer is left. The trainer goes on without it.

    Returns:
        The run's own exit code where it has ended under the eyes of its starter, otherwise DONE.
    """
    from tui.ghost import find_ghost
    from tui.source import LiveSource

    source = LiveSource(folder, trainer)
    named = recipe or recipe_of(folder)
    app = _dashboard(source, named, ascii=ascii, color=color)
    if ghost is not None:
        app.scene.view = replace(app.scene.view, ghost=find_ghost(folder.path.parent, ghost))
    _show(app)
    _catch_up(source)
    if source.problem:
        typer.echo(f"cifar-tui: {source.problem}", err=True)
        return _exit_code(trainer) if trainer is not None else ExitCode.BUG
    state = source.state
    if state.attempt_ended is not None:
        for line in summary_lines(state, folder.path):
            typer.echo(line)
        return ExitCode(state.attempt_ended.exit_code) if trainer is not None else ExitCode.DONE
    if source.has_died:
        typer.echo(f"cifar-tui: run {folder.id} has died: {death(folder)}", err=True)
        return _exit_code(trainer) if trainer is not None else ExitCode.DONE
    come_back = command_line(f"attach {folder.id}", folder.path.parent)
    typer.echo(f"detached: the training goes on. Come back with `{come_back}`")
    return ExitCode.DONE


def _dashboard(
    source: Source,
    recipe: str,
    *,
    ascii: bool,
    color: Color,
    first: Callable[[DashboardApp], SceneScreen] | None = None,
) -> DashboardApp:
    """The app; `first` makes the screen to begin with, where that is not the run."""
    if color == "never":
        os.environ["NO_COLOR"] = "1"
    # Imported here: Textual takes a quarter of a second, and the trainer's start does not wait for it.
    from tui.app import DashboardApp
    from tui.settings import settings_file

    return DashboardApp(source, recipe, settings_file(), ascii=ascii or wants_ascii(), first=first)


def _show(app: DashboardApp) -> None:
    app.run()
    app.keep_settings()


def _catch_up(source: LiveSource) -> None:
    """What came while the picture was frozen counts for the last word."""
    source.frozen = False
    with contextlib.suppress(StorageError):  # the source's problem says why
        source.advance()
    source.look_for_trainer(time.time())


def _exit_code(trainer: Trainer) -> ExitCode:
    """That of a trainer which could not record how its run ended."""
    code = trainer.exit_code
    if code is not None and code < 0:
        return ExitCode.TERMINATED
    return ExitCode(code) if code in set(ExitCode) and code else ExitCode.BUG


def replay(
    folder: RunFolder,
    *,
    at: str | None = None,
    speed: str | None = None,
    ascii: bool = False,
    color: Color = "auto",
) -> ExitCode:
    """Show a recorded run in the dashboard: from its start, playing, or held `at` a place.

    Raises:
        UsageError: there is no such place or speed.
        StorageError: the log cannot be read, or was written by a newer version.
    """
    from tui.replay import ReplaySource, parse_speed

    source = ReplaySource(folder)
    source.speed = parse_speed(speed) if speed else source.speed
    source.read_all()
    source.seek(source.place_of(at) if at else 0)
    source.playing = at is None or speed is not None
    _show(_dashboard(source, recipe_of(folder), ascii=ascii, color=color))
    return ExitCode.DONE


def home(runs_dir: Path, *, ascii: bool = False, color: Color = "auto") -> ExitCode:
    """Show all runs."""
    from tui.screens.home import HomeScreen
    from tui.source import LiveSource

    nothing = LiveSource(RunFolder(runs_dir))  # without a log it is a run of which nothing has come yet
    _show(_dashboard(nothing, "", ascii=ascii, color=color, first=lambda app: HomeScreen(app, runs_dir)))
    return ExitCode.DONE


def compare(folders: list[RunFolder], *, ascii: bool = False, color: Color = "auto") -> ExitCode:
    """Show runs side by side; without a terminal print what came out and what was set differently.

    Raises:
        StorageError: fewer than two of them can be read.
    """
    from tui.compare.board import Board, compared
    from tui.compare.drawings import comparison_lines
    from tui.screens.compare import CompareScreen, load_runs

    runs, problems = load_runs(folders)
    for problem in problems:
        typer.echo(f"cifar-tui: {problem}", err=True)
    if len(runs) < 2:
        raise StorageError("nothing to compare: fewer than two of the runs can be read")
    if not has_terminal():
        for line in comparison_lines(Board(compared(runs))):
            typer.echo(printable(line))
        return ExitCode.DONE
    _show(_dashboard(runs[0], "", ascii=ascii, color=color, first=lambda app: CompareScreen(app.scene, runs)))
    return ExitCode.DONE
