"""What a GPU makes of the fast path: `make gpu-check`, after the tests marked `gpu`.

    python tests/bench/gpu_check.py [--runs 10] [--against "python airbench94_muon.py"]

Prints, on real CIFAR-10: milliseconds a step with and without a CUDA graph and with everything recorded or nothing;
training seconds and accuracy of the speed recipes over several seeds, mean and standard deviation, with and without
test-time views. `--against` times another program on the same machine, in turn with c10-speedrun: it has to print a
line with its seconds as `time=3.14`.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from msgspec.structs import replace

from core.fold import fold
from core.meter import Meter
from core.recipes import get_recipe
from core.setup import Setup, set_up
from core.step import GraphedStep, Step, Stepper

_STEPS = 50
_ROUNDS = 7
_AIMS = {"c10-speedrun": 0.94, "c10-95": 0.95, "c10-96": 0.96, "c100-speedrun": 0.75}


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10, help="seeds of c10-speedrun; the longer recipes take 3")
    parser.add_argument("--against", help="command of another program to be timed in turn with c10-speedrun")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("no CUDA device: nothing to check")
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}")
    for recipe in ("c10-lenet-fast", "c10-speedrun"):
        step_times(recipe)
    with tempfile.TemporaryDirectory() as runs:
        others = []
        results = []
        for seed in range(options.runs):
            results.append(train("c10-speedrun", seed, Path(runs)))
            if options.against:
                others.append(time_other(options.against))
        report("c10-speedrun", results)
        if others:
            ratio = statistics.median(one[0] for one in results) / statistics.median(others)
            print(f"  against {options.against}: {statistics.median(others):.2f} s, ours is {ratio:.2f} of it")
        for recipe in list(_AIMS)[1:]:
            report(recipe, [train(recipe, seed, Path(runs)) for seed in range(3)])


def step_times(recipe: str) -> None:
    """Milliseconds a step: plain, as a graph, and as a graph with metrics recorded; interleaved medians."""
    setup = set_up(replace(get_recipe(recipe).config, device="cuda"), lambda event: None)
    for group in setup.optimizer.param_groups:
        group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=setup.device)
        if "capturable" in group:
            group["capturable"] = True
    plain = Step(setup)
    graphed = GraphedStep(plain)
    graphed.capture(*setup.train_data.batch(1, 0))
    ways = {"plain": (plain, False), "graph": (graphed, False), "graph, recorded": (graphed, True)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, (step, recorded) in ways.items():
            times[name].append(_time(step, setup, recorded=recorded))
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{recipe}: " + ", ".join(f"{name} {value:.3f} ms" for name, value in medians.items()))
    print(
        f"  recorded / not: {medians['graph'] / medians['graph, recorded']:.4f}, "
        f"peak memory {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB"
    )


def _time(step: Stepper, setup: Setup, *, recorded: bool) -> float:
    meter = Meter(setup.device)
    torch.cuda.synchronize()
    started = time.perf_counter()
    meter.start()
    for index in range(_STEPS):
        inputs, labels = setup.train_data.batch(1, index % (setup.train_data.steps_per_epoch - 1))
        measures = step(inputs, labels)
        if recorded:
            meter.record(index, *measures, lr=0.1, num_images=len(labels))
            meter.take(1)
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / _STEPS * 1000


def train(recipe: str, seed: int, runs: Path) -> tuple[float, float, float]:
    """Training seconds, accuracy without and with test-time views, of the command line's own run."""
    name = f"{recipe}-{seed}"
    command = [sys.executable, "-m", "tui", "--no-ui", "-r", recipe, "--seed", str(seed), "--device", "cuda"]
    subprocess.run([*command, "--run-id", name, "--runs-dir", str(runs)], check=True, capture_output=True, text=True)
    state = fold(runs / name / "events.jsonl")
    last = state.epochs[-1].validation
    return state.training_seconds, last.top1, last.top1_test_time or last.top1


def report(recipe: str, results: list[tuple[float, float, float]]) -> None:
    """Mean and standard deviation over seeds."""
    seconds, plain, views = zip(*results, strict=True)
    spread = statistics.stdev if len(results) > 1 else lambda values: 0.0
    print(
        f"{recipe}: {statistics.median(seconds):.2f} s of training, {len(results)} seeds; "
        f"{statistics.mean(plain):.2%} ± {spread(plain):.2%} plain, "
        f"{statistics.mean(views):.2%} ± {spread(views):.2%} with test-time views (aim {_AIMS[recipe]:.0%})"
    )


def time_other(command: str) -> float:
    """Seconds that another program says it took."""
    done = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)
    found = re.findall(r"time=([0-9.]+)", done.stdout)
    if not found:
        sys.exit(f"{command} printed no time=SECONDS")
    return float(found[-1])


if __name__ == "__main__":
    main()
