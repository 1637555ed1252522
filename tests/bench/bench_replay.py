"""Opening and seeking in recorded runs of 10³ to 10⁶ steps: python tests/bench/bench_replay.py

Each length with 10 and with 200 steps a record (a slow CPU, a fast GPU). Wall time and CPU time; peak memory of the
process that did nothing else. Seeks are to 50 random places, with the per-batch values read after each.
"""

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from core import events as ev
from core.codec import encode
from core.timeline import Recording
from tests.strategies import epoch_ended, run_started

LENGTHS = (1_000, 10_000, 100_000, 1_000_000)


def write(path: Path, num_steps: int, per_record: int, num_epochs: int = 100) -> None:
    """A plausible log."""
    values = np.random.default_rng(0)
    seq, mono, per_epoch = 0, 1.0, num_steps // num_epochs
    with path.open("wb") as file:

        def emit(event: ev.Event, seconds: float = 0.0) -> None:
            nonlocal seq, mono
            mono += seconds
            file.write(encode(ev.Record(seq=seq, wall=1.76e9 + mono, mono=mono, attempt=1, event=event)))
            seq += 1

        emit(run_started(num_epochs=num_epochs, steps_per_epoch=per_epoch))
        step = 0
        for epoch in range(1, num_epochs + 1):
            while step < per_epoch * epoch:
                count = min(per_record, per_epoch * epoch - step)
                loss, accuracy, norm = np.round(values.random((3, count)), 6).tolist()
                emit(
                    ev.Batches(
                        epoch=epoch, first_step=step, loss=loss, lr=[0.01] * count, accuracy=accuracy,
                        gradient_norm=norm, num_images=100 * count, seconds=0.2,
                    ), 0.2,
                )  # fmt: skip
                step += count
                if seq % 25 == 0:
                    emit(ev.Heartbeat(step=step, last_step_age_seconds=0.1))
                if seq % 10 == 0:
                    emit(ev.SystemSampled(cpu_percent=100.0, memory_bytes=10**9))
            emit(epoch_ended(epoch, step), 0.3)
        emit(ev.RunEnded(status="finished", step=step, epoch=num_epochs))


def measure(path: Path) -> str:
    """Open and seek, in this process."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    recording = Recording(path)
    recording.extend()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    seeks = []
    places = random.Random(0)
    for _ in range(50):
        place = places.randrange(len(recording) + 1)
        start = time.perf_counter()
        recording.state_at(place).batches["loss"]
        seeks.append(1e3 * (time.perf_counter() - start))
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return (
        f"{len(recording):>8,} records  {path.stat().st_size / 2**20:6.1f} MiB  open {wall:6.3f} s ({cpu:.3f} s CPU)  "
        f"seek median {statistics.median(seeks):5.1f} ms, worst {max(seeks):5.1f} ms  memory +{memory:.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("log", nargs="?", type=Path)
    chosen = parser.parse_args()
    if chosen.log:
        print(measure(chosen.log))
        return
    with tempfile.TemporaryDirectory() as folder:
        for num_steps in LENGTHS:
            for per_record in (10, 200):
                path = Path(folder) / "events.jsonl"
                write(path, num_steps, per_record)
                told = subprocess.run([sys.executable, __file__, path], check=True, capture_output=True, text=True)
                print(f"{num_steps:>9,} steps, {per_record:>3} a record: {told.stdout.strip()}")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
