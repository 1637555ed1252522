"""What the home screen says of the run under the cursor: its curve, its settings, its notes. Pure."""

from __future__ import annotations

from rich.text import Text
from textual.strip import Strip

from core.runfilter import Row
from core.runsummary import GONE
from tui.render import numbers
from tui.render.axes import Axis, Unit
from tui.render.palettes import Look, Role
from tui.render.plot import Note, PlotSpec, Series, Stroke, draw_plot
from tui.render.safe import pad, safe, wrap
from tui.widgets.frame import Title, framed, text_strip

_LABEL = 9


def draw_facts(row: Row | None, width: int, height: int, look: Look, *, now_wall: float) -> list[Strip]:
    """The panel below the list: accuracy on the left, facts on the right."""
    if row is None or height < 3:
        return framed([], Title("Run"), width, height, look)
    left = 0 if width < 90 or row.summary.problem else width // 2
    right = width - left
    facts = _facts(row, right - 2, height - 2, look, now_wall)
    panel = framed(facts, Title(safe(row.summary.id, right - 8, ascii=look.ascii)), right, height, look)
    if not left:
        return panel
    plot = draw_plot(curve_plot(row), left - 2, height - 2, look)
    chart = framed(plot, Title("Accuracy", legend=Text("validation", look.style("muted"))), left, height, look)
    return [Strip.join([before, after]) for before, after in zip(chart, panel, strict=True)]


def curve_plot(row: Row) -> PlotSpec:
    """Validation accuracy by epoch, from what the list knows."""
    one = row.summary
    count = len(one.curve)
    epochs = [1 + index * max(one.epoch - 1, 1) / max(count - 1, 1) for index in range(count)]
    notes = (Note(float(one.best_epoch), one.best, "★", numbers.percent(one.best)),) if one.best is not None else ()
    return PlotSpec(
        series=(Series("val", epochs, one.curve, "validation", Stroke.LINE, "●"),),
        x=Axis(Unit.COUNT, "epoch"),
        y=Axis(Unit.PERCENT),
        x_range=(0.0, float(max(one.num_epochs, one.epoch, 1))),
        notes=notes,
        empty="No epoch has ended yet",
    )


def fact_lines(row: Row, now_wall: float) -> list[tuple[str, str, Role]]:
    """Label, text and role of each fact."""
    one, lines = row.summary, []

    def fact(label: str, text: str, role: Role = "text") -> None:
        if text:
            lines.append((label, text, role))

    if one.problem:
        fact("problem", one.problem, "bad")
    good = row.condition in ("finished", "running", "starting")
    how = row.condition + (f": {one.reason}" if one.reason else "")
    if row.condition == "died":
        how = f"died: {GONE}; r resumes it from its last checkpoint"
    elif row.condition == "silent":
        how = "silent: its trainer holds the run but has said nothing for a while"
    if not one.problem:
        fact("state", how, "good" if good else "bad" if row.condition in ("failed", "diverged", "died") else "warn")
    fact("recipe", f"{one.recipe} on {one.dataset}" if one.recipe else "")
    if one.best is not None:
        fact("accuracy", f"best {one.best:.2%} at epoch {one.best_epoch}, last {numbers.percent(one.last, 2)}", "best")
    if one.num_steps:
        seed = "" if one.seed is None else f", seed {one.seed}"
        fact("progress", f"epoch {one.epoch}/{one.num_epochs}, step {one.step:,}/{one.num_steps:,}{seed}")
    if one.images_per_second:
        fact("speed", f"{numbers.rate(one.images_per_second)}, {numbers.duration(one.seconds)} in all")
    fact("device", one.device + (f" on {one.host}" if one.host and one.device else ""), "muted")
    if one.created:
        fact("started", numbers.age(now_wall - one.created), "muted")
    if one.num_corrupt:
        fact("damage", f"{one.num_corrupt} damaged lines passed over", "warn")
    fact("tags", " ".join(f"#{tag}" for tag in row.notes.tags), "mark")
    fact("note", row.notes.note)
    return lines


def _facts(row: Row, width: int, height: int, look: Look, now_wall: float) -> list[Strip]:
    found: list[Strip] = []
    for label, text, role in fact_lines(row, now_wall):
        for number, piece in enumerate(wrap(safe(text, 2000, ascii=look.ascii), max(width - _LABEL - 2, 10))):
            line = Text(" ", no_wrap=True, end="")
            line.append(pad(label if number == 0 else "", _LABEL), look.style("muted"))
            line.append(piece, look.style(role))
            found.append(text_strip(line, width))
    return found[:height]
