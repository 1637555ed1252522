"""What the report's tables and figures say, as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from core import events as ev
from core.export.chart import path
from core.export.gather import RunData
from core.export.settings import flat_settings
from core.export.words import count, number, percent, points, span
from core.headless import describe_event
from core.metrics import class_metrics, top_confusions


@dataclass(frozen=True)
class Figure:
    """A number that says how the run went."""

    name: str
    value: str
    note: str = ""


def key_figures(data: RunData) -> list[Figure]:
    """The figures at the head of the report, the most important first."""
    state, run, last, best = data.state, data.state.run, data.last_epoch, data.state.best
    figures = []
    if best is not None:
        figures.append(Figure("Best validation top-1", percent(best.top1, 2), f"after epoch {best.epoch}"))
        published = _published_top1(run)
        if published is not None:
            note = f"{points(best.top1 - published)} points against {percent(published, 2)} published"
            figures[0] = Figure(figures[0].name, figures[0].value, f"after epoch {best.epoch}; {note}")
    if last is not None:
        # An epoch that is no longer evaluated says nothing of a top-5.
        top5, views = last.validation.top5, last.validation.top1_test_time
        note = f"after epoch {last.epoch}" + ("" if views is None else f"; {percent(views, 2)} over views")
        figures.append(Figure("Last top-1", percent(last.validation.top1, 2), note))
        if top5 is not None:
            figures.append(Figure("Last top-5", percent(top5, 2), "right class among the five likeliest"))
        gap = last.train_accuracy - last.validation.top1
        figures.append(
            Figure("Last validation loss", number(last.validation.loss), f"training {number(last.train_loss)}")
        )
        figures.append(
            Figure("Training accuracy", percent(last.train_accuracy, 2), f"{points(gap)} points to validation")
        )
    if state.training_seconds:
        rate = state.mean_images_per_second
        figures.append(Figure("Time of training", span(state.training_seconds), f"{count(rate)} images/s"))
    if run is not None:
        figures.append(
            Figure("Parameters", count(run.num_parameters), str(data.config.get("model", {}).get("name", "")))
        )
    return figures


def _published_top1(run: ev.RunStarted | None) -> float | None:
    curves = run.published.curves if run is not None and run.published is not None else ()
    return next((curve.values[-1] for curve in curves if curve.metric == "validation_top1" and curve.values), None)


@dataclass(frozen=True)
class ClassRow:
    """A class in the report's table; what is not known is NaN."""

    name: str
    superclass: str
    recall: float
    precision: float
    f1: float
    support: int
    against_published: float
    """Difference of the recall to the published one."""
    trend: Markup
    """The recall over all epochs, as SVG; the same scale for all classes."""
    confused_with: str
    confused_share: float


def class_rows(data: RunData) -> list[ClassRow]:
    """The classes after the last epoch: in label order, or the hardest first where there are many."""
    last, run = data.last_epoch, data.state.run
    if last is None:
        return []
    counts = data.confusion(last)
    metrics = class_metrics(counts)
    history = np.array([class_metrics(data.confusion(epoch)).recall for epoch in data.state.epochs])
    published = run.published.per_class if run is not None and run.published is not None else {}
    low, high = np.nanmin(history, initial=1.0), np.nanmax(history, initial=0.0)
    has_superclasses = run is not None and run.superclasses and len(run.superclass_of) == len(data.classes)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    rows = []
    for label, name in enumerate(data.classes):
        other = int(wrong[label].argmax())
        share = wrong[label, other] / max(1, metrics.support[label])
        rows.append(
            ClassRow(
                name=name,
                superclass=run.superclasses[run.superclass_of[label]] if run and has_superclasses else "",
                recall=float(metrics.recall[label]),
                precision=float(metrics.precision[label]),
                f1=float(metrics.f1[label]),
                support=int(metrics.support[label]),
                against_published=float(metrics.recall[label]) - published.get(name, math.nan),
                trend=_trend((history[:, label] - low) / max(1e-9, high - low)),
                confused_with=data.classes[other] if share else "",
                confused_share=float(share),
            )
        )
    if len(rows) > 20:
        rows.sort(key=lambda row: (math.isnan(row.recall), row.recall))
    return rows


