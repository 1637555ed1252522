"""Starting a run from a recipe: what it is, what was published of it, how long it takes here, what one may change."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from core import layers
from core.config import TrainConfig
from core.control import parse_epochs
from core.data.catalog import check_dataset_name
from core.errors import CifarTuiError, UsageError
from core.models import check_model_name
from core.recipes import RECIPES, Recipe
from core.runsummary import RunSummary
from tui.home.estimate import estimate
from tui.render.palettes import Look

FIELDS: tuple[tuple[str, str, str], ...] = (
    # id, what it says, the setting
    ("epochs", "epochs", "epochs"),
    ("lr", "learning rate", "optimizer.lr"),
    ("batch_size", "batch size", "data.batch_size"),
    ("seed", "seed", "seed"),
    ("device", "device", "device"),
)


def value_of(config: TrainConfig, key: str) -> str:
    """A setting as text."""
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return f"{value:g}" if isinstance(value, float) else str(value)


def assignments(recipe: Recipe, values: dict[str, str], more: str) -> list[str]:
    """The settings that differ from the recipe's, as `key=value`.

    Raises:
        UsageError: one of them cannot be used.
    """
    found = [
        f"{key}={values[name].strip()}"
        for name, _, key in FIELDS
        if values.get(name, "").strip() and values[name].strip() != value_of(recipe.config, key)
    ]
    found += more.split()
    config = layers.resolve(recipe.config, [("the form", layers.read_assignments(found))])
    check_dataset_name(config.data.dataset)
    check_model_name(config.model.name)
    return found


class NewRunDialog(ModalScreen[list[str] | None]):
    """Gives the arguments of `cifar-tui train`, or None.

    Args:
        earlier: runs to estimate the time from.
        look: colours.
        chosen: the recipe to begin with.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Cancel"), ("ctrl+s", "start", "Start")]

    def __init__(self, earlier: Iterable[RunSummary], look: Look, chosen: str = "") -> None:
        super().__init__()
        self._earlier, self._look = list(earlier), look
        self._recipe = RECIPES.get(chosen) or next(iter(RECIPES.values()))

    def compose(self) -> ComposeResult:
        """Recipes on the left, the chosen one on the right."""
        options = [Option(Text(name), id=name) for name in RECIPES]
        with Vertical(classes="dialog form"):
            yield Static("New run", classes="question")
            with Horizontal(classes="halves"):
                yield OptionList(*options, id="recipes")
                with VerticalScroll(id="settings", can_focus=False):
                    yield Static("", id="about", markup=False)
                    for name, label, _ in FIELDS:
                        with Horizontal(classes="field"):
                            yield Label(label)
                            yield Input(id=name, compact=True)
                    with Horizontal(classes="field"):
                        yield Label("more settings")
                        yield Input(id="more", compact=True, placeholder="optimizer.weight_decay=5e-4 …")
            yield Static("", classes="problem", markup=False)
            yield Static("↑↓ recipe · Tab to the settings · Enter starts · Esc cancels", classes="hint")

    def on_mount(self) -> None:
        """Show the first recipe."""
        recipes = self.query_one("#recipes", OptionList)
        recipes.highlighted = list(RECIPES).index(self._recipe.name)
        recipes.focus()
        self._fill()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Another recipe, with its own settings."""
        chosen = RECIPES[str(event.option.id)]
        if chosen is not self._recipe:
            self._recipe = chosen
            self._fill()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter on a recipe starts it."""
        self.action_start()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a setting starts too."""
        self.action_start()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The estimate follows; what is wrong is said at once."""
        self._check()
        self._tell()

    def _fill(self) -> None:
        for name, _, key in FIELDS:
            self.query_one(f"#{name}", Input).value = value_of(self._recipe.config, key)
        self.query_one("#more", Input).value = ""
        self._check()
        self._tell()

    def _values(self) -> dict[str, str]:
        return {name: self.query_one(f"#{name}", Input).value for name, _, _ in FIELDS}

    def _check(self) -> list[str] | None:
        problem, found = "", None
        try:
            found = assignments(self._recipe, self._values(), self.query_one("#more", Input).value)
        except CifarTuiError as error:
            problem = str(error)
        self.query_one(".problem", Static).update(problem)
        return found

    def _tell(self) -> None:
        recipe, look = self._recipe, self._look
        count = recipe.config.epochs
        with contextlib.suppress(UsageError):  # what is typed is checked elsewhere
            count = parse_epochs(self._values()["epochs"])
        text = Text(recipe.title + "\n", look.style("text") + Style(bold=True))
        if recipe.published:
            text.append("published  ", look.style("muted")).append(recipe.published.summary + "\n", look.style("best"))
        else:
            text.append("published  nothing\n", look.style("muted"))
        told = estimate(recipe.name, count, self._earlier, socket.gethostname())
        text.append("here       ", look.style("muted")).append(told + "\n", look.style("text"))
        if recipe.notes:
            text.append(recipe.notes + "\n", look.style("muted"))
        self.query_one("#about", Static).update(text)

    def action_start(self) -> None:
        """Hand back what to start, if it can be."""
        found = self._check()
        if found is not None:
            arguments = ["--recipe", self._recipe.name]
            for assignment in found:
                arguments += ["--set", assignment]
            self.dismiss(arguments)

    def action_cancel(self) -> None:
        """Start nothing."""
        self.dismiss(None)
