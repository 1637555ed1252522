"""Questions before something is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from core import events as ev
from core.control import check_epochs, parse_epochs, parse_factor
from core.errors import UsageError
from core.runfolder import command_line
from tui.figures import new_plan
from tui.render.plot import draw_plot, legend
from tui.widgets.drawn import Drawn, Scene
from tui.widgets.frame import Title, framed

Choice = tuple[str, str, str]
"""What is returned, what it says, what it means."""


class ChoiceDialog(ModalScreen[str | None]):
    """A question with a few answers; Escape is None.

    Args:
        title: the question.
        choices: the answers, the least drastic first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Cancel"), ("q", "cancel", "Cancel")]

    def __init__(self, title: str, choices: list[Choice]) -> None:
        super().__init__()
        self._title, self._choices = title, choices

    def compose(self) -> ComposeResult:
        """A box in the middle."""
        options = []
        for identifier, label, meaning in self._choices:
            text = Text(label, style="bold")
            if meaning:
                text.append("\n" + meaning, style="dim")
            options.append(Option(text, id=identifier))
        with Vertical(classes="dialog"):
            yield Static(Text(self._title), classes="question")
            yield OptionList(*options)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answered."""
        self.dismiss(None if event.option.id == "cancel" else event.option.id)

    def action_cancel(self) -> None:
        """Nothing is done."""
        self.dismiss(None)


STOP_CHOICES: list[Choice] = [
    ("cancel", "Go on training", ""),
    ("stop", "Stop and save a checkpoint", "After this step; --resume goes on from there"),
    ("stop discard", "Stop without a checkpoint", "What was trained since the last checkpoint is lost"),
]
LEAVE_CHOICES: list[Choice] = [
    ("detach", "Detach", "Leave the dashboard; the training goes on"),
    ("stop", "Stop and save a checkpoint", "After this step, then leave"),
    ("stop discard", "Stop without a checkpoint", "After this step, then leave"),
    ("cancel", "Cancel", ""),
]

Planner = Callable[[str], ev.LrPlan]
"""From what was typed to the plan that it would make; raises UsageError."""


class PlanDialog(ModalScreen[str | None]):
    """Asks for a number and shows the learning rate that it would lead to.

    Args:
        scene: the run.
        question: what is asked for.
        value: what is there at first.
        planner: the plan that a text leads to.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "Cancel")]

    def __init__(self, scene: Scene, question: str, value: str, planner: Planner) -> None:
        super().__init__()
        self._scene, self._question, self._value, self._planner = scene, question, value, planner

    def compose(self) -> ComposeResult:
        """Question, input, preview."""
        with Vertical(classes="dialog wide"):
            yield Static(Text(self._question), classes="question")
            yield Input(self._value, select_on_focus=True)
            yield Static("", classes="problem")
            yield PlanPreview(self._scene, classes="preview")
            yield Static(Text("Enter applies it from the next step on · Esc cancels"), classes="hint")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what it would do."""
        preview = self.query_one(PlanPreview)
        problem = ""
        try:
            preview.plan = self._planner(event.value)
        except UsageError as error:
            preview.plan, problem = None, str(error) if event.value.strip() else ""
        self.query_one(".problem", Static).update(Text(problem))
        preview.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Apply it, if it can be."""
        try:
            self._planner(event.value)
        except UsageError as error:
            self.query_one(".problem", Static).update(Text(str(error)))
            return
        self.dismiss(event.value.strip())

    def action_cancel(self) -> None:
        """Nothing is done."""
        self.dismiss(None)


class PlanPreview(Drawn):
    """The learning rate as planned, and as it would be."""

    plan: ev.LrPlan | None = None

    def draw(self, width: int, height: int) -> list[Strip]:
        """The plot."""
        state, look = self.scene.state, self.scene.look
        plan = self.plan or state.plan
        if plan is None:
            return framed([], Title("Learning rate"), width, height, look)
        spec = new_plan(state, self.scene.view, plan)
        body = draw_plot(spec, width - 2, height - 2, look)
        return framed(body, Title("Learning rate", legend=legend(spec, look)), width, height, look)


def lr_planner(scene: Scene) -> Planner:
    """Scales what is left of the plan."""

    def plan(text: str) -> ev.LrPlan:
        factor = parse_factor(text)
        old = scene.state.plan
        if old is None:
            raise UsageError("the plan is not known yet")
        return ev.LrPlan(steps=old.steps, lr=[lr * factor for lr in old.lr])

    return plan


def epochs_planner(scene: Scene) -> Planner:
    """Spreads the schedule over another number of epochs."""

    def plan(text: str) -> ev.LrPlan:
        import msgspec

        from core.config import TrainConfig
        from core.optim import schedules

        state, epochs = scene.state, parse_epochs(text)
        if state.run is None or state.plan is None:
            raise UsageError("the plan is not known yet")
        check_epochs(epochs, state.epoch)
        try:
            config = msgspec.convert(state.run.config, TrainConfig)
        except msgspec.ValidationError:
            folder = scene.source.folder
            unseen = command_line(f"control {folder.id} epochs {epochs}", folder.path.parent)
            raise UsageError(f"the settings are of another version; `{unseen}` changes them unseen") from None
        per_epoch = state.run.steps_per_epoch
        num_steps = min(epochs * per_epoch, config.max_steps or epochs * per_epoch)
        lr, first = config.optimizer.lr, state.plan.steps[0]
        planned = lr * schedules.lr_factor(config.schedule, first, state.num_steps, per_epoch)
        scale = state.plan.lr[0] / planned if planned > 0 else 1.0  # what was asked for while it ran
        return schedules.plan(
            config.schedule, lr, num_steps=num_steps, steps_per_epoch=per_epoch, first_step=state.step, scale=scale
        )

    return plan
