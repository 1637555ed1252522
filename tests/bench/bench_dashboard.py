"""What watching costs: CPU a frame, bytes over the terminal, first paint, key to screen, and images a second.

    python tests/bench/bench_dashboard.py [--pairs 3] [--recipe shapes-small] [--skip-training]

Everything is measured on the real program in a real pseudo-terminal.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from core import events as ev
from tests.ui.canned import Canned
from tests.ui.terminal import Terminal

SECONDS = 8.0
CHUNK_SECONDS = 0.2


def long_run(folder: Path, num_steps: int) -> Canned:
    """A canned run that has done `num_steps` of twice as many."""
    steps_per_epoch = max(num_steps // 20, 10)
    run = Canned(folder, num_epochs=40, steps_per_epoch=steps_per_epoch).start()
    while run.step < num_steps:
        for _ in range(max(1, steps_per_epoch // 500)):
            run.emit(run._batches(min(500, steps_per_epoch)), 0.2)
        run.end_epoch()
    return run


class Writer(threading.Thread):
    """Goes on with a canned run as a trainer would: ten steps every 200 ms, stamped with the present."""

    def __init__(self, run: Canned) -> None:
        super().__init__(daemon=True)
        self.run_, self.done = run, threading.Event()

    def run(self) -> None:
        while not self.done.wait(CHUNK_SECONDS):
            self.run_.emit(self.run_._batches(10), CHUNK_SECONDS)


def settings(folder: Path, frames_per_second: float) -> None:
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "dashboard.json").write_text(json.dumps({"frames_per_second": frames_per_second}))


def measure_viewer(num_steps: int, frames_per_second: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings(folder, frames_per_second)
        run = long_run(folder / "runs", num_steps)
        with Terminal(["attach", "last", "--runs-dir", "runs"], folder) as terminal:
            first = terminal.wait_for("Loss")
            shown = first + terminal.wait_for("best ")
            process = psutil.Process(terminal.process.pid)
            terminal.drain(1.5)
            idle_before = sum(process.cpu_times()[:2])
            idle = terminal.drain(SECONDS)
            idle_cpu = sum(process.cpu_times()[:2]) - idle_before
            writer = Writer(run)
            writer.start()
            terminal.drain(1.5)
            before = sum(process.cpu_times()[:2])
            sent = terminal.drain(SECONDS)
            cpu = sum(process.cpu_times()[:2]) - before
            waits = []
            for key, sign in (
                ("2", "precision"),
                ("1", "Loss"),
                ("3", "Commonest"),
                ("1", "Loss"),
                ("7", "of "),
                ("1", "Loss"),
            ):
                terminal.press(key)
                waits.append(terminal.wait_for(sign))
            writer.done.set()
            frames = SECONDS * frames_per_second
            memory = process.memory_info().rss / 2**20
        print(
            f"{num_steps:>9,} steps, {frames_per_second:g} fps: first paint {first:.2f} s, run shown {shown:.2f} s, "
            f"{1000 * cpu / frames:.1f} ms CPU a frame, {sent / SECONDS / 1000:.1f} kB/s training, "
            f"idle {idle / SECONDS / 1000:.2f} kB/s and {100 * idle_cpu / SECONDS:.1f}% CPU, "
            f"key to screen {1000 * statistics.median(waits):.0f} ms median {1000 * max(waits):.0f} ms worst "
            f"(first openings included), {memory:.0f} MiB"
        )


def measure_training(recipe: str, pairs: int, steps: int, frames_per_second: float) -> None:
    """Images a second with and without a dashboard attached, one after the other, in turn."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings(folder, frames_per_second)
        for number in range(2 * pairs):
            watched = number % 4 in (1, 2)  # ABBA, so that a drift of the machine hits both alike
            run_id = f"bench-{number}"
            command = [sys.executable, "-m", "tui", "--no-ui", "-r", recipe, "--max-steps", str(steps)]
            trainer = subprocess.Popen(
                [*command, "--runs-dir", "runs", "--run-id", run_id],
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            run = folder / "runs" / run_id
            while not (run / "run.json").exists():
                time.sleep(0.01)
            if watched:
                with Terminal(["attach", run_id, "--runs-dir", "runs"], folder) as terminal:
                    while trainer.poll() is None:
                        terminal.read(0.2)
            trainer.wait()
            rates[watched].append(rate_of(run))
    ratios = [watched / alone for alone, watched in zip(rates[False], rates[True], strict=True)]
    print(
        f"{recipe}, {steps} steps, {frames_per_second:g} fps: headless {statistics.median(rates[False]):,.0f} img/s, "
        f"watched {statistics.median(rates[True]):,.0f} img/s, ratio of medians "
        f"{statistics.median(rates[True]) / statistics.median(rates[False]):.3f}, "
        f"pairs {', '.join(f'{ratio:.3f}' for ratio in ratios)}"
    )


def rate_of(run: Path) -> float:
    """Images a second over the whole training, the first steps left out."""
    from core.reader import read_all

    chunks = [record.event for record in read_all(run / "events.jsonl") if isinstance(record.event, ev.Batches)][5:]
    return sum(chunk.num_images for chunk in chunks) / sum(chunk.seconds for chunk in chunks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--recipe", action="append")
    parser.add_argument("--skip-training", action="store_true")
    parser.add_argument("--skip-viewer", action="store_true")
    options = parser.parse_args()
    if not options.skip_viewer:
        for num_steps in (100, 1_000_000):
            for frames_per_second in (4, 10):
                measure_viewer(num_steps, frames_per_second)
    if not options.skip_training:
        for recipe in options.recipe or ["shapes-small", "c10-lenet"]:
            measure_training(recipe, options.pairs, options.steps, 4)


if __name__ == "__main__":
    main()
