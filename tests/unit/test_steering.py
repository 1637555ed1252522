"""What a trainer does and says when commands and signals arrive, with a trainer that only notes what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import control, steering
from core import events as ev
from core.control import Command, parse_command, send
from core.errors import ExitCode, UsageError
from core.runfolder import RunFolder
from core.signals import Signals
from core.steering import LOOK_SECONDS, Steering
from tests.strategies import evaluation


class Clock:
    """Stands in for the module `time`; whatever waits in `meanwhile` happens during a sleep, one thing a time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.meanwhile: list[Callable[[], object]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.meanwhile:
            self.meanwhile.pop(0)()
        elif self.now > 10_000:
            raise AssertionError("nothing will ever end this pause")


class FakeTrainer:
    """Notes what steering asks of it."""

    def __init__(self, told: list[Any]) -> None:
        self.told = told
        self.step, self.num_steps, self.num_epochs = 5, 12, 3
        self.ending: tuple[str, str, ExitCode] | None = None
        self.disk_is_full = False
        self.scale = 1.0
        self.running = True

    @property
    def is_over(self) -> bool:
        return self.ending is not None

    def plan(self) -> ev.LrPlan:
        return ev.LrPlan(steps=[self.step, self.num_steps - 1], lr=[self.scale, 0.0])

    def halt(self) -> None:
        self.running = False
        self.told.append("halt")

    def proceed(self) -> None:
        self.running = True
        self.told.append("proceed")

    def save(self, reason: str, *, keep: bool) -> str | None:
        assert not self.running, "the clock stands while a checkpoint is written"
        self.told.append(f"save for {reason}{', kept' if keep else ''}")
        return None if self.disk_is_full else f"step-{self.step:08d}"

    def evaluate_now(self) -> ev.Evaluation:
        assert not self.running
        self.told.append("evaluate")
        return evaluation(0.5)

    def scale_lr(self, factor: float) -> None:
        self.scale *= factor

    def change_epochs(self, epochs: int) -> None:
        if epochs < 2:
            raise UsageError("1 epoch is done already")
        self.num_epochs, self.num_steps = epochs, 4 * epochs

    def finish(self, status: str, reason: str, exit_code: ExitCode) -> None:
        self.ending = (status, reason, exit_code)


class Scene:
    """A trainer between two steps, its control folder, its signals, and all that was told in order."""

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)
        self.folder.control.mkdir(parents=True)
        self.told: list[Any] = []
        """What the trainer was asked, as text, and what was emitted, as events."""
        self.trainer = FakeTrainer(self.told)
        self.signals = Signals()
        self.clock = Clock()
        self.steering = Steering(self.trainer, self.folder, self.told.append, self.signals)

    def send(self, *words: str) -> str:
        return send(self.folder.control, parse_command(list(words)))

    def look(self) -> list[Any]:
        """Let some time pass, look, and return what was told meanwhile."""
        self.told.clear()
        self.clock.now += LOOK_SECONDS
        self.steering.look()
        return list(self.told)

    def signal(self, request: Any, name: str) -> None:
        self.signals.request, self.signals.name = request, name


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    scene = Scene(tmp_path / "run")
    monkeypatch.setattr(steering, "time", scene.clock)
    return scene


def answers(told: list[Any]) -> list[tuple[str, str, str]]:
    return [(event.name, event.status, event.message) for event in told if isinstance(event, ev.CommandHandled)]


def asked(told: list[Any]) -> list[str]:
    return [entry for entry in told if isinstance(entry, str)]


# -- each command -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message", "asks"),
    [
        (["checkpoint"], "saved step-00000005", ["halt", "save for command, kept", "proceed"]),
        (["evaluate"], "validation top-1 50.00%, loss 1.2500", ["halt", "evaluate", "proceed"]),
        (["lr", "×0.5"], "learning rate ×0.5 from step 5 on", []),
        (["epochs", "7"], "7 epochs instead of 3", []),
    ],
    ids=["checkpoint", "evaluate", "lr", "epochs"],
)
def test_a_command_is_received_and_done(words: list[str], message: str, asks: list[str], scene: Scene) -> None:
    identifier = scene.send(*words)
    told = scene.look()
    assert answers(told) == [(words[0], "received", ""), (words[0], "done", message)]
    assert asked(told) == asks
    assert {event.command_id for event in told if isinstance(event, ev.CommandHandled)} == {identifier}
    assert scene.trainer.ending is None
    assert scene.trainer.running


def test_an_answer_repeats_the_command_and_says_at_which_step(scene: Scene) -> None:
    command = Command(name="lr", argument="2", sender="ada@gpu7")
    send(scene.folder.control, command)
    for event in scene.look():
        assert (event.name, event.argument, event.sender, event.step) == ("lr", "2", "ada@gpu7", 5)