def _trend(values: NDArray[np.float64]) -> Markup:
    chosen = values[np.unique(np.linspace(0, len(values) - 1, min(len(values), 48)).astype(np.intp))]
    xs = np.linspace(2.0, 78.0, len(chosen)) if len(chosen) > 1 else np.array([40.0])
    ys = 20 - 18 * chosen
    end = f'<circle cx="{xs[-1]:.1f}" cy="{ys[-1]:.1f}" r="2"/>' if math.isfinite(ys[-1]) else ""
    return Markup(f'<svg class="trend" viewBox="0 0 82 22" aria-hidden="true"><path d="{path(xs, ys)}"/>{end}</svg>')


@dataclass(frozen=True)
class Pair:
    """Images of one class taken for another."""

    actual: str
    predicted: str
    count: int
    share: float
    part: float
    """Of the greatest share in the list, for a bar."""


def confused_pairs(data: RunData, limit: int) -> list[Pair]:
    """The most confused pairs of the last epoch."""
    if data.last_epoch is None:
        return []
    found = top_confusions(data.confusion(data.last_epoch), limit)
    return [
        Pair(data.classes[p.actual], data.classes[p.predicted], p.count, p.share, p.share / found[0].share)
        for p in found
    ]


def setting_groups(data: RunData) -> list[tuple[str, list[tuple[str, str]]]]:
    """Settings under the name of their part, in the order of the configuration."""
    groups: dict[str, list[tuple[str, str]]] = {"run": []}
    for key, value in flat_settings(data.settings):
        head, dot, rest = key.partition(".")
        shown = (
            f"{value:g}" if isinstance(value, float) else "yes" if value is True else "no" if value is False else value
        )
        groups.setdefault(head if dot else "run", []).append((rest if dot else key, str(shown)))
    manifest = data.manifest
    if manifest is not None:
        versions = [f"{name} {version}" for name, version in manifest.versions.items()]
        about = [("cifar-tui", manifest.code_version), *(tuple(line.split(" ", 1)) for line in versions)]
        about += [("host", manifest.host), ("parent run", manifest.parent or "")]
        groups["versions"] = [(key, value) for key, value in about if value]
    if data.state.run is not None:
        device = data.state.run.device
        groups["device"] = [
            ("name", device.title), ("PyTorch", device.name), ("why", device.reason), ("precision", device.precision)
        ]  # fmt: skip
    return [(name, rows) for name, rows in groups.items() if rows]


def layer_rows(data: RunData) -> list[dict[str, Any]]:
    """The network's layers as texts."""
    return [
        {
            "name": layer.name,
            "kind": layer.kind,
            "output": "×".join(map(str, layer.output_shape)),
            "parameters": count(layer.num_parameters) if layer.num_parameters else "",
            "mflops": f"{layer.flops / 1e6:,.2f}" if layer.flops else "",
            "field": "all" if layer.receptive_field is None else str(layer.receptive_field),
        }
        for layer in (data.state.run.layers if data.state.run else [])
    ]


def events_told(data: RunData) -> list[tuple[str, str]]:
    """What happened besides training: (time since the start, sentence) of commands, pauses, warnings, resumptions."""
    told = []
    for timed in data.state.log:
        match timed.event:
            case ev.Notice(level="info") | ev.RunStarted() | ev.PhaseChanged():
                continue
            case ev.RunEnded() as ended:
                lines = [f"{ended.status}: {ended.reason}"]
            case event:
                lines = describe_event(event)
        told += [(span(timed.seconds), line) for line in lines]
    if data.has_died:
        told.append((span(data.state.seconds), f"{data.status}: {data.reason}"))
    uneventful = len(told) == 1 and data.state.status == "finished"
    return [] if uneventful else told[-200:]
