"""The command `explain`: how a convolution works, and what networks are made of.

PyTorch is loaded for a recipe's network alone, by `core`.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import UsageError
from tui.attach import wants_ascii
from tui.cli import AsciiOnly, Color, app

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from tui.render.palettes import Look

_PIPED_WIDTH = 110
"""Columns where it is not printed on a terminal."""


@app.command()
def explain(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="Show this recipe's network layer by layer instead.")
    ] = None,
    input: Annotated[
        str | None, typer.Option(metavar="GRID", help='Rows apart by "/", as "1 2 1/3 1 2/2 0 1".')
    ] = None,
    kernel: Annotated[str | None, typer.Option(metavar="GRID", help='As "1 0/0 1".')] = None,
    stride: Annotated[
        int | None, typer.Option(metavar="N", help="Cells from one window to the next; without it 1 and 2.")
    ] = None,
    padding: Annotated[int | None, typer.Option(metavar="N", help="Zeros on each side of the input.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="ROW,COL", help="The output's cell to work out, counted from 0,0.")
    ] = None,
    ascii: AsciiOnly = False,
    color: Color = "auto",
) -> None:
    """Explain convolution and pooling on small grids, and the size of the data layer by layer.

    The grids are those of the tutorial, or yours; with options for them only what these change is drawn.
    """
    options = (input, kernel, stride, padding, at)
    is_published = all(option is None for option in options)
    from core.recipes import get_recipe
    from tui.explain import page
    from tui.explain.networks import recipe_layers
    from tui.explain.windows import PUBLISHED_INPUT, PUBLISHED_KERNEL, Convolution, parse_grid, parse_place

    console, look = _console(ascii=ascii or wants_ascii(), color=color)
    width = shutil.get_terminal_size((_PIPED_WIDTH, 0)).columns
    if recipe is not None:
        if not is_published:
            raise UsageError("a recipe's network has no grids: leave out RECIPE, or the options")
        found = get_recipe(recipe)
        _print([page.recipe_lines(found, recipe_layers(found), width, look)], console)
        return
    convolution = Convolution(
        parse_grid(PUBLISHED_INPUT if input is None else input, "--input"),
        parse_grid(PUBLISHED_KERNEL if kernel is None else kernel, "--kernel"),
        stride=1 if stride is None else stride,
        padding=padding or 0,
    )
    place = (0, 0) if at is None else parse_place(at)
    other_strides = (2,) if stride is None else ()
    sections = [page.convolution_lines(convolution, place, width, look, other_strides=other_strides)]
    if is_published or input is not None:
        sections.append(page.pooling_lines(convolution.image, width, look))
    if is_published:
        sections.append(page.networks_lines(width, look))
    needed = max(line.cell_len for section in sections for line in section)
    if needed > width and sys.stdout.isatty() and not is_published:
        raise UsageError(f"this takes {needed} columns, and the terminal has {width}: use smaller grids, or a pipe")
    _print(sections, console)


def _console(*, ascii: bool, color: str) -> tuple[Console, Look]:
    """Standard output, and how it may look there: in the dashboard's palette."""
    from rich.console import Console

    from tui.render.palettes import make_look
    from tui.settings import load_settings, settings_file

    console = Console(
        highlight=False,
        no_color=color == "never" or None,
        force_terminal=True if color == "always" else None,
    )
    settings = load_settings(settings_file())
    look = make_look(
        settings.palette,
        dark=settings.theme == "dark",
        color_system=console.color_system,
        no_color=console.no_color,
        ascii=ascii,
    )
    return console, look


def _print(sections: list[list[Text]], console: Console) -> None:
    """Sections with an empty line between them."""
    with console.capture() as drawn:  # written by rich itself it would end with 1 where a pipe's reader has left
        for number, section in enumerate(filter(None, sections)):
            if number:
                console.print()
            for line in section:
                line.rstrip()
                console.print(line, soft_wrap=True)  # the terminal may wrap what is too wide, but nothing is cut off
    typer.echo(drawn.get(), nl=False, color=True)  # rich has left the colours out where none are wanted
