"""What watching costs: CPU a frame, bytes over the terminal, first paint, key to screen, and images a second.

    python tests/bench/bench_dashboard.py [--pairs 3] [--steps 400] [--recipe shapes-small] [--frames 4 --frames 10]

Everything is measured on the real program in a real pseudo-terminal. The frame rate is the setting of that name in
dashboard.json. What else runs on the machine counts: the last column says how much of it was free.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from core import events as ev
from tests.ui.canned import Canned
from tests.ui.terminal import Terminal

SECONDS = 8.0
CHUNK_SECONDS = 0.2
KEYS = (("2", "precision"), ("1", "Loss"), ("3", "Commonest"), ("1", "Loss"), ("7", "of "), ("1", "Loss"))
"""Keys, and what is on the screen once they have done their work."""


class Present(Canned):
    """A canned run whose events happen now, so that the viewer takes it for alive."""

    @property
    def wall(self) -> float:
        """The present."""
        return time.time()


def long_run(folder: Path, num_steps: int) -> Canned:
    """A run that has done `num_steps` of twice as many."""
    steps_per_epoch = max(num_steps // 20, 10)
    run = Present(folder, num_epochs=40, steps_per_epoch=steps_per_epoch).start()
    while run.step < num_steps:
        for _ in range(max(1, steps_per_epoch // 500)):
            run.emit(run._batches(min(500, steps_per_epoch)), 0.2)
        run.end_epoch()
    return run


class Writer(threading.Thread):
    """Goes on with a canned run as a trainer would, until it is told to stop.

    Args:
        run: the run.
        is_paused: whether it is paused: a sample of the load every 2 s and a heartbeat every 5 s, but no steps.
    """

    def __init__(self, run: Canned, *, is_paused: bool = False) -> None:
        super().__init__(daemon=True)
        self.run_, self.is_paused, self.done = run, is_paused, threading.Event()

    def run(self) -> None:
        ticks = 0
        while not self.done.wait(CHUNK_SECONDS):
            ticks += 1
            self.run_.mono += CHUNK_SECONDS
            if not self.is_paused:
                self.run_.emit(self.run_._batches(10))
            if ticks % 10 == 0:
                self.run_.emit(ev.SystemSampled(cpu_percent=150.0 + ticks % 30, memory_bytes=900 << 20))
            if ticks % 25 == 0:
                self.run_.emit(ev.Heartbeat(step=self.run_.step, last_step_age_seconds=0.1))

    def __enter__(self) -> Writer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.join()


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

            def watch() -> tuple[float, float]:
                """kB a second over the terminal, and milliseconds of CPU a frame."""
                terminal.drain(1.5)
                before = sum(process.cpu_times()[:2])
                sent = terminal.drain(SECONDS)
                cpu = sum(process.cpu_times()[:2]) - before
                return sent / SECONDS / 1000, 1000 * cpu / SECONDS / frames_per_second

            with Writer(run):
                training, frame = watch()
                opened, again = press_keys(terminal), press_keys(terminal)
            run.emit(ev.Paused(step=run.step))
            with Writer(run, is_paused=True):
                paused, _ = watch()
            run.end()
            idle, idle_frame = watch()
            memory = process.memory_info().rss / 2**20
    print(
        f"{num_steps:>9,} steps, {frames_per_second:g} fps: first paint {first:.2f} s, run shown {shown:.2f} s, "
        f"{frame:.1f} ms CPU a frame (idle {idle_frame:.1f}), kB/s training {training:.1f} paused {paused:.2f} "
        f"idle {idle:.2f}, key to screen {1000 * statistics.median(again):.0f} ms, worst {1000 * max(again):.0f}, "
        f"first opening of a pane {1000 * max(opened):.0f}, {memory:.0f} MiB; {free_cores()}"
    )


def press_keys(terminal: Terminal) -> list[float]:
    """Seconds from each key to the screen that it asks for."""
    waits = []
    for key, sign in KEYS:
        terminal.press(key)
        waits.append(terminal.wait_for(sign))
    return waits


def measure_training(recipe: str, pairs: int, steps: int, rates: list[float]) -> None:
    """Images a second headless and watched at each frame rate, in turn, so that a drift of the machine hits all."""
    measured: dict[float, list[float]] = {rate: [] for rate in (0.0, *rates)}  # 0: nobody watches
    with tempfile.TemporaryDirectory() as name:
        for number in range(pairs):
            turn = list(measured) if number % 2 == 0 else list(measured)[::-1]
            for rate in turn:
                measured[rate].append(train(Path(name), recipe, steps, f"{recipe}-{number}-{rate:g}", rate))
    alone = measured[0.0]
    print(f"{recipe}, {steps} steps: headless {statistics.median(alone):,.0f} img/s; {free_cores()}")
    for rate in rates:
        ratios = [watched / headless for watched, headless in zip(measured[rate], alone, strict=True)]
        print(
            f"  watched at {rate:g} fps {statistics.median(measured[rate]):,.0f} img/s, median of {pairs} ratios "
            f"{statistics.median(ratios):.3f} ({', '.join(f'{ratio:.3f}' for ratio in ratios)})"
        )


def train(folder: Path, recipe: str, steps: int, run_id: str, frames_per_second: float) -> float:
    """Images a second of a training that is watched, unless the frame rate is 0."""
    settings(folder, frames_per_second or 4)
    command = [sys.executable, "-m", "tui", "--no-ui", "-r", recipe, "--max-steps", str(steps)]
    trainer = subprocess.Popen(
        [*command, "--runs-dir", "runs", "--run-id", run_id],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    run = folder / "runs" / run_id
    wait_until(lambda: (run / "run.json").exists() or trainer.poll() is not None)
    if frames_per_second:
        with Terminal(["attach", run_id, "--runs-dir", "runs"], folder) as terminal:
            while trainer.poll() is None:
                terminal.discard(0.2)
    if trainer.wait():
        raise SystemExit(f"the training of {recipe} ended with {trainer.returncode}")
    return rate_of(run)


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


def rate_of(run: Path) -> float:
    """Images a second over the whole training, the first steps left out."""
    from core.reader import read_all

    chunks = [record.event for record in read_all(run / "events.jsonl") if isinstance(record.event, ev.Batches)][5:]
    return sum(chunk.num_images for chunk in chunks) / sum(chunk.seconds for chunk in chunks)


def free_cores() -> str:
    """How much of the machine nobody used just now."""
    return f"{(1 - psutil.cpu_percent(0.5) / 100) * (psutil.cpu_count() or 1):.1f} cores free"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3, help="trainings of each kind")
    parser.add_argument("--steps", type=int, default=400, help="of each training")
    parser.add_argument("--recipe", action="append")
    parser.add_argument("--frames", action="append", type=float, help="frames a second, at most 10")
    parser.add_argument("--skip-training", action="store_true")
    parser.add_argument("--skip-viewer", action="store_true")
    options = parser.parse_args()
    rates = options.frames or [4.0, 10.0]
    if not options.skip_viewer:
        for num_steps in (100, 1_000_000):
            for frames_per_second in rates:
                measure_viewer(num_steps, frames_per_second)
    if not options.skip_training:
        for recipe in options.recipe or ["shapes-small", "c10-lenet"]:
            measure_training(recipe, options.pairs, options.steps, rates)


if __name__ == "__main__":
    main()
