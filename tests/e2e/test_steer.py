"""A trainer at work, steered from a shell from its first steps to its end, and what is said where it is gone."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from core import events as ev
from core.checkpoint import load_checkpoint, resolve_checkpoint
from core.reader import EventReader, read_all
from core.state import RunState
from tests.e2e.cli import SHAPES, Live, cifar_tui, is_training, live
from tests.ui import canned

# Steps of some 10 ms and epochs of 1,250 steps: no epoch ends by itself while a test steers.
ENDLESS = [*SHAPES, "--batch-size", "8", "--epochs", "100", "--set", "checkpoint.every_epochs=0"]


def answer_to(name: str) -> Callable[[ev.Event], bool]:
    """The trainer's last word on a command of that name."""

    def wanted(event: ev.Event) -> bool:
        return isinstance(event, ev.CommandHandled) and event.name == name and event.status != "received"

    return wanted


class Steered:
    """What was said and what happened, command by command."""

    def __init__(self, trainer: Live, runs: Path) -> None:
        self.trainer, self.runs = trainer, runs
        self.said: dict[str, subprocess.CompletedProcess[str]] = {}
        self.answered: dict[str, ev.CommandHandled] = {}

    def control(self, *words: str) -> None:
        """Send a command as a shell does, and wait for its answer in the trainer's events."""
        name = " ".join(words)
        self.said[name] = cifar_tui("control", "live", *words, runs=self.runs)
        event = self.trainer.wait_for(answer_to(words[0]))
        assert isinstance(event, ev.CommandHandled)
        self.answered[name] = event

    def shown(self, run: str) -> str:
        """What is told of a run of the folder."""
        return cifar_tui("show", run, runs=self.runs).stdout


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steered]:
    """A run that has had every command, and ended."""
    runs = tmp_path_factory.mktemp("steered")
    with live(*ENDLESS, runs=runs) as trainer:
        scene = Steered(trainer, runs)
        trainer.wait_for(is_training)
        scene.control("pause")
        scene.said["show while paused"] = cifar_tui("show", "live", "--json", runs=runs)
        scene.control("checkpoint")
        scene.control("evaluate")
        scene.control("lr", "×0.5")
        scene.control("epochs", "7")
        # A second trainer must not touch a run that is being trained.
        scene.said["second trainer"] = cifar_tui(*ENDLESS, "--run-id", "live", "--resume", "auto", runs=runs)
        scene.control("unpause")
        trainer.wait_for(is_training)
        newer = canned.ended(runs, run_id="newer").folder
        newer.write_manifest(msgspec.structs.replace(newer.read_manifest(), created=time.time()))
        scene.said["unpause again"] = cifar_tui("control", "last", "unpause", runs=runs)  # of those in training
        scene.control("stop")
        trainer.rest()
        scene.said["after the end"] = cifar_tui("control", "live", "pause", runs=runs)
        yield scene


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("pause", r"done: paused after step \d+\n"),
        ("checkpoint", r"done: saved step-\d{8}\n"),
        ("evaluate", r"done: validation top-1 \d+\.\d\d%, loss \d+\.\d{4}\n"),
        ("lr ×0.5", r"done: learning rate ×0.5 from step \d+ on\n"),
        ("epochs 7", r"done: 7 epochs instead of 100\n"),
        ("unpause", r"done: training goes on\n"),
        ("stop", r"done: stopped, checkpoint step-\d{8}(-2)?\n"),
    ],
)
def test_a_command_is_answered(command: str, said: str, steered: Steered) -> None:
    done = steered.said[command]
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(said, done.stdout)
    answer = steered.answered[command]
    assert answer.status == "done"
    assert done.stdout == f"done: {answer.message}\n"
    assert "@" in answer.sender


def test_a_fork_says_what_the_learning_rate_was_scaled_by_before(steered: Steered) -> None:
    assert re.search(r"^steered    optimizer\.lr \S+ \(×0\.5 at step \d+\)$", steered.shown("live"), re.MULTILINE)
    done = cifar_tui("--no-ui", "--resume", "live", "--fork", "--run-id", "fork", "--max-steps", "1", runs=steered.runs)
    assert re.search(r"goes on from step (\d+) \(step-\d{8}(-2)?\), learning rate ×0\.5\n", done.stderr + done.stdout)
    assert re.search(r"^steered    optimizer\.lr \S+ \(×0\.5 before step \d+\)$", steered.shown("fork"), re.MULTILINE)


def test_each_command_is_received_before_it_is_done(steered: Steered) -> None:
    by_id: dict[str, list[str]] = {}
    for event in steered.trainer.seen:
        if isinstance(event, ev.CommandHandled):
            by_id.setdefault(event.command_id, []).append(event.status)
    assert len(by_id) == 8
    assert all(statuses[0] == "received" and len(statuses) == 2 for statuses in by_id.values())