def test_a_new_rate_comes_with_its_new_plan(scene: Scene) -> None:
    scene.send("lr", "0.5")
    received, done = scene.look()
    assert scene.trainer.scale == 0.5
    assert received.plan is None
    assert done.plan == ev.LrPlan(steps=[5, 11], lr=[0.5, 0.0])


def test_a_new_number_of_epochs_comes_with_its_new_plan(scene: Scene) -> None:
    scene.send("epochs", "7")
    *_, done = scene.look()
    assert (done.num_epochs, done.num_steps) == (7, 28)
    assert done.plan == ev.LrPlan(steps=[5, 27], lr=[1.0, 0.0])


@pytest.mark.parametrize("words", [["checkpoint"], ["evaluate"], ["epochs", "3"]], ids=" ".join)
def test_what_changes_no_plan_brings_none(words: list[str], scene: Scene) -> None:
    scene.send(*words)
    *_, done = [event for event in scene.look() if isinstance(event, ev.CommandHandled)]
    assert (done.status, done.plan, done.num_epochs, done.num_steps) == ("done", None, None, None)


@pytest.mark.parametrize(
    ("words", "asks", "message"),
    [
        (["stop"], ["halt", "save for stop", "proceed", "halt"], "stopped, step-00000005"),
        (["stop", "discard"], ["halt"], "stopped without a checkpoint"),
    ],
    ids=["with a checkpoint", "without one"],
)
def test_stop(words: list[str], asks: list[str], message: str, scene: Scene) -> None:
    scene.send(*words)
    told = scene.look()
    assert answers(told) == [("stop", "received", ""), ("stop", "done", message)]
    assert asked(told) == asks
    assert scene.trainer.ending == ("stopped", message, ExitCode.DONE)


def test_several_commands_are_obeyed_in_order(scene: Scene) -> None:
    for words in (["lr", "0.5"], ["epochs", "7"], ["lr", "4"]):
        scene.send(*words)
    assert answers(scene.look())[1::2] == [
        ("lr", "done", "learning rate ×0.5 from step 5 on"),
        ("epochs", "done", "7 epochs instead of 3"),
        ("lr", "done", "learning rate ×4 from step 5 on"),
    ]
    assert scene.trainer.scale == 2.0


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (Command(name="unpause"), "the training is not paused"),
        (Command(name="lr", argument="0"), 'lr takes a positive factor, as in `lr ×0.5`, but got "0"'),
        (Command(name="epochs", argument="1"), "1 epoch is done already"),
        (
            Command(name="epochs", argument="many"),
            'epochs takes a positive whole number, as in `epochs 40`, but got "many"',
        ),
    ],
    ids=lambda value: f"{value.name} {value.argument}" if isinstance(value, Command) else "",
)
def test_what_cannot_be_done_is_refused_with_the_reason(command: Command, message: str, scene: Scene) -> None:
    send(scene.folder.control, command)
    told = scene.look()
    assert answers(told) == [(command.name, "received", ""), (command.name, "refused", message)]
    assert told[-1].plan is None
    assert (scene.trainer.num_epochs, scene.trainer.scale, scene.trainer.ending) == (3, 1.0, None)


@pytest.mark.parametrize("words", [["checkpoint"], ["stop"]], ids=" ".join)
def test_where_no_checkpoint_can_be_written_training_goes_on(words: list[str], scene: Scene) -> None:
    scene.trainer.disk_is_full = True
    scene.send(*words)
    name, status, message = answers(scene.look())[1]
    assert (name, status) == (words[0], "refused")
    assert message.startswith("the checkpoint could not be written: see the log")
    assert scene.trainer.ending is None
    assert scene.trainer.running


def test_what_is_no_command_is_refused(scene: Scene) -> None:
    (scene.folder.control / "1.json").write_bytes(b"{}")
    (event,) = scene.look()
    assert (event.command_id, event.name, event.status) == ("1", "unknown", "refused")
    assert event.message.startswith("not a command: ")
    assert scene.look() == []


# -- pausing ----------------------------------------------------------------------------------------------------------


def test_a_pause_waits_until_it_is_ended(scene: Scene) -> None:
    scene.send("pause")
    scene.clock.meanwhile = [lambda: None] * 9 + [lambda: scene.send("unpause")]
    told = scene.look()
    assert [event for event in told if not isinstance(event, ev.CommandHandled)] == [
        "halt",
        ev.Paused(step=5),
        ev.Unpaused(step=5, seconds=round(10 * LOOK_SECONDS, 3)),
        "proceed",
    ]
    assert answers(told) == [
        ("pause", "received", ""),
        ("pause", "done", "paused after step 5"),
        ("unpause", "received", ""),
        ("unpause", "done", "training goes on"),
    ]
    assert scene.look() == []


