"""The HTML report: one file that needs nothing else, to be read, printed and sent around."""

from __future__ import annotations

import base64
import hashlib
import math
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from core.errors import StorageError
from core.export import words
from core.export.files import write_text
from core.export.gather import RunData, read_answers
from core.export.heatmap import heatmap, level_css, ramp_css
from core.export.mistakes import Mistake, worst_mistakes
from core.export.report_charts import accuracy_chart, loss_chart, lr_chart
from core.export.report_tables import class_rows, confused_pairs, events_told, key_figures, layer_rows, setting_groups
from core.metrics import collapse

_FOLDER = Path(__file__).parent
_NUM_MISTAKES = 24


def write_report(data: RunData, path: Path) -> tuple[Path, list[str]]:
    """Write the report; return its path and what had to be left out.

    Raises:
        StorageError: it cannot be written.
    """
    html, left_out = report(data)
    return write_text(path, html), left_out


def report(data: RunData) -> tuple[str, list[str]]:
    """The report as HTML, and what had to be left out of it, in sentences.

    Every text of the run goes through the template's escaping, and a content security policy forbids the page any
    script but its own and any request to anywhere.
    """
    run, last = data.state.run, data.last_epoch
    script = (_FOLDER / "report.js").read_text()
    left_out: list[str] = []
    mistakes: list[Mistake] = []
    num_wrong = 0
    if last is not None:
        try:
            mistakes, num_wrong = worst_mistakes(*read_answers(data), data.classes, _NUM_MISTAKES)
        except StorageError as error:
            left_out.append(f"the report has no images of mistakes: {error}")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["finite"] = math.isfinite
    environment.filters |= {
        "percent": words.percent, "points": words.points, "number": words.number, "count": words.count,
        "plain": words.plain_name,
    }  # fmt: skip
    html = environment.get_template("report.html.j2").render(
        data=data,
        run=run,
        state=data.state,
        last=last,
        created=words.date(data.manifest.created if data.manifest else None),
        figures=key_figures(data),
        accuracy=accuracy_chart(data),
        accuracy_narrow=accuracy_chart(data, narrow=True),
        loss=loss_chart(data),
        lr=lr_chart(data),
        class_rows=class_rows(data),
        pairs=confused_pairs(data, 12),
        matrix=_matrix(data),
        groups_matrix=_groups_matrix(data),
        mistakes=mistakes,
        num_wrong=num_wrong,
        settings=setting_groups(data),
        layers=layer_rows(data),
        told=events_told(data),
        css=Markup(_style()),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return html, left_out


def _style() -> str:
    css = (_FOLDER / "report.css").read_text()
    ramps = (
        f":root{{{ramp_css('light')}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{ramp_css('dark')}}}}}\n"
    )
    return ramps + level_css() + "\n" + css


def _order(data: RunData) -> tuple[list[int], list[tuple[str, int]]]:
    """Label indices for the matrix, and its groups: classes lie by their superclass where there are any."""
    run, num_classes = data.state.run, len(data.classes)
    if run is None or not run.superclass_of:
        return list(range(num_classes)), []
    order = sorted(range(num_classes), key=lambda label: (run.superclass_of[label], label))
    sizes = [run.superclass_of.count(group) for group in range(len(run.superclasses))]
    return order, [(name, size) for name, size in zip(run.superclasses, sizes, strict=True) if size]


def _matrix(data: RunData) -> Markup | None:
    if data.last_epoch is None:
        return None
    order, groups = _order(data)
    counts = data.confusion(data.last_epoch)[np.ix_(order, order)]
    return heatmap(counts, [data.classes[label] for label in order], "Confusion matrix", groups)


def _groups_matrix(data: RunData) -> Markup | None:
    run: Any = data.state.run
    if data.last_epoch is None or not _order(data)[1]:
        return None
    counts = collapse(data.confusion(data.last_epoch), run.superclass_of, len(run.superclasses))
    return heatmap(counts, run.superclasses, "Confusion matrix of superclasses")