def test_while_paused_no_step_is_taken(steered: Steered) -> None:
    seen = steered.trainer.seen
    start = next(index for index, event in enumerate(seen) if isinstance(event, ev.Paused))
    end = next(index for index, event in enumerate(seen) if isinstance(event, ev.Unpaused))
    paused, unpaused = seen[start], seen[end]
    assert isinstance(paused, ev.Paused)
    assert isinstance(unpaused, ev.Unpaused)
    assert not [event for event in seen[start:end] if isinstance(event, ev.Batches)]
    assert paused.step == unpaused.step
    before = [event for event in seen[:start] if isinstance(event, ev.Batches)][-1]
    assert before.first_step + len(before.loss) == paused.step, "all steps before it are told before it"


def test_a_pause_shows_from_outside_and_costs_no_speed(steered: Steered) -> None:
    shown = json.loads(steered.said["show while paused"].stdout)
    assert shown["state"] == "paused"
    state = RunState()
    for record in read_all(steered.trainer.folder.events_file):
        state.apply(record)
    (pause,) = state.pauses
    assert pause.end_seconds is not None
    assert state.training_seconds < state.seconds - (pause.end_seconds - pause.start_seconds)


def test_the_checkpoint_asked_for_is_there_and_kept(steered: Steered) -> None:
    name = steered.answered["checkpoint"].message.removeprefix("saved ")
    state, meta = load_checkpoint(steered.trainer.folder.checkpoints / name)
    assert meta.keep
    assert meta.step == steered.answered["checkpoint"].step == state["progress"]["step"]


def test_an_evaluation_within_an_epoch_is_told_and_its_predictions_kept(steered: Steered) -> None:
    (event,) = (event for event in steered.trainer.seen if isinstance(event, ev.Evaluated))
    assert event.step == steered.answered["evaluate"].step
    assert sum(map(sum, event.validation.confusion)) == 2000
    assert event.validation.predictions is not None
    assert (steered.trainer.folder.path / event.validation.predictions).is_file()


def test_a_new_rate_holds_from_the_next_step_on(steered: Steered) -> None:
    answer = steered.answered["lr ×0.5"]
    assert answer.plan is not None
    at = answer.plan.steps[0]
    assert at == answer.step
    chunks = [event for event in steered.trainer.seen if isinstance(event, ev.Batches)]
    before = next(chunk for chunk in reversed(chunks) if chunk.first_step < at)
    after = next(chunk for chunk in chunks if chunk.first_step >= at)
    assert after.first_step == at
    # One-cycle rises by far less than half from a step to the next.
    assert answer.plan.lr[0] == pytest.approx(0.5 * before.lr[-1], rel=0.01)
    last_word = steered.answered["epochs 7"].plan
    assert last_word is not None
    assert after.lr[0] == pytest.approx(last_word.lr[0], rel=1e-5)


def test_a_new_number_of_epochs_comes_with_its_plan(steered: Steered) -> None:
    answer = steered.answered["epochs 7"]
    assert (answer.num_epochs, answer.num_steps) == (7, 7 * 1250)
    assert answer.plan is not None
    assert answer.plan.steps[-1] == 7 * 1250 - 1


def test_stopping_saves_and_ends_with_0(steered: Steered) -> None:
    assert steered.trainer.exit_code() == 0
    ended = steered.trainer.seen[-1]
    assert isinstance(ended, ev.RunEnded)
    assert (ended.status, ended.exit_code) == ("stopped", 0)
    _, meta = load_checkpoint(resolve_checkpoint(steered.trainer.folder.checkpoints, "last"))
    assert (meta.step, meta.reason) == (ended.step, "stop")


def test_what_was_printed_is_what_was_recorded(steered: Steered) -> None:
    recorded = [record.event for record in EventReader(steered.trainer.folder.events_file).poll()]
    assert recorded == steered.trainer.seen


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("unpause again", 2, "refused: the training is not paused\n"),
        ("second trainer", 7, "run live is being trained by another process: watch it with `cifar-tui attach live`\n"),
        ("after the end", 6, "run live has ended (stopped): there is no trainer to take commands\n"),
    ],
)
def test_what_cannot_be_done_is_refused(name: str, code: int, message: str, steered: Steered) -> None:
    done = steered.said[name]
    assert done.returncode == code
    assert (done.stdout + done.stderr).endswith(message)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["show", "last", "--json"], 0, '"state": "died"'),
        (["show", "last"], 0, "died: its trainer is gone without a last word; `cifar-tui --resume dead` goes on"),
        (["control", "last", "pause"], 6, "run dead has died: its trainer is gone without a last word"),
    ],
    ids=["as JSON", "in words", "a command"],
)
def test_a_run_whose_trainer_was_killed_is_not_said_to_run(
    command: list[str], code: int, said: str, tmp_path: Path
) -> None:
    canned.live(tmp_path, run_id="dead")
    done = cifar_tui(*command, runs=tmp_path)
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True)


def test_a_run_without_a_word_has_died_too_and_no_command_is_left_for_it(tmp_path: Path) -> None:
    folder = canned.Canned(tmp_path, run_id="dumb").folder
    done = cifar_tui("control", "dumb", "pause", "--wait", "0", runs=tmp_path)
    assert (done.returncode, "run dumb has died" in done.stderr) == (6, True)
    assert not list(folder.control.iterdir())
    folder.manifest_file.write_text("{}")
    done = cifar_tui("show", "dumb", runs=tmp_path)
    assert (done.returncode, "run.json is not a run manifest" in done.stderr) == (6, True)
