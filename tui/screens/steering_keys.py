"""What the keys that steer the training do, and how one leaves."""

from __future__ import annotations

from core.errors import CifarTuiError
from core.events import Record
from tui.screens.dialogs import LEAVE_CHOICES, STOP_CHOICES, ChoiceDialog, PlanDialog, epochs_planner, lr_planner
from tui.screens.replay_keys import ReplayKeys
from tui.steering import Steering

NEEDS_TRAINER = frozenset({"pause", "checkpoint", "evaluate", "stop", "scale_lr", "change_epochs"})
"""Actions that only a trainer can do."""


class SteeringKeys(ReplayKeys):
    """Commands to the trainer; each is shown as pending and then with what the trainer answered."""

    steering: Steering
    leaving = False
    """Whether to leave as soon as the run has ended."""

    def command(self, *words: str) -> bool:
        """Send a command and show that it is on its way; whether it is."""
        try:
            self.steering.send(*words)
        except CifarTuiError as error:
            self.notify(str(error), severity="error", markup=False)
            return False
        self.show_status()
        return True

    def hear(self, records: list[Record], *, is_logged: bool) -> None:
        """Say the answers among new records; where the log is in view, only what was refused."""
        for answer in self.steering.hear(records):
            if answer.done and is_logged:
                continue
            text = f"{answer.what}: {answer.message}" if answer.message else answer.what
            self.notify(text, severity="information" if answer.done else "warning", markup=False)

    def _is_refused(self) -> bool:
        """Whether there is no trainer to steer; that is then said."""
        replay = self.replay
        if replay is None:
            if self.scene.source.is_live:
                return False
            text = "There is no trainer any more. `r` on the home screen goes on with the run"
        elif replay.live is not None and replay.live.is_live:
            text = "This is the run's past: press End to come back to now, then steer"
        else:
            text = "This is a recording: there is no trainer to steer. `r` on the home screen resumes a run"
        self.notify(text, markup=False, timeout=4)
        return True

    def action_pause(self) -> None:
        """Pause, or go on; in a replay, play or hold the film."""
        if self.replay is not None:
            self.replay.toggle()
            self.show_moment()
        elif not self._is_refused():
            self.command("unpause" if self.scene.state.status == "paused" else "pause")

    def action_checkpoint(self) -> None:
        """Save now."""
        if not self._is_refused():
            self.command("checkpoint")

    def action_evaluate(self) -> None:
        """Evaluate now."""
        if not self._is_refused():
            self.command("evaluate")

    def action_stop(self) -> None:
        """Ask, then stop."""
        if self._is_refused():
            return

        def answered(choice: str | None) -> None:
            if choice is not None:
                self.command(*choice.split())

        self.app.push_screen(ChoiceDialog("Stop the training?", STOP_CHOICES), answered)

    def action_scale_lr(self) -> None:
        """Ask for the factor, then scale."""
        if self._is_refused():
            return

        def answered(factor: str | None) -> None:
            if factor is not None:
                self.command("lr", factor)

        question = "Multiply the learning rate from here on by"
        self.app.push_screen(PlanDialog(self.scene, question, "0.5", lr_planner(self.scene)), answered)

    def action_change_epochs(self) -> None:
        """Ask for the number, then change it."""
        if self._is_refused():
            return

        def answered(epochs: str | None) -> None:
            if epochs is not None:
                self.command("epochs", epochs)

        question = "Train for how many epochs in all?"
        value = str(self.scene.state.num_epochs)
        self.app.push_screen(PlanDialog(self.scene, question, value, epochs_planner(self.scene)), answered)

    def action_leave(self) -> None:
        """Ask how to leave; a run that has ended needs no question."""
        if not self.scene.source.is_live or self.scene.source.problem:
            self.action_detach()
            return

        def answered(choice: str | None) -> None:
            if choice == "detach":
                self.action_detach()
            elif choice is not None:
                self.leaving = self.command(*choice.split())

        self.app.push_screen(ChoiceDialog("Leave the dashboard?", LEAVE_CHOICES), answered)

    def action_detach(self) -> None:
        """Leave, to the home screen where one came from there; the training goes on."""
        self.close()