def test_commands_are_obeyed_during_a_pause_and_do_not_end_it(scene: Scene) -> None:
    scene.send("pause")
    scene.clock.meanwhile = [
        lambda: scene.send("checkpoint"),
        lambda: scene.send("evaluate"),
        lambda: scene.send("pause"),
        lambda: scene.send("lr", "2"),
        lambda: scene.send("unpause"),
    ]
    told = scene.look()
    assert [(name, status) for name, status, _ in answers(told)][2:] == [
        ("checkpoint", "received"), ("checkpoint", "done"), ("evaluate", "received"), ("evaluate", "done"),
        ("pause", "received"), ("pause", "refused"), ("lr", "received"), ("lr", "done"),
        ("unpause", "received"), ("unpause", "done"),
    ]  # fmt: skip
    assert ("pause", "refused", "the training is paused already") in answers(told)
    assert asked(told).count("proceed") == 1, "the training clock stands until the pause is over"
    assert told.index("proceed") > told.index("evaluate")


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda scene: scene.send("stop"), "stopped"),
        (lambda scene: scene.send("stop", "discard"), "stopped"),
        (lambda scene: scene.signal("interrupt", "SIGINT"), "stopped"),
        (lambda scene: scene.signal("preempt", "SIGTERM"), "preempted"),
    ],
    ids=["stop", "stop discard", "SIGINT", "SIGTERM"],
)
def test_a_pause_can_be_ended_by(end: Callable[[Scene], Any], status: str, scene: Scene) -> None:
    scene.send("pause")
    scene.clock.meanwhile = [lambda: end(scene)]
    told = scene.look()
    assert scene.trainer.ending is not None
    assert scene.trainer.ending[0] == status
    assert [type(event) for event in told if isinstance(event, ev.Paused | ev.Unpaused)] == [ev.Paused, ev.Unpaused]


def test_a_pause_that_is_taken_back_at_once_is_none(scene: Scene) -> None:
    scene.send("pause")
    scene.send("unpause")
    told = scene.look()
    assert [status for _, status, _ in answers(told)] == ["received", "done", "received", "done"]
    assert asked(told) == []


def test_a_run_that_is_stopped_at_once_is_not_paused_as_well(scene: Scene) -> None:
    scene.send("pause")
    scene.send("stop")
    assert not any(isinstance(event, ev.Paused) for event in scene.look())


# -- signals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "name", "ending"),
    [
        ("interrupt", "SIGINT", ("stopped", "SIGINT, checkpoint step-00000005", ExitCode.DONE)),
        ("preempt", "SIGTERM", ("preempted", "SIGTERM, checkpoint step-00000005", ExitCode.PREEMPTED)),
        ("preempt", "SIGUSR1", ("preempted", "SIGUSR1, checkpoint step-00000005", ExitCode.PREEMPTED)),
    ],
    ids=["SIGINT", "SIGTERM", "SIGUSR1"],
)
def test_a_signal_saves_and_ends(request_: Any, name: str, ending: tuple[Any, ...], scene: Scene) -> None:
    scene.signal(request_, name)
    assert scene.look() == ["halt", "save for signal"]
    assert scene.trainer.ending == ending


def test_a_signal_goes_before_commands(scene: Scene) -> None:
    scene.send("stop", "discard")
    scene.signal("preempt", "SIGTERM")
    assert scene.look() == ["halt", "save for signal"]
    assert scene.trainer.ending is not None
    assert scene.trainer.ending[0] == "preempted"


def test_a_signal_ends_it_also_where_no_checkpoint_can_be_written(scene: Scene) -> None:
    scene.trainer.disk_is_full = True
    scene.signal("preempt", "SIGTERM")
    scene.look()
    assert scene.trainer.ending == ("preempted", "SIGTERM, without a checkpoint", ExitCode.PREEMPTED)


def test_a_signal_does_not_wait_for_the_next_look(scene: Scene) -> None:
    scene.look()
    scene.signal("interrupt", "SIGINT")
    scene.steering.look()
    assert scene.trainer.ending is not None


# -- how often --------------------------------------------------------------------------------------------------------


def test_between_looks_the_folder_is_left_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    take = control.take
    monkeypatch.setattr(control, "take", lambda folder: looks.append(folder) or take(folder))
    for _ in range(1000):  # steps of half a millisecond
        scene.clock.now += LOOK_SECONDS / 100
        scene.steering.look()
    assert 9 <= len(looks) <= 11
