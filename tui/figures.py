"""Plots of a run: from its state and the view to what is to be drawn. Pure; nothing here knows of widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from core import events as ev
from core.state import RunState
from tui.race import race
from tui.render import numbers
from tui.render.axes import Axis, Unit
from tui.render.palettes import Role
from tui.render.plot import Mark, Note, PlotSpec, Series, Shade, Stroke
from tui.view import Floats, Range, Timeline, View, XUnit

Figure = Callable[[RunState, View], PlotSpec]

_LETTERS = {"checkpoint": "C", "evaluate": "E", "lr": "L", "epochs": "N", "pause": "P"}
_WAITING = "The first steps draw this curve"


def whole_range(state: RunState, view: View) -> Range:
    """All of the x-axis so far, which zooming out comes back to."""
    return 0.0, max(Timeline(state, view.x_unit).now, 1.0)


def loss(state: RunState, view: View) -> PlotSpec:
    """Training loss of every batch as a band and smoothed, validation loss at its points."""
    line = Timeline(state, view.x_unit)
    values = state.batches["loss"]
    points = _validations(state)
    return _with_context(
        state,
        view,
        PlotSpec(
            series=(
                Series("", line.batches, values, "train_band", Stroke.BAND),
                *race(state, view, "loss"),
                Series("train", line.batches, values, "train", Stroke.LINE, smoothing=_weight(view, len(values))),
                Series(
                    "val",
                    line.at([step for step, _ in points]),
                    [result.loss for _, result in points],
                    "validation",
                    Stroke.LINE,
                    "●",
                ),
            ),
            x=line.axis,
            y=Axis(Unit.NUMBER, log=view.log_y),
            y_range=_robust_range(values, points) if not view.log_y else None,
            empty=_WAITING,
        ),
    )


def _robust_range(values: Floats, points: list[tuple[int, ev.Evaluation]]) -> Range | None:
    """A range that a few wild batches cannot stretch so far that all others lie flat; None where none is wild."""
    if len(values) < 50:
        return None
    sample = values[:: max(1, len(values) // 4096)]
    sample = sample[np.isfinite(sample)]
    if not len(sample):
        return None
    low, usual, high = np.quantile(sample, (0.0, 0.99, 1.0)).tolist()
    if high - low <= 3 * (usual - low) or usual <= low:
        return None
    losses = [result.loss for _, result in points if np.isfinite(result.loss)]
    top = max([usual + 0.25 * (usual - low), *losses])
    return (0.0 if 0 <= low < 0.1 * top else low, top) if top < high else None


def accuracy(state: RunState, view: View) -> PlotSpec:
    """Training and validation accuracy, top-5, the best epoch, and the published curve to race against."""
    line = Timeline(state, view.x_unit)
    points = _validations(state)
    at = line.at([step for step, _ in points])
    series = [
        Series(
            "train",
            line.batches,
            state.batches["accuracy"],
            "train",
            Stroke.LINE,
            smoothing=_weight(view, len(state.batches)),
        ),
        Series("val", at, [result.top1 for _, result in points], "validation", Stroke.LINE, "●"),
    ]
    if len(state.classes) > 5:
        top5 = [np.nan if result.top5 is None else result.top5 for _, result in points]
        series.insert(0, Series("top-5", at, top5, "top5", Stroke.DASHED))
    ghost, name = _published(state, "validation_top1"), "published"
    if ghost is None:
        ghost, name = _published(state, "train_accuracy"), "published train"
    series[:0] = race(state, view, "top1")
    if ghost and state.run and view.ghost is None:
        steps = np.asarray(ghost.epochs, np.float64) * state.run.steps_per_epoch
        kept = steps <= max(state.num_steps, state.step)
        series.insert(0, Series(name, line.at(steps[kept]), np.asarray(ghost.values)[kept], "ghost", Stroke.DOTTED))
    best = state.best
    notes = () if best is None else (Note(float(line.at([best.step])[0]), best.top1, "★", numbers.percent(best.top1)),)
    spec = PlotSpec(series=tuple(series), x=line.axis, y=Axis(Unit.PERCENT), notes=notes, empty=_WAITING)
    return _with_context(state, view, spec)


def learning_rate(state: RunState, view: View) -> PlotSpec:
    """The learning rate of every step so far and as planned to the end."""
    line = Timeline(state, view.x_unit)
    done = state.batches["lr"]
    series = [Series("done", line.batches, done, "done", Stroke.HEAVY)]
    notes: tuple[Note, ...] = ()
    if state.plan:
        steps, lr = plan_ahead(state.plan, state.step)
        if state.ended is None or state.ended.status != "finished":
            series.insert(0, Series("planned", line.at(steps), lr, "planned", Stroke.DASHED))
        now = float(done[-1]) if len(done) else float(lr[0])
        notes = (Note(line.now, now, "◆", numbers.learning_rate(now), "now"),)
    spec = PlotSpec(
        series=tuple(series),
        x=line.axis,
        y=Axis(Unit.LEARNING_RATE, log=view.log_y),
        x_range=(0.0, max(line.end, line.now, 1.0)),
        y_include=() if view.log_y else (0.0,),
        notes=notes,
        empty="The plan comes with the first step",
    )
    return _with_context(state, view, spec)


def new_plan(state: RunState, view: View, plan: ev.LrPlan) -> PlotSpec:
    """The plan as it is, and as it would become."""
    before = learning_rate(state, replace(view, window=None, crosshair=None))
    line = Timeline(state, view.x_unit)
    steps, lr = plan_ahead(plan, state.step)
    after = Series("new plan", line.at(steps), lr, "best", Stroke.LINE)
    end = float(line.at([max(plan.steps[-1], state.num_steps, 1)])[0])
    return replace(before, series=(*before.series, after), x_range=(0.0, end), notes=())


def plan_ahead(plan: ev.LrPlan, step: int) -> tuple[Floats, Floats]:
    """The part of a plan that is still to come, from `step` on."""
    steps, lr = np.asarray(plan.steps, np.float64), np.asarray(plan.lr, np.float64)
    ahead = steps > step
    at = min(max(float(step), steps[0]), steps[-1])
    return np.concatenate(([at], steps[ahead])), np.concatenate(([np.interp(at, steps, lr)], lr[ahead]))


def gradient_norm(state: RunState, view: View) -> PlotSpec:
    """The global gradient norm before clipping."""
    line = Timeline(state, view.x_unit)
    norm = state.batches["gradient_norm"]
    weight = _weight(view, len(norm))
    spec = PlotSpec(
        series=(
            Series("", line.batches, norm, "train_band", Stroke.BAND),
            Series("norm", line.batches, norm, "series_d", Stroke.LINE, smoothing=weight),
        ),
        x=line.axis,
        y=Axis(Unit.NUMBER, log=view.log_y),
        y_range=_robust_range(norm, []) if not view.log_y else None,
        empty=_WAITING,
    )
    return _with_context(state, view, spec)


def throughput(state: RunState, view: View) -> PlotSpec:
    """Training images a second, evaluation and pauses left out."""
    line = Timeline(state, view.x_unit)
    elapsed = state.batches["elapsed"]
    spec = PlotSpec(x=line.axis, empty=_WAITING)
    if state.run and len(elapsed) > 1:
        # A chunk of steps shares its time, so single differences say no more than its mean.
        stride = max(1, len(elapsed) // 2000)
        marks = elapsed[::stride]
        rate = state.run.batch_size * stride / np.maximum(np.diff(marks), 1e-9)
        series = Series("img/s", line.batches[::stride][1:], rate, "series_a", Stroke.LINE, smoothing=0.5)
        spec = replace(spec, series=(series,), y=Axis(Unit.NUMBER), y_include=(0.0,))
    return _with_context(state, view, spec)


def _weight(view: View, length: int) -> float:
    """Smoothing that does not outlast the curve: of the first few steps an average over hundreds says nothing."""
    return min(view.smoothing, 1 - 4 / (length + 4)) if length else 0.0


def _validations(state: RunState) -> list[tuple[int, ev.Evaluation]]:
    found = [(epoch.step, epoch.validation) for epoch in state.epochs]
    found += [(evaluation.step, evaluation.validation) for evaluation in state.evaluations]
    return sorted(found, key=lambda item: item[0])


def _published(state: RunState, metric: str) -> ev.Curve | None:
    published = state.run.published if state.run else None
    return next((curve for curve in published.curves if curve.metric == metric), None) if published else None


def _with_context(state: RunState, view: View, spec: PlotSpec) -> PlotSpec:
    """Marks of what was done to the run, pauses on time axes, the window and the crosshair."""
    line = Timeline(state, view.x_unit)
    marks = []
    for timed in state.commands.values():
        command = timed.event
        if isinstance(command, ev.CommandHandled) and command.status == "done" and command.name in _LETTERS:
            at = timed.seconds if view.x_unit is XUnit.TIME else float(command.step)
            marks.append(Mark(at, _LETTERS[command.name]))
    shades: tuple[Shade, ...] = ()
    if view.x_unit is XUnit.TIME:
        shades = tuple(Shade(span.start_seconds, span.end_seconds or state.seconds) for span in state.pauses)
    return replace(
        spec,
        marks=tuple(marks),
        shades=shades,
        x_range=view.window or spec.x_range or ((0.0, max(line.now, 1.0)) if len(state.batches) else None),
        crosshair=view.crosshair,
    )


def load(state: RunState, view: View) -> PlotSpec:
    """Use of the GPU and of the CPU over the run's time."""
    curves: tuple[tuple[str, str, Role], ...] = (("GPU", "gpu_percent", "series_c"), ("CPU", "cpu_percent", "series_a"))
    return _samples(state, curves, Axis(Unit.PERCENT), scale=0.01)


