"""The command `bench`: this machine's figures as a table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from core.bench.figures import Benchmark, Comparison, Say
from core.errors import UsageError
from core.headless import printable
from core.recipes import get_recipe
from tui.cli import AsJson, app

_PIPED_WIDTH = 110
"""Columns of the table where it is not printed on a terminal."""
_UNSTEADY = 1.25
"""Highest ÷ lowest ratio of the pairs from where they say little."""


@app.command()
def bench(
    recipe: Annotated[
        str, typer.Option("-r", "--recipe", help="Whose network, batch size and augmentations.")
    ] = "c10-lenet",
    seconds: Annotated[float, typer.Option(help="Time to measure for; loading comes on top.")] = 50.0,
    pairs: Annotated[int, typer.Option(help="Measurements of each side of a comparison.")] = 5,
    workers: Annotated[
        int | None, typer.Option(help="Processes of the tutorial's DataLoader; by default 0 on a CPU, 4 on a GPU.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(envvar="CIFAR_TUI_DATA_DIR", help="Where data sets are kept.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Measure this machine, in about a minute: training beside a tutorial-style loop, and beside the machine's limits.

    The tutorial-style loop trains the same network with Pillow images, torchvision's transforms, float32, and a look at
    loss and accuracy at every step.
    """
    if workers is not None and workers < 0:
        raise UsageError("--workers must be 0 or more")
    config = get_recipe(recipe).config
    config = msgspec.structs.replace(
        config,
        device=device or config.device,
        data=msgspec.structs.replace(config.data, dir=str(data_dir) if data_dir else config.data.dir),
    )
    from core.bench.compare import benchmark

    with _progress() as say:
        figures = benchmark(config, say, seconds=seconds, pairs=pairs, num_workers=workers)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(figures.as_json()), indent=2).decode())
    else:
        print_table(figures)


@contextmanager
def _progress() -> Iterator[Say]:
    """What is being measured: a line that changes on a terminal, else a line for each."""
    from rich.console import Console

    if not sys.stderr.isatty():
        yield lambda text: typer.echo(printable(text), err=True)
        return
    console = Console(stderr=True, highlight=False)
    # Twice a second, so that the spinner takes nothing from what is measured.
    with console.status("", refresh_per_second=2) as status:
        yield lambda text: status.update(printable(text))


def print_table(figures: Benchmark) -> None:
    """The figures as a table on standard output."""
    from rich.console import Console
    from rich.table import Table

    machine = figures.machine
    images = f"random images in the place of {figures.dataset}" if figures.is_stand_in else figures.dataset
    table = Table(
        title=f"{figures.recipe} on {machine.device}, {machine.precision}\nbatches of {machine.batch_size}; {images}",
        title_justify="left",
        caption="img/s: images a second, medians; ratio: median of the pairs, lowest to highest",
        caption_justify="left",
    )
    for name in ("", "reference", "ours", "ratio"):
        table.add_column(name, justify="left" if not name else "right")
    of = "" if figures.tutorial == figures.recipe else f" of {figures.tutorial}"
    table.add_row(f"training, beside a tutorial-style loop{of}", *_cells(figures.training))
    table.add_row("crop and flip, beside Pillow", *_cells(figures.pipeline))
    table.add_row("events, metrics, recording, beside none", *_cells(figures.events))
    table.add_section()
    rate = figures.training.our_rate
    table.add_row(
        f"computing, beside {machine.precision} matrix products",
        f"{machine.peak_flops_per_second / 1e9:,.0f} GFLOP/s",
        f"{rate * machine.flops_per_image / 1e9:,.0f} GFLOP/s",
        f"{machine.flops_share(rate):.1%}",
    )
    table.add_row(
        "moving, were nothing cached, beside copies",
        f"{machine.copy_bytes_per_second / 1e9:,.1f} GB/s",
        f"{rate * machine.bytes_per_image / 1e9:,.1f} GB/s",
        f"{machine.bytes_share(rate):.1%}",
    )
    peaks = {"float32": machine.float32_flops_per_second, "bfloat16": machine.bfloat16_flops_per_second}
    for name, peak in peaks.items():
        if name != machine.precision:
            table.add_row(f"{name} matrix products", f"{peak / 1e9:,.0f} GFLOP/s")
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    console.print(table)
    if machine.flops_share(rate) > 1:
        console.print(
            "Beyond 100% of computing: Winograd's convolutions multiply less than the plain ones counted here."
        )
    if max(figures.training.unsteadiness, figures.events.unsteadiness) > _UNSTEADY:
        console.print("The pairs lie far apart: other work was on this machine, so repeat it when that is done.")


def _cells(comparison: Comparison) -> tuple[str, str, str]:
    low, high = min(comparison.ratios), max(comparison.ratios)
    return (
        f"{comparison.baseline_rate:,.0f} img/s",
        f"{comparison.our_rate:,.0f} img/s",
        f"×{comparison.ratio:.2f} ({low:.2f}–{high:.2f})",
    )
