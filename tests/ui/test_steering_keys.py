"""Keys that steer a training, leave it or hold the view, and what they do once it is over."""

from __future__ import annotations

import os
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest
from textual.app import App
from textual.widgets import Input, OptionList

from core import events as ev
from tests.ui.canned import Canned, ended, live
from tests.ui.watching import Watching, watch
from tui.widgets.small import LogTail


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

    watch(live(tmp_path), act)


def test_refusal_is_shown(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("c")
        [(identifier, _)] = watched.commands()
        watched.run.command("checkpoint", status="refused", message="the disk is full", identifier=identifier)
        assert "the disk is full" in await watched.catch_up()

    watch(live(tmp_path), act)


def test_space_goes_on_where_the_run_is_paused(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        watched.run.emit(ev.Paused(step=watched.run.step))
        text = await watched.catch_up()
        assert "‖ PAUSED" in text
        assert "space Continue" in text
        await watched.press("space")
        assert [command.name for _, command in watched.commands()] == ["unpause"]

    watch(live(tmp_path), act)


@pytest.mark.parametrize("keys", [("s", "escape"), ("s", "enter"), ("l", "escape"), ("n", "escape"), ("q", "escape")])
def test_dialogs_can_be_left_without_consequence(tmp_path: Path, keys: tuple[str, str]) -> None:
    async def act(watched: Watching) -> None:
        await watched.press(*keys)
        assert watched.commands() == []
        assert watched.app.screen is watched.screen
        assert watched.app.is_running

    watch(live(tmp_path), act)


def test_lr_dialog_previews_and_refuses_nonsense(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "new plan" in await watched.press("l")
        watched.app.screen.query_one(Input).value = "minus one"
        await watched.settle()
        assert "lr takes a positive factor" in await watched.press("enter")
        assert watched.commands() == []

    watch(live(tmp_path), act)


def test_epochs_dialog_refuses_fewer_than_are_done(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        assert "4 epochs are done already" in await watched.press("n", "3", "enter")
        assert watched.commands() == []

    watch(live(tmp_path), act)


def test_no_steering_of_a_run_that_has_ended(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        text = await watched.press(*"cesln", "space")
        assert watched.commands() == []
        assert not watched.app.screen.query(OptionList)
        assert "Checkpoint" not in text

    watch(ended(tmp_path), act)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["small", "usual"])
def test_the_summary_of_a_stopped_run_has_the_whole_command_that_goes_on(tmp_path: Path, size: tuple[int, int]) -> None:
    async def act(watched: Watching) -> None:
        pane = watched.screen.query_one(LogTail)
        lines = [strip.text.strip("│ ") for strip in pane.draw(pane.size.width, pane.size.height)]
        # It is broken at spaces, and within long words.
        command = f"cifar-tui --resume {watched.run.folder.id} --runs-dir {tmp_path}"
        assert command.replace(" ", "") in "".join(lines).replace(" ", "")

    watch(live(tmp_path).end("stopped", "stopped, step-00000430"), act, size)


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

    watch(Canned(tmp_path).start().epochs(3).end("diverged", reason), act)


@pytest.mark.parametrize("keys", [("d",), ("q", "enter"), ("ctrl+c", "ctrl+c")], ids=" ".join)
def test_leaving_ends_the_viewer_and_sends_nothing(tmp_path: Path, keys: tuple[str, ...]) -> None:
    async def act(watched: Watching) -> None:
        for key in keys:
            await watched.pilot.press(key)
        await watched.pilot.pause()
        assert not watched.app.is_running or watched.app._exit
        assert watched.commands() == []

    watch(live(tmp_path), act)


def test_one_ctrl_c_does_not_leave(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("ctrl+c")
        await watched.see("Ctrl-C again detaches")
        assert not watched.app._exit

    watch(live(tmp_path), act)


def test_ctrl_z_gives_the_shell_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "killpg", lambda *signalled: sent.append(signalled))  # and do not stop the tests
    monkeypatch.setattr(App, "suspend", nullcontext)
    monkeypatch.setattr(os, "getsid", lambda _: os.getpgrp() + 1)  # as a shell with job control has it

    async def act(watched: Watching) -> None:
        await watched.press("ctrl+z")
        assert sent == [(os.getpgrp(), signal.SIGTSTP)]
        await watched.press("question_mark", "ctrl+z")
        assert len(sent) == 2, "over the help"
        await watched.press("escape", "l", "ctrl+z")
        assert len(sent) == 3, "while something is typed"

    watch(live(tmp_path), act)


@pytest.mark.parametrize("could_ask", [True, False])
def test_stop_from_the_leave_dialog_leaves_when_the_run_has_ended(tmp_path: Path, could_ask: bool) -> None:
    async def act(watched: Watching) -> None:
        if not could_ask:
            watched.run.folder.control.rmdir()
        await watched.press("q", "down", "enter")
        assert not watched.app._exit
        watched.run.end("stopped", "stopped, step-00000430")
        watched.screen.tick()
        assert watched.app._exit is could_ask

    watch(live(tmp_path), act)


def test_frozen_view_stands_still_and_catches_up(tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        before = await watched.press("f")
        assert "VIEW FROZEN" in before
        watched.run.train(70).end_epoch()
        assert await watched.catch_up() == before
        after = await watched.press("f")
        assert "VIEW FROZEN" not in after
        assert "epoch 6/10" in after

    watch(live(tmp_path), act)


@pytest.mark.parametrize("key", ["f", "("], ids=["frozen", "rewound"])
def test_answers_arrive_while_the_picture_is_older(key: str, tmp_path: Path) -> None:
    async def act(watched: Watching) -> None:
        await watched.press("c", key)
        [(identifier, _)] = watched.commands()
        watched.run.command("checkpoint", message="saved step-00000430", identifier=identifier)
        await watched.catch_up()
        await watched.see("saved step-00000430")
        assert not watched.screen.steering.pending

    watch(live(tmp_path), act)


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

    watch(run, act, (200, 60))


def test_a_run_that_died_without_a_word_is_told_of(tmp_path: Path) -> None:
    run = Canned(tmp_path)

    async def act(watched: Watching) -> None:
        assert "is being set up" in watched.text
        run.mono += 21
        screen = await watched.catch_up()
        assert "† DIED" in screen
        assert "was not set up" in screen
        assert "cifar-tui --resume " in screen

    watch(run, act)


@pytest.mark.parametrize("key", ["space", "c", "e", "l", "n", "s"])
def test_a_run_that_is_over_says_why_it_cannot_be_steered(tmp_path: Path, key: str) -> None:
    async def act(watched: Watching) -> None:
        await watched.press(key)
        await watched.see("There is no trainer any more.")
        assert not watched.commands()

    watch(ended(tmp_path), act)


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

    watch(run, act)
