"""A pause: what is obeyed meanwhile, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core import events as ev
from core.steering import LOOK_SECONDS
from tests.fake_trainer import Scene, answers, asked


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
