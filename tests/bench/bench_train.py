"""Training beside a tutorial-style loop, end to end and in steps; the pipeline beside Pillow; events on and off.

    python tests/bench/bench_train.py [--pairs 5] [--seconds 5] [--workers 0] [--data-dir DIR] [NAME ...]

NAME is a recipe (by default systems A and B and their -fast variants, where there are such), `pipeline`, `events` or
`epochs`. Both sides of a pair run in turn; medians of the pairs. Half an hour on two cores, most of it `epochs`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from core.bench import compare
from core.bench.figures import Comparison
from core.config import TrainConfig
from core.recipes import RECIPES, get_recipe

SYSTEM_A, SYSTEM_B = "c10-lenet", "c100super-resnet9"
TRAINED = [name for name in (SYSTEM_A, f"{SYSTEM_A}-fast", SYSTEM_B, f"{SYSTEM_B}-fast") if name in RECIPES]
PARTS = ["pipeline", "events", "epochs"]


def say(text: str) -> None:
    """On standard error, so that the figures can be kept apart."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def show(title: str, names: tuple[str, str], result: Comparison) -> None:
    """A line of figures."""
    baseline, ours = names
    print(
        f"{title:<44}{baseline} {result.baseline_rate:,.0f} img/s, {ours} {result.our_rate:,.0f} img/s, "
        f"ratio {result.ratio:.3f} (pairs {', '.join(f'{ratio:.3f}' for ratio in result.ratios)})",
        flush=True,
    )


def settings(name: str, data_dir: str | None) -> TrainConfig:
    """A recipe's, with the data where it lies."""
    config = get_recipe(name).config
    data = msgspec.structs.replace(config.data, dir=data_dir or os.environ.get("CIFAR_TUI_DATA_DIR"))
    return msgspec.structs.replace(config, data=data)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*TRAINED, *PARTS])}")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a sample of steps")
    parser.add_argument("--workers", type=int, default=None, help="of the tutorial's DataLoader")
    parser.add_argument("--data-dir", default=None)
    options = parser.parse_args()
    names = options.names or [*TRAINED, *PARTS]
    with tempfile.TemporaryDirectory(prefix="cifar-tui-bench-") as temporary:

        def train(name: str, *, whole_epochs: bool = False) -> None:
            ours = settings(name, options.data_dir)
            folder = Path(temporary) / f"{name}-{whole_epochs}"
            folder.mkdir()
            result = compare.compare_training(
                compare.tutorial_recipe(ours),
                ours,
                folder,
                say,
                pairs=options.pairs,
                seconds=options.seconds,
                whole_epochs=whole_epochs,
                num_workers=options.workers,
            )
            show(f"{name}, {'epoch and evaluation' if whole_epochs else 'steps'}", ("tutorial", "ours"), result)

        for name in names:
            if name == "epochs":
                for each in TRAINED:
                    if each.startswith(SYSTEM_A):
                        train(each, whole_epochs=True)
            elif name not in PARTS:
                train(name)
        if parts_asked := [name for name in names if name in ("pipeline", "events")]:
            config = settings(SYSTEM_A, options.data_dir)
            with compare.parts_worker(config, Path(temporary), say) as parts:
                pairs, seconds = options.pairs, options.seconds
                if "pipeline" in parts_asked:
                    result = compare.compare_pipeline(parts, say, pairs=pairs, seconds=seconds)
                    show("crop and flip", ("Pillow", "ours"), result)
                if "events" in parts_asked:
                    result = compare.compare_events(parts, say, pairs=pairs, seconds=seconds)
                    show(f"{SYSTEM_A}, events", ("off", "on"), result)


if __name__ == "__main__":
    main()
