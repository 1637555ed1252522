"""What a trainer does and says when commands and signals arrive, with a trainer that only notes what it is asked."""

from __future__ import annotations

from typing import Any

import pytest

from core import control
from core import events as ev
from core.control import Command, send
from core.errors import ExitCode
from core.steering import LOOK_SECONDS
from tests.fake_trainer import Scene, answers, asked

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
    ("words", "asks", "checkpoint"),
    [
        (["stop"], ["halt", "save for stop", "proceed", "halt"], ", checkpoint step-00000005"),
        (["stop", "discard"], ["halt"], " without a checkpoint"),
    ],
    ids=["with a checkpoint", "without one"],
)
def test_stop(words: list[str], asks: list[str], checkpoint: str, scene: Scene) -> None:
    scene.send(*words)
    told = scene.look()
    assert answers(told) == [("stop", "received", ""), ("stop", "done", f"stopped{checkpoint}")]
    assert asked(told) == asks
    assert scene.trainer.ending == ("stopped", f"by command{checkpoint}", ExitCode.DONE)


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
