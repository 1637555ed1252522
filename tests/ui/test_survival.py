"""In a real terminal: whatever befalls the viewer, the training goes on, and the terminal is left in order."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import control
from tests.ui.terminal import DEADLINE_SECONDS, Terminal, last_step, trainer_of

_DEMO = ["demo", "--epochs", "500", "--runs-dir", "runs", "--set", "threads=1", "--run-id", "survivor"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a run that was started in a terminal whose viewer was then killed with signal 9."""
    home = tmp_path_factory.mktemp("home")
    run = home / "runs" / "survivor"
    with Terminal(_DEMO, home) as terminal:
        terminal.wait_for("STARTING")  # long before PyTorch is loaded
        terminal.wait_for("TRAINING")
        terminal.wait_for("loss ")
        os.kill(terminal.process.pid, signal.SIGKILL)
        assert terminal.exit_code() == -signal.SIGKILL
    yield home
    trainer = trainer_of(run)
    control.send(run / "control", control.parse_command(["stop", "discard"]))
    trainer.wait(DEADLINE_SECONDS)


def _attach(home: Path, *options: str, **env: str | None) -> Terminal:
    terminal = Terminal(["attach", "survivor", "--runs-dir", "runs", *options], home, env=env)
    terminal.wait_for("TRAINING")
    return terminal


def _goes_on(home: Path) -> bool:
    """Whether the trainer lives and does further steps."""
    run = home / "runs" / "survivor"
    before = last_step(run)
    with _attach(home) as terminal:
        terminal.wait_for(lambda: last_step(run) > before)
    return trainer_of(run).is_running()


def test_training_outlives_a_viewer_killed_with_signal_9(home: Path) -> None:
    assert _goes_on(home)


def test_trainer_has_no_terminal_and_a_session_of_its_own(home: Path) -> None:
    trainer = trainer_of(home / "runs" / "survivor")
    assert trainer.terminal() is None
    assert os.getsid(trainer.pid) == trainer.pid


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=["SIGHUP", "SIGTERM"])
def test_signalled_viewer_restores_the_terminal_and_training_goes_on(home: Path, number: signal.Signals) -> None:
    with _attach(home) as terminal:
        assert terminal.attributes() != terminal.before
        os.kill(terminal.process.pid, number)
        terminal.wait_for(lambda: terminal.process.poll() is not None)
        terminal.drain(0.1)
        assert terminal.attributes() == terminal.before
        assert b"\x1b[?1049l" in terminal.raw  # back from the alternate screen
        assert b"\x1b[?1000l" in terminal.raw  # the mouse is the terminal's again
    assert _goes_on(home)


def test_closed_terminal_ends_the_viewer_and_training_goes_on(home: Path) -> None:
    with _attach(home) as terminal:
        terminal.hang_up()
        terminal.process.wait(DEADLINE_SECONDS)
    assert _goes_on(home)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (_DEMO, 2, "a run named survivor exists already"),
        (["--resume", "survivor", "--epochs", "600", "--runs-dir", "runs"], 7, "is being trained by another process"),
    ],
    ids=["a new run of its name", "going on with it"],
)
def test_the_run_of_another_trainer_is_not_shown_as_if_it_were_the_one_asked_for(
    arguments: list[str], code: int, said: str, home: Path
) -> None:
    with Terminal(arguments, home) as terminal:
        terminal.wait_for(said)
        assert terminal.exit_code() == code


def test_detaching_restores_the_terminal_and_says_how_to_come_back(home: Path) -> None:
    with _attach(home, CIFAR_TUI_RUNS_DIR="elsewhere") as terminal:
        terminal.press("d")
        terminal.wait_for("cifar-tui attach survivor --runs-dir /")
        assert terminal.exit_code() == 0
        assert terminal.attributes() == terminal.before
    assert _goes_on(home)


def test_two_terminals_watch_and_steer_the_same_run(home: Path) -> None:
    with _attach(home) as one, _attach(home) as two:
        one.press(" ")
        one.wait_for("PAUSED")
        two.wait_for("PAUSED")
        two.press(" ")
        two.wait_for("TRAINING")
        one.wait_for("TRAINING")


def test_no_color_sends_no_colours(home: Path) -> None:
    with _attach(home, NO_COLOR="1") as terminal:
        terminal.press("?")
        terminal.wait_for("Steer the training")
        terminal.press("\x1b")
        terminal.wait_for(lambda: "Steer the training" not in terminal.text)
        for pane, sign in (("2", "taken for"), ("3", "Commonest")):
            terminal.press(pane)
            terminal.wait_for(sign)
        assert not re.search(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|4[0-7]|[34]8|9[0-7]|10[0-7])(?:;[0-9;]*)?m", terminal.raw)


def test_sixteen_colours_send_no_others(home: Path) -> None:
    with _attach(home, TERM="xterm-16color", COLORTERM=None) as terminal:
        terminal.drain(0.5)
        assert not re.search(rb"[34]8;[25];", terminal.raw)


@pytest.mark.parametrize(
    "environment",
    [
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TERM": "linux", "COLORTERM": None},
    ],
    ids=["locale C", "text console"],
)
def test_where_there_are_no_other_characters_nothing_but_ascii_is_sent(
    home: Path, environment: dict[str, str | None]
) -> None:
    with _attach(home, **environment) as terminal:
        terminal.drain(0.5)
        assert terminal.raw.isascii()


def test_error_before_the_run_exists_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with Terminal(["-r", "shapes-small", "--runs-dir", "file/runs"], tmp_path) as terminal:
        terminal.wait_for("The run did not start.")
        # Where the sentence is broken into lines depends on how long the path in it is.
        terminal.wait_for(lambda: "writable folder with --runs-dir" in " ".join(terminal.text.split()))
        terminal.press("q")
        assert terminal.exit_code() == 6


def test_settings_of_no_use_on_this_machine_are_told_and_leave_no_run(tmp_path: Path) -> None:
    with Terminal(["-r", "shapes-small", "--device", "cuda:99", "--runs-dir", "runs"], tmp_path) as terminal:
        terminal.wait_for('The run did not start. device "cuda:99" is not there')
        terminal.press("q")
        assert terminal.exit_code() == 2
    assert list((tmp_path / "runs").iterdir()) == []


def test_ctrl_z_without_a_shell_stops_nothing(tmp_path: Path) -> None:
    with Terminal(["--runs-dir", "runs"], tmp_path) as terminal:  # as `ssh -t HOST cifar-tui` starts it
        terminal.wait_for("No runs")
        terminal.press("\x1a")
        terminal.wait_for("There is no shell to go to", 10)
        terminal.press("q")
        assert terminal.exit_code() == 0


def test_wrong_flag_is_told_before_the_screen_opens(tmp_path: Path) -> None:
    with Terminal(["-r", "shapes-smal"], tmp_path) as terminal:
        terminal.wait_for('Did you mean "shapes-small"?')
        assert terminal.exit_code() == 2
        assert b"\x1b[?1049h" not in terminal.raw


def test_a_killed_trainer_is_told_of_at_once_and_at_the_end(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "killed"
    with Terminal([*_DEMO[:-1], "killed"], tmp_path) as terminal:
        terminal.wait_for("TRAINING")
        terminal.wait_for(lambda: last_step(run) > 0)
        trainer_of(run).kill()
        terminal.wait_for("† DIED")
        terminal.press("d")
        assert terminal.exit_code() == 143
        terminal.wait_for("killed has died: its trainer is gone without a last word")
