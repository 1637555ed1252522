"""The three charts of the report: accuracy, loss, learning rate, over epochs."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup

from core.export.chart import Band, Floats, Frame, Line, chart, columns, widened
from core.export.gather import RunData
from core.export.words import number, percent

_COLUMNS = 260
_DOTTED = 60
"""With more epochs, marks would hide the line."""
_LOG_FROM = 30.0
"""The ratio of the greatest to the least loss from which a linear axis hides its end."""
_NONE = np.empty(0)


def accuracy_chart(data: RunData, *, narrow: bool = False) -> Markup | None:
    """Training and validation accuracy by epoch with the published curve; None before the first epoch ended."""
    state, best = data.state, data.state.best
    if not state.epochs:
        return None
    x = np.array([epoch.epoch for epoch in state.epochs], float)
    validation = np.array([epoch.validation.top1 for epoch in state.epochs], float)
    train = np.array([epoch.train_accuracy for epoch in state.epochs], float)
    top5 = np.array([math.nan if e.validation.top5 is None else e.validation.top5 for e in state.epochs], float)
    dots = len(x) <= _DOTTED
    lines = [Line("train", "train", x, train)]
    if np.isfinite(top5).any() and len(data.classes) > 10:
        lines.append(Line("top-5", "top5", x, top5))
    published = {
        curve.metric: curve for curve in (state.run.published.curves if state.run and state.run.published else ())
    }
    if "validation_top1" in published:
        ghost = published["validation_top1"]
        lines.insert(0, Line("published", "ghost", np.array(ghost.epochs, float), np.array(ghost.values, float)))
    lines.append(Line("validation", "validation", x, validation, dots=dots))
    frame = Frame(
        width=520 if narrow else 1060, height=320 if narrow else 380,
        title="Accuracy", x_title="epoch", x_range=(0, max(line.x.max() for line in lines)),
        y_range=_accuracy_range([line.y for line in lines]), y_text=percent, right=136,
        tick_text=lambda share: f"{100 * share:.4g}%",
    )  # fmt: skip
    mark = None
    if best is not None:
        mark = Line(f"best {percent(best.top1)}", "best", np.array([float(best.epoch)]), np.array([best.top1]))
    return chart(frame, lines, mark=mark)


def loss_chart(data: RunData) -> Markup | None:
    """Loss of the batches (their spread and their mean) and of the validation; None without either."""
    state = data.state
    x, low, mean, high = columns(_epochs_done(data), state.batches["loss"], _COLUMNS)
    epochs = np.array([epoch.epoch for epoch in state.epochs], float)
    validation = np.array([epoch.validation.loss for epoch in state.epochs], float)
    known = validation[np.isfinite(validation)]
    if not len(x) and not len(known):
        return None
    lowest, highest = np.concatenate([mean, known]).min(), np.concatenate([mean, known]).max()
    log = bool(lowest > 0 and highest / lowest > _LOG_FROM)
    if log:
        y_range = (10 ** (math.floor(math.log10(lowest) * 2) / 2), float(highest) * 1.3)
    else:
        # Single bad batches go off the top; what most of them do stays in view.
        spread = np.percentile(high, 98) if len(high) else highest
        y_range = widened(min([lowest, *low[:1], *low[-1:]]), max(highest, float(spread)), floor=0.0)
    frame = Frame(
        width=520, height=320, title="Loss", x_title="epoch", x_range=(0, _end(data)), y_range=y_range,
        y_text=_plain, tick_text="{:g}".format, log=log, right=112,
    )  # fmt: skip
    lines = [
        Line("train", "train", x, mean),
        Line("validation", "validation", epochs, validation, dots=len(epochs) <= _DOTTED),
    ]
    return chart(frame, lines, [Band("train", x, low, high)])


def lr_chart(data: RunData) -> Markup | None:
    """The learning rate as it was, over the schedule that was planned; None without either."""
    state = data.state
    per_epoch = _steps_per_epoch(data)
    done_x, done_y = _thinned(_epochs_done(data), state.batches["lr"])
    plan_x = np.array(state.plan.steps, float) / per_epoch if state.plan else _NONE
    plan_y = np.array(state.plan.lr, float) if state.plan else _NONE
    values = np.concatenate([done_y, plan_y])
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    frame = Frame(
        width=520, height=320, title="Learning rate", x_title="epoch", x_range=(0, _end(data)),
        y_range=(0.0, widened(0.0, float(known.max()) * 1.02 or 1.0)[1]), y_text=_short, tick_text=_short,
        left=62, right=112,
    )  # fmt: skip
    lines = [Line("planned", "planned", plan_x, plan_y, labelled=False), Line("now", "done", done_x, done_y)]
    if state.ended is not None:
        lines[1] = Line("at the end", "done", done_x, done_y)
    return chart(frame, lines)


def _end(data: RunData) -> float:
    done = _epochs_done(data)
    return max(1.0, data.state.num_epochs, data.state.epoch, float(done[-1]) if len(done) else 0.0)


def _steps_per_epoch(data: RunData) -> float:
    if data.state.run is not None and data.state.run.steps_per_epoch > 0:
        return data.state.run.steps_per_epoch
    last = data.last_epoch
    return max(1.0, last.step / last.epoch if last and last.epoch else float(len(data.state.batches)))


def _epochs_done(data: RunData) -> Floats:
    """Epochs done after each step."""
    return np.asarray((data.state.batches["step"] + 1) / _steps_per_epoch(data))


def _accuracy_range(values: list[Floats]) -> tuple[float, float]:
    known = np.concatenate(values)
    known = known[np.isfinite(known)]
    if not len(known):
        return 0.0, 1.0
    return widened(float(known.min()), float(known.max()), floor=0.0, ceiling=1.0)


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most about 1,000 points, and both sides of every large jump."""
    if len(x) <= 1000:
        return x, y
    jumps = np.flatnonzero(np.abs(np.diff(y)) > 0.05 * np.nanmax(np.abs(y)))[:500]
    chosen = np.unique(np.concatenate([np.linspace(0, len(x) - 1, 1000).astype(np.intp), jumps, jumps + 1]))
    return x[chosen], y[chosen]


def _plain(value: float) -> str:
    return number(value, 3) if value else "0"


def _short(value: float) -> str:
    """A learning rate: 0.1, 0.0125, 1e-3."""
    if value == 0 or abs(value) >= 0.00995:
        return f"{value:.3g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
