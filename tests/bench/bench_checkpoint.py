"""The price of checkpoints: time of a save by network, and the share of a real run that went into saving.

    python tests/bench/bench_checkpoint.py [RUN_FOLDER]

Without a run folder it trains one epoch of the demo's recipe first. Medians of 15 saves, the networks in turn.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from core import events as ev
from core.checkpoint import prune, save_checkpoint
from core.models import build_model
from core.optim.factory import build_optimizer
from core.reader import read_all
from core.recipes import get_recipe

_REPEATS = 15
_RECIPES = {"shapes-small": 10, "c10-lenet": 10, "c100-resnet26-adam": 100, "c100super-resnet9": 20}


def trained_state(recipe: str, num_classes: int) -> dict[str, Any]:
    """Weights and optimiser of a recipe after one step."""
    config = get_recipe(recipe).config
    model = build_model(config.model.name, num_classes=num_classes, image_shape=(3, 32, 32), args=config.model.args)
    optimizer = build_optimizer(model, config.optimizer, torch.device("cpu"))
    model(torch.randn(2, 3, 32, 32)).sum().backward()
    optimizer.step()
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "progress": {"step": 1}}


def time_saves(folder: Path) -> None:
    """Print megabytes and milliseconds of a save, for each recipe."""
    states = {recipe: trained_state(recipe, classes) for recipe, classes in _RECIPES.items()}
    seconds: dict[str, list[float]] = {recipe: [] for recipe in states}
    sizes = {}
    for repeat in range(_REPEATS):
        for recipe, state in states.items():
            started = time.perf_counter()
            path, meta = save_checkpoint(folder, state, step=repeat, epoch=0, reason="epoch", keep=False, metrics={})
            prune(folder, keep_last=2, protected=[path])
            seconds[recipe].append(time.perf_counter() - started)
            sizes[recipe] = meta.num_bytes
    print(f"{'recipe':<22}{'MiB':>8}{'ms a save (median)':>22}{'fastest':>10}{'slowest':>10}")
    for recipe, values in seconds.items():
        low, middle, high = (1000 * f(values) for f in (min, statistics.median, max))
        print(f"{recipe:<22}{sizes[recipe] / 2**20:>8.1f}{middle:>22.1f}{low:>10.1f}{high:>10.1f}")


def share_of_run(run: Path) -> None:
    """Print how much of a run's wall time went into saving."""
    records = read_all(run / "events.jsonl")
    saves = [record.event.seconds for record in records if isinstance(record.event, ev.CheckpointSaved)]
    ended = [record.event.seconds for record in records if isinstance(record.event, ev.RunEnded)]
    wall = sum(ended)
    print(f"\n{run.name}: {len(saves)} saves took {sum(saves):.2f} s of {wall:.1f} s: {sum(saves) / wall:.2%}")


def main() -> None:
    """Run both parts."""
    with tempfile.TemporaryDirectory() as scratch:
        time_saves(Path(scratch) / "checkpoints")
        run = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch) / "runs" / "bench"
        if len(sys.argv) == 1:
            command = [sys.executable, "-m", "tui", "--no-ui", "-r", "shapes-small", "--epochs", "1"]
            subprocess.run(
                [*command, "--runs-dir", str(run.parent), "--run-id", run.name], check=True, capture_output=True
            )
        share_of_run(run)


if __name__ == "__main__":
    main()