def _samples(
    state: RunState, curves: tuple[tuple[str, str, Role], ...], axis: Axis, missing: str = "", scale: float = 1.0
) -> PlotSpec:
    """Samples of the machine over time; what it does not tell is left out."""
    samples = [(timed.seconds, timed.event) for timed in state.system]
    at = [seconds for seconds, _ in samples]
    series = []
    for label, field, role in curves:
        told = [getattr(event, field) for _, event in samples]
        if any(value is not None for value in told):
            values = [np.nan if value is None else scale * value for value in told]
            series.append(Series(label, at, values, role))
    waiting = "The first sample of the machine's load comes after two seconds"
    return PlotSpec(
        series=tuple(series),
        x=Axis(Unit.SECONDS, "time"),
        y=axis,
        x_range=(0.0, max(state.seconds, 1.0)),
        y_include=(0.0,),
        empty=missing if samples and missing else waiting,
    )


def memory(state: RunState, view: View) -> PlotSpec:
    """Memory of the GPU and of the process."""
    return _samples(
        state,
        (("GPU", "gpu_memory_bytes", "series_c"), ("process", "memory_bytes", "series_a")),
        Axis(Unit.BYTES),
    )


def heat(state: RunState, view: View) -> PlotSpec:
    """Temperature and power of the GPU."""
    return _samples(
        state,
        (("°C", "gpu_temperature_celsius", "series_b"), ("W", "gpu_power_watts", "series_d")),
        Axis(Unit.NUMBER),
        "This device tells neither its temperature nor its power",
    )


def step_time(state: RunState, view: View) -> PlotSpec:
    """Milliseconds a step."""
    spec = throughput(state, view)
    if not spec.series or state.run is None:
        return spec
    rate = spec.series[0]
    milliseconds = 1000 * state.run.batch_size / np.asarray(rate.y, np.float64)
    return replace(spec, series=(replace(rate, label="ms", y=milliseconds, role="series_b"),))
