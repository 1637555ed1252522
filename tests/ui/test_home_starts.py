"""Trainings that are started from the home screen: resumed, new, and those that die at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from core.errors import UsageError
from core.recipes import RECIPES, get_recipe
from tests.ui.at_home import AtHome, at_home
from tests.ui.canned import WALL
from tui.home.form import NewRunDialog, assignments
from tui.screens import home_actions
from tui.screens.home import HomeScreen
from tui.screens.run import RunScreen


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
        await seen.press(*"10", "enter")
        await seen.see("10 epochs are done already")
        await seen.press("home", "delete", "delete")
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


@pytest.mark.parametrize(("epochs", "refusal"), [("²", "expected int"), ("9" * 5000, "out of range")])
def test_what_cannot_be_a_number_of_epochs_is_refused(epochs: str, refusal: str, some: Path) -> None:
    async def act(seen: AtHome) -> None:
        await seen.press("n")
        await seen.at(NewRunDialog)
        seen.app.screen.query_one("#epochs", Input).value = epochs
        await seen.see(refusal)

    at_home(some, act)


def test_all_of_what_is_wrong_with_an_answer_is_said(some: Path) -> None:
    async def act(seen: AtHome) -> None:
        seen.runs.put_on("alpha")
        await seen.press("r", *"many", "enter")
        await seen.see('but got "many"')

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
