"""The network layer by layer, and what the run was set to."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import DataTable

from core import events as ev
from core.export.settings import as_part, in_use, in_words, is_nothing
from core.steered import steered
from tui.bindings import ENDS
from tui.render import numbers
from tui.render.layers import GAUGE, HEADS, layer_cells, shape_text
from tui.render.safe import pad, safe, wrap
from tui.widgets.drawn import Drawn, Scene
from tui.widgets.frame import Title, framed, text_strip
from tui.widgets.pane import Pane

_FACTS_COLUMNS = (36, 46)
_BARS = "share"


class LayerTable(DataTable[Text]):
    """A row a layer."""

    BINDINGS: ClassVar[list[BindingType]] = [*ENDS]

    def __init__(self, scene: Scene, **kwargs: Any) -> None:
        super().__init__(cursor_type="row", **kwargs)
        self.scene = scene

        self._has_bars = True

    def on_mount(self) -> None:
        """The columns."""
        self._add_heads()

    @property
    def needed(self) -> int:
        """Columns of the terminal that it takes without bars, once it has measured its cells."""
        widths = {key.value: column.get_render_width(self) for key, column in self.columns.items()}
        return sum(widths.values()) - widths.get(_BARS, 0) + self.gutter.width + self.scrollbar_size_vertical

    def take_bars(self, room: int) -> int:
        """Draw the bars where there is room, and return what they take. The numbers beside them say the same."""
        width = GAUGE + 2 * self.cell_padding
        if self._has_bars != (width <= room):
            self._has_bars = not self._has_bars
            self.clear(columns=True)
            self._add_heads()
            self.fill()
        return width if self._has_bars else 0

    def fill(self) -> bool:
        """The rows, once the run has told them; a network does not change. Whether they are new."""
        run, look = self.scene.state.run, self.scene.look
        if run is None or self.row_count:
            return False
        for number, layer in enumerate(run.layers):
            cells = zip(HEADS, layer_cells(layer, run.num_parameters, look, look.style("text")), strict=True)
            self.add_row(*(cell for head, cell in cells if self._has(head)), key=str(number))
        return True

    def _add_heads(self) -> None:
        for head in filter(self._has, HEADS):
            self.add_column(Text(head), key=head or _BARS)

    def _has(self, head: str) -> bool:
        return self._has_bars or head != ""


class Facts(Drawn):
    """Totals, data, settings, published result."""

    WATCHES = frozenset({ev.RunStarted, ev.CommandHandled, ev.RolledBack})

    def draw(self, width: int, height: int) -> list[Strip]:
        """Facts in lines."""
        state, look = self.scene.state, self.scene.look
        run = state.run
        inner = width - 2
        body: list[Strip] = []

        def line(label: str, value: str) -> None:
            for piece in wrap(safe(value, 600, ascii=look.ascii), max(inner - 16, 8)):
                text = Text(" ", no_wrap=True, end="").append(pad(safe(label, 13), 13) + " ", look.style("muted"))
                body.append(text_strip(text.append(piece, look.style("text")), inner))
                label = ""

        if run is not None:
            line("recipe", run.recipe)
            line("parameters", f"{run.num_parameters:,}")
            line("FLOPs", f"{numbers.compact(sum(layer.flops for layer in run.layers))} an image, forward")
            line("data", f"{run.dataset}, {len(run.classes)} classes")
            line("images", f"{run.num_train_images:,} train, {run.num_validation_images:,} validation")
            line("image", shape_text(run.image_shape))
            line("steps", f"{state.num_steps:,} of {run.batch_size}, {run.steps_per_epoch:,} an epoch")
            if run.published:
                line("published", run.published.summary)
            body.append(Strip.blank(inner))
            for name, value in settings_lines(steered(run.config, state)):
                line(name, value)
        return framed(body, Title("Run"), width, height, look)


def settings_lines(config: dict[str, Any]) -> list[tuple[str, str]]:
    """The settings in use that say something, each table on a line: optimizer.lr is `lr` under `optimizer`."""
    lines: list[tuple[str, str]] = []
    for name, value in in_use(config).items():
        if name == "recipe" or is_nothing(value):
            continue
        if isinstance(value, dict) and "type" not in value:
            told = ", ".join(f"{key} {as_part(item)}" for key, item in value.items() if not is_nothing(item))
            lines.append((name, told))
        else:
            lines.append((name, in_words(value)))
    return lines


class ModelPane(Pane):
    """Table and facts."""

    def compose(self) -> ComposeResult:
        """The facts stand beside the table where there is room."""
        with Horizontal():
            yield LayerTable(self.scene)
            yield Facts(self.scene, id="facts")

    def first_focus(self) -> Widget | None:
        """The table."""
        return self.query_one(LayerTable)

    def on_resize(self, event: events.Resize) -> None:
        """Share the room anew."""
        self.call_after_refresh(self._share)

    def show(self, kinds: set[type] | None) -> None:
        """Fill the table once the run has started."""
        if self.query_one(LayerTable).fill():
            self.call_after_refresh(self._share)  # a table measures its cells when it is idle
        super().show(kinds)

    def _share(self) -> None:
        """The facts make room for a table that needs it, as far as they can still be read; then it has all."""
        table, facts = self.query_one(LayerTable), self.query_one(Facts)
        narrowest, widest = _FACTS_COLUMNS
        room = self.size.width - table.needed
        facts.display = room >= narrowest
        room -= table.take_bars(room - narrowest if facts.display else room)
        facts.styles.width = max(min(room, widest), narrowest)

    def recolor(self) -> None:
        """Cells hold their colours: fill anew."""
        self.query_one(LayerTable).clear()
        self.query_one(LayerTable).fill()
