"""How OpenMP threads should wait: steps of a LeNet alone, beside a busy process, and two trainings at once.

    python tests/bench/bench_threads.py

Each setting in a process of its own, in turn, three rounds; prints images a second of one training, medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

_STEP = """
import time, torch
from core.config import OptimizerConfig
from core.device import computes_in_bfloat16
from core.models import build_model
from core.optim.factory import build_optimizer
model = build_model("lenet", num_classes=10, image_shape=(3, 32, 32), args={}).to(memory_format=torch.channels_last)
optimizer = build_optimizer(model, OptimizerConfig(name="adam", lr=1e-3), torch.device("cpu"))
inputs = torch.randn(100, 3, 32, 32).to(memory_format=torch.channels_last)
labels = torch.randint(0, 10, (100,))
in_bfloat16 = computes_in_bfloat16(torch.device("cpu"))
def step():
    with torch.autocast("cpu", torch.bfloat16, enabled=in_bfloat16):
        logits = model(inputs)
    loss = torch.nn.functional.cross_entropy(logits.float(), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
for _ in range(20):
    step()
started, count = time.perf_counter(), 0
while time.perf_counter() - started < 4:
    step()
    count += 1
print(count * len(labels) / (time.perf_counter() - started))
"""
_SETTINGS: dict[str, dict[str, str]] = {
    "PyTorch's default": {},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    **{
        f"passive, {count:,} spins": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": str(count)}
        for count in (1000, 3000, 6000, 10000, 30000)
    },
}
_VARIABLES = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}


def measure(title: str, at_once: int = 1) -> None:
    """Print a line for each setting."""
    rates: dict[str, list[float]] = {name: [] for name in _SETTINGS}
    for _ in range(3):
        for name, variables in _SETTINGS.items():
            environment = {key: value for key, value in os.environ.items() if key not in _VARIABLES}
            trainings = [
                subprocess.Popen(
                    [sys.executable, "-c", _STEP], env=environment | variables, stdout=subprocess.PIPE, text=True
                )
                for _ in range(at_once)
            ]
            rates[name] += [float(training.communicate()[0]) for training in trainings]
    for name, values in rates.items():
        print(f"{title:<22}{name:<24}{statistics.median(values):>8,.0f} images/s")


def main() -> None:
    """All three situations."""
    measure("alone")
    measure("two at once", at_once=2)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        measure("beside a busy process")
    finally:
        busy.kill()
        busy.wait()


if __name__ == "__main__":
    main()
