"""What was asked for, and what steering has made of it."""

from __future__ import annotations

from typing import Any

import pytest

from core import events as ev
from core.state import RunState
from core.steered import steered
from tests.strategies import run_started

CONFIG = {"seed": 1, "epochs": 30, "max_steps": None, "optimizer": {"type": "adam", "lr": 0.001}}


def command(name: str, argument: str, step: int, **changes: Any) -> ev.CommandHandled:
    plan = ev.LrPlan(steps=[step, 99], lr=[0.1, 0.0])
    words: dict[str, Any] = {"command_id": f"{step}", "name": name, "argument": argument, "status": "done"}
    return ev.CommandHandled(**words | {"step": step, "plan": plan, "num_epochs": 30, "num_steps": 99} | changes)


def state_after(*events: ev.Event, num_epochs: int = 30) -> RunState:
    state = RunState()
    for number, event in enumerate([run_started(num_epochs=num_epochs), *events]):
        state.apply(ev.Record(seq=number, wall=1e9, mono=0.0, attempt=1, event=event))
    return state


@pytest.mark.parametrize(
    ("events", "changed"),
    [
        ([], {}),
        ([command("lr", "2.0", 415)], {"optimizer": {"type": "adam", "lr": "0.001 (×2 at step 415)"}}),
        (
            [command("lr", "0.5", 4), command("lr", "×0.5", 9)],
            {"optimizer": {"type": "adam", "lr": "0.001 (×0.5 at step 4, ×0.5 at step 9)"}},
        ),
        ([command("epochs", "12", 500, num_epochs=12)], {"epochs": "12 since step 500 (30 at the start)"}),
        (
            [command("epochs", "20", 500, num_epochs=20), command("epochs", "12", 600, num_epochs=12)],
            {"epochs": "12 since step 600 (30 at the start)"},
        ),
        ([command("lr", "-1", 7, status="refused", plan=None, num_epochs=None)], {}),
        ([command("lr", "\x1b[2J", 7)], {"optimizer": {"type": "adam", "lr": "0.001 (×? at step 7)"}}),
    ],
    ids=["nothing", "lr once", "lr twice", "epochs once", "epochs twice", "a refusal", "nonsense in a damaged log"],
)
def test_settings_tell_what_was_changed_and_when(events: list[ev.Event], changed: dict[str, Any]) -> None:
    assert steered(CONFIG, state_after(*events)) == CONFIG | changed


def test_a_fork_tells_the_epochs_that_it_has_from_its_parent() -> None:
    assert steered(CONFIG, state_after(num_epochs=12))["epochs"] == "12 (30 at the start)"


@pytest.mark.parametrize(
    ("scale", "later", "lr"),
    [
        (0.1, [], "0.001 (×0.1 before step 9)"),
        (0.1, [command("lr", "2", 12)], "0.001 (×0.1 before step 9, ×2 at step 12)"),
        (1.0, [], 0.001),
    ],
    ids=["scaled before", "and after", "not scaled"],
)
def test_a_fork_tells_the_scaling_that_it_has_from_its_parent(scale: float, later: list[ev.Event], lr: object) -> None:
    forked = ev.Resumed(attempt=1, from_step=9, from_epoch=0, checkpoint="step-00000009", lr_scale=scale)
    saved = ev.CheckpointSaved(path="checkpoints/step-00000020", step=20, epoch=1, reason="stop")
    again = ev.Resumed(attempt=2, from_step=20, from_epoch=1, checkpoint="step-00000020", lr_scale=scale * 2)
    for events in ([forked, *later], [forked, *later, saved, again]):
        assert steered(CONFIG, state_after(*events))["optimizer"]["lr"] == lr


def test_a_rollback_tells_what_it_multiplied_the_learning_rate_by() -> None:
    back = ev.RolledBack(from_step=9, from_epoch=0, reason="the loss became nan", plan=ev.LrPlan(steps=[9], lr=[0.1]))
    saved = ev.CheckpointSaved(path="checkpoints/step-00000020", step=20, epoch=1, reason="stop")
    again = ev.Resumed(attempt=2, from_step=20, from_epoch=1, checkpoint="step-00000020", lr_scale=1.0)
    told = "0.001 (×2 at step 4, ×0.5 at step 9 by rollback)"
    for events in ([command("lr", "2", 4), back], [command("lr", "2", 4), back, saved, again]):
        assert steered(CONFIG, state_after(*events))["optimizer"]["lr"] == told


def test_epochs_that_a_number_of_steps_cuts_short_were_not_steered() -> None:
    config = CONFIG | {"max_steps": 9}
    assert steered(config, state_after(num_epochs=3)) == config


@pytest.mark.parametrize("config", [{}, {"optimizer": 3}, {"optimizer": {"lr": [1]}}], ids=str)
def test_settings_that_are_missing_or_foreign_stay_as_they_are(config: dict[str, Any]) -> None:
    assert steered(config, state_after(command("lr", "2", 4))) == config


def test_before_the_run_has_begun_settings_are_as_asked_for() -> None:
    assert steered(CONFIG, RunState()) == CONFIG
