"""The machine and the pace of the training."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Grid
from textual.strip import Strip
from textual.widget import Widget

from core import events as ev
from core.state import RunState
from tui import figures
from tui.render import numbers
from tui.render.safe import pad, safe
from tui.render.spark import gauge
from tui.widgets.drawn import BATCHES, EPOCHS, Drawn
from tui.widgets.frame import Title, framed, text_strip
from tui.widgets.pane import Pane
from tui.widgets.plots import MACHINE, PlotPane


class Machine(Drawn, can_focus=True):
    """Device, pace, and where the time went."""

    WATCHES = BATCHES | EPOCHS | {ev.SystemSampled, ev.Unpaused, ev.Heartbeat}

    def draw(self, width: int, height: int) -> list[Strip]:
        """Facts in lines."""
        state, look = self.scene.state, self.scene.look
        inner = width - 2
        lines: list[Text] = []

        def line(label: str, value: str | Text) -> None:
            text = Text(" ", no_wrap=True, end="").append(pad(label, 12), look.style("muted"))
            if isinstance(value, Text):
                text.append_text(value)
            else:
                text.append(safe(value, max(inner - 14, 1), ascii=look.ascii), look.style("text"))
            lines.append(text)

        rate = numbers.rate(state.images_per_second)
        line(
            "pace",
            f"{rate}, {numbers.duration(state.step_seconds)} a step, mean {numbers.rate(state.mean_images_per_second)}",
        )
        whole = max(state.seconds, 1e-9)
        for label, seconds in time_spent(state).items():
            bar = gauge(seconds / whole, min(16, max(inner - 33, 4)), look, role="series_a")
            bar.append(f" {100 * seconds / whole:>3.0f}%  ", look.style("text") + Style(bold=True))
            line(label, bar.append(numbers.duration(seconds), look.style("muted")))
        if state.training_seconds and not state.data_seconds:
            line("data", "its part of the training is not known")
        sample = state.system[-1].event if state.system else None
        if isinstance(sample, ev.SystemSampled):
            for label, value in _told(sample):
                line(label, value)
        run = state.run
        if run is not None:
            line("device", f"{run.device.name}: {run.device.title}, {run.device.precision}")
            line("chosen", run.device.reason)
            line("versions", ", ".join(f"{name} {version}" for name, version in run.versions.items()))
        body = [text_strip(text, inner) for text in lines]
        return framed(body, Title("Machine"), width, height, look, focused=self.has_focus)


def _told(sample: ev.SystemSampled) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    if sample.gpu_percent is not None:
        told.append(("GPU", f"{sample.gpu_percent:.0f}%"))
    if sample.gpu_memory_bytes is not None:
        total = f" of {numbers.size(sample.gpu_memory_total_bytes)}" if sample.gpu_memory_total_bytes else ""
        told.append(("GPU memory", numbers.size(sample.gpu_memory_bytes) + total))
    hot = [
        f"{value:.0f} {unit}"
        for value, unit in (
            (sample.gpu_temperature_celsius, "°C"),
            (sample.gpu_power_watts, "W"),
            (sample.gpu_clock_mhz, "MHz"),
        )
        if value is not None
    ]
    if hot:
        told.append(("GPU state", ", ".join(hot)))
    if sample.cpu_percent is not None:
        told.append(("CPU", f"{sample.cpu_percent:.0f}% of a core"))
    if sample.memory_bytes is not None:
        told.append(("memory", numbers.size(sample.memory_bytes)))
    return told


def time_spent(state: RunState) -> dict[str, float]:
    """Seconds of the run by what they went into, if any did; together the run's time. Training is split into computing
    and preparing batches where the trainer could tell them apart."""
    paused = sum((span.end_seconds or state.seconds) - span.start_seconds for span in state.pauses)
    evaluating = sum(epoch.validation.seconds for epoch in state.epochs)
    evaluating += sum(evaluation.validation.seconds for evaluation in state.evaluations)
    saving = sum(checkpoint.seconds for checkpoint in state.checkpoints)
    training = {"training": state.training_seconds}
    if state.data_seconds:
        training = {"computing": state.training_seconds - state.data_seconds, "data": state.data_seconds}
    spent = {**training, "evaluating": evaluating, "saving": saving, "paused": paused}
    spent["other"] = max(state.seconds - sum(spent.values()), 0.0)
    return {name: seconds for name, seconds in spent.items() if seconds > 0}


class SystemPane(Pane):
    """Plots of the load and the pace, and facts."""

    def compose(self) -> ComposeResult:
        """Six panes."""
        scene = self.scene
        with Grid(id="system"):
            yield PlotPane(scene, figures.load, "Load", MACHINE)
            yield PlotPane(scene, figures.memory, "Memory", MACHINE)
            yield PlotPane(scene, figures.throughput, "Images a second")
            yield PlotPane(scene, figures.heat, "Temperature and power", MACHINE, id="heat")
            yield PlotPane(scene, figures.gradient_norm, "Gradient norm", id="norm")
            yield PlotPane(scene, figures.step_time, "Step time")
            yield Machine(scene)

    def show(self, kinds: set[type] | None) -> None:
        """A machine that tells no temperature leaves its place to the gradient norm."""
        told = bool(figures.heat(self.scene.state, self.scene.view).series)
        self.query_one("#heat").display, self.query_one("#norm").display = told, not told
        super().show(kinds)

    def first_focus(self) -> Widget | None:
        """The first plot."""
        return self.query(PlotPane).first()
