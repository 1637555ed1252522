"""A network layer by layer, as cells of a table."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from core.events import Layer
from tui.render import numbers
from tui.render.palettes import Look
from tui.render.safe import safe
from tui.render.spark import gauge

HEADS = ("layer", "kind", "output", "parameters", "", "FLOPs", "sees")
GAUGE = 10


def shape_text(sides: tuple[int, ...] | list[int]) -> str:
    """64×8×8."""
    return "×".join(f"{side:,}" for side in sides)


def layer_cells(layer: Layer, num_parameters: int, look: Look, plain: Style) -> list[Text]:
    """What stands below `HEADS`, numbers to the right.

    Args:
        layer: of the network.
        num_parameters: of the whole network, of which the bar shows the layer's part.
        look: how it may look.
        plain: the style of what has no role.
    """
    quiet = look.style("muted")
    none = Text("·", quiet, justify="right")
    field = layer.receptive_field
    return [
        Text(safe(layer.name, 40), plain),
        Text(safe(layer.kind, 30), look.style("done")),
        Text(shape_text(layer.output_shape), plain, justify="right"),
        Text(numbers.count(layer.num_parameters), justify="right") if layer.num_parameters else none,
        gauge(layer.num_parameters / max(num_parameters, 1), GAUGE, look, role="series_a"),
        Text(numbers.compact(layer.flops), justify="right") if layer.flops else none,
        Text("all" if field is None else shape_text([field, field]), quiet, justify="right"),
    ]
