"""CPU milliseconds of each drawing: python tests/bench/bench_render.py

Thread time, so that other programs on the machine do not count; the median of 31 runs after two to warm up.
The drawings of the dashboard at 120x40 are about 60x12; at 200x60 and full screen they are larger.
"""

import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from tui.render.heatmap import HeatSpec, draw_heatmap
from tui.render.image import Tile, draw_grid
from tui.render.palettes import Look, palette
from tui.render.plot import Axis, Note, PlotSpec, Series, Stroke, Unit, draw_plot
from tui.render.spark import progress, sparkline

LOOK = Look(palette())
SIZES = [(60, 12), (60, 16), (120, 40), (200, 50)]
LENGTHS = [100, 10_000, 1_000_000]


def milliseconds(draw: Callable[[], object], runs: int = 31) -> float:
    draw()
    draw()
    times = []
    for _ in range(runs):
        start = time.thread_time()
        draw()
        times.append(time.thread_time() - start)
    return 1e3 * statistics.median(times)


def loss_plot(num_steps: int) -> PlotSpec:
    """Batches as a band, smoothed batches, and the validation of thirty epochs."""
    steps = np.arange(num_steps, dtype=float)
    loss = 2.3 * np.exp(-3 * steps / num_steps) + 0.2 * np.random.default_rng(0).standard_normal(num_steps)
    epochs = np.linspace(0, num_steps, 30)
    return PlotSpec(
        series=(
            Series("batches", steps, loss, "train_band", Stroke.BAND),
            Series("smooth", steps, loss, "train", smoothing=0.98),
            Series("val", epochs, 2 * np.exp(-3 * epochs / num_steps), "validation", Stroke.HEAVY, "●"),
        ),
        x=Axis(Unit.COUNT, "step"),
    )


def accuracy_plot(num_epochs: int) -> PlotSpec:
    epochs = np.arange(1, num_epochs + 1)
    rise = 1 - np.exp(-5 * epochs / num_epochs)
    return PlotSpec(
        series=(
            Series("published", epochs, 0.8 * rise, "ghost", Stroke.DOTTED),
            Series("train", epochs, 0.75 * rise, "train"),
            Series("val", epochs, 0.7 * rise, "validation", Stroke.HEAVY, "●"),
            Series("top-5", epochs, 0.9 * rise, "top5", Stroke.DASHED),
        ),
        x=Axis(Unit.COUNT, "epoch"),
        y=Axis(Unit.PERCENT),
        notes=(Note(num_epochs, 0.69, "★", "69.4%"),),
    )


def lr_plot(num_steps: int) -> PlotSpec:
    steps = np.linspace(0, num_steps, 600)
    lr = 0.05 * (1 + np.cos(np.pi * steps / num_steps))
    return PlotSpec(
        series=(
            Series("planned", steps, lr, "planned", Stroke.DASHED),
            Series("done", steps[:200], lr[:200], "done", Stroke.HEAVY),
        ),
        x=Axis(Unit.COUNT, "step"),
        y=Axis(Unit.LEARNING_RATE),
        notes=(Note(steps[199], lr[199], "◆", "0.081", "now"),),
    )


def print_row(name: str, draw: Callable[[int, int, Look], object]) -> None:
    cells = [milliseconds(partial(draw, width, height, LOOK)) for width, height in SIZES]
    print(f"{name:28}" + "".join(f"{cell:10.2f}" for cell in cells))


def main() -> None:
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")
    print(f"\n{'milliseconds of CPU':28}" + "".join(f"{f'{width}x{height}':>10}" for width, height in SIZES))
    plots = {f"loss, {length:,} steps": loss_plot(length) for length in LENGTHS}
    plots |= {"accuracy, 30 epochs": accuracy_plot(30), "learning rate": lr_plot(15_000)}
    for name, plot in plots.items():
        print_row(name, partial(draw_plot, plot))
    random = np.random.default_rng(0)
    for classes in (10, 20, 100):
        names = tuple(f"class_{index}" for index in range(classes))
        matrix = random.integers(0, 90, (classes, classes))
        print_row(f"confusion, {classes} classes", partial(draw_heatmap, HeatSpec(matrix, names, cursor=(1, 2))))
    tiles = [Tile(random.integers(0, 256, (32, 32, 3), dtype=np.uint8), "cat", "dog", 0.9) for _ in range(12)]
    start = time.thread_time()
    draw_grid(tiles, 200, 50, LOOK)
    first = 1e3 * (time.thread_time() - start)
    again = milliseconds(lambda: draw_grid(tiles, 200, 50, LOOK))
    print(f"\nimages, 10 of 32x32 on 200x50: {first:.1f} the first time, {again:.1f} again")
    values = random.random(30).tolist()
    print(f"sparkline of 30: {milliseconds(lambda: sparkline(values, 30, LOOK)):.3f}")
    print(f"progress bar of 80: {milliseconds(lambda: progress(0.4, 80, LOOK)):.3f}")


if __name__ == "__main__":
    main()
