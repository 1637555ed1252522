"""What a GPU makes of the fast path: `make gpu-check`, after the tests marked `gpu`.

    python tests/bench/gpu_check.py [steps] [c10-speedrun] [c10-95] [c10-96] [c100-speedrun]
                                    [--runs 10] [--compile] [--against "python airbench94_muon.py"]

Prints, on real CIFAR: milliseconds a step with and without a CUDA graph and with everything recorded or nothing
(`steps`); training seconds and accuracy of the speed recipes over several seeds, mean and standard deviation, with and
without test-time views. Runs are those of the command line, with their event log, in one process, so that
`--compile` compiles once.

`--against` times another program on the same machine, in turn with c10-speedrun. It is started once and warms up before
its first run, which does not count. It has to wait for a line on its standard input before each of its runs, and then
to print that run's seconds and its accuracy over views as `time=3.14 acc=0.9401`: seconds of training alone, as ours
are, without building the network, whitening and evaluating. Should it or one of ours fail, or Ctrl-C end one, the
figures of the runs before are printed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, Self, TextIO

import torch
from msgspec.structs import replace

from core import events as ev
from core.errors import CifarTuiError
from core.fold import fold
from core.headless import Report
from core.meter import Meter
from core.recipes import get_recipe
from core.recorder import Recorder
from core.runfolder import RunFolder
from core.session import Request, train_run
from core.setup import Setup, set_up
from core.signals import Signals
from core.step import GraphedStep, Step, Stepper

_STEPS = 50
_ROUNDS = 7
_AIMS = {"c10-speedrun": 0.94, "c10-95": 0.95, "c10-96": 0.96, "c100-speedrun": 0.75}
_ALL = ["steps", *_AIMS]


def main() -> None:
    """Print what is asked for, or everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", metavar="what", help=f"of: {', '.join(_ALL)}; everything if left out")
    parser.add_argument("--runs", type=int, default=10, help="seeds of c10-speedrun; the longer recipes take 3 at most")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--against", help="command of another program to be timed in turn with c10-speedrun")
    options = parser.parse_args()
    if unknown := set(options.what) - set(_ALL):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(_ALL)}")
    if not torch.cuda.is_available():
        sys.exit("no CUDA device: nothing to check")
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}", flush=True)
    for name in dict.fromkeys(options.what or _ALL):
        if name == "steps":
            for recipe in ("c10-lenet-fast", "c10-speedrun"):
                try:
                    step_times(recipe)
                except CifarTuiError as error:  # no data and no network, say
                    sys.exit(str(error))
        elif name == "c10-speedrun":
            train_all(name, options.runs, compiled=options.compile, against=options.against)
        else:
            train_all(name, min(options.runs, 3), compiled=options.compile)


def train_all(recipe: str, num_seeds: int, *, compiled: bool, against: str | None = None) -> None:
    """A run for each seed, each followed by one of the other program if there is one."""
    results: list[Result] = []
    signals = Signals()  # one that comes while the other program runs ends our next run before it trains
    with tempfile.TemporaryDirectory() as runs, Other(against) if against else contextlib.nullcontext() as other:
        if compiled:
            torch.compiler.reset()  # it keeps a few networks, and gives up compiling the next
        try:
            for seed in range(num_seeds):
                results.append(train(recipe, seed, Path(runs), signals, compiled=compiled))
                print(f"  {recipe} seed {seed}: {results[-1]}", flush=True)
                if other:
                    other.run()
        finally:  # one that fails does not take the figures of the others with it
            if results:
                report(recipe, results)
            if other:
                other.report(results)


def step_times(recipe: str) -> None:
    """Milliseconds a step: plain, as a graph, and as a graph with metrics and events recorded; interleaved medians. The
    network of c10-speedrun has two phases, and most steps are in the second."""
    torch.cuda.reset_peak_memory_stats()
    setup = set_up(replace(get_recipe(recipe).config, device="cuda"), lambda event: None)
    for group in setup.optimizer.param_groups:
        group["lr"] = torch.as_tensor(group["lr"], dtype=torch.float32, device=setup.device)
        if "capturable" in group:
            group["capturable"] = True
    plain = Step(setup)
    graphed = GraphedStep(plain)
    graphed.capture([setup.train_data.batch(1, 0)], setup)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Recorder(Path(folder) / "events.jsonl")) as log:
        ways: dict[str, tuple[Stepper, Recorder | None]] = {
            "plain": (plain, None),
            "graph": (graphed, None),
            "graph, recorded": (graphed, log),
        }
        for phase in setup.phases:
            setup.enter_phase(phase)
            times: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(_ROUNDS):
                for name, (step, recorder) in ways.items():
                    times[name].append(_time(step, setup, recorder))
            medians = {name: statistics.median(values) for name, values in times.items()}
            title = recipe if len(setup.phases) == 1 else f"{recipe} from {phase:g} of the steps on"
            print(f"{title}: " + ", ".join(f"{name} {value:.3f} ms" for name, value in medians.items()))
            print(f"  recorded / not: {medians['graph'] / medians['graph, recorded']:.4f}", flush=True)
    print(f"  peak memory {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB")


def _time(step: Stepper, setup: Setup, recorder: Recorder | None) -> float:
    meter = Meter(setup.device)
    torch.cuda.synchronize()
    started = time.perf_counter()
    meter.start()
    for index in range(_STEPS):
        with meter.preparing() if recorder else contextlib.nullcontext():
            inputs, labels = setup.train_data.batch(1, index % (setup.train_data.steps_per_epoch - 1))
        measures = step(inputs, labels)
        if recorder:
            meter.record(index, measures, lr=0.1, num_images=len(labels))
            for chunk in meter.take(1):
                recorder.emit(chunk)
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / _STEPS * 1000


class Result(NamedTuple):
    """Of one run."""

    seconds: float
    """Of training: without loading, warming up and evaluating."""
    warm_up: float
    """Seconds."""
    top1: float
    top1_views: float

    def __str__(self) -> str:
        return (
            f"{self.seconds:.3f} s after {self.warm_up:.1f} s of warming up; "
            f"{self.top1:.2%} plain, {self.top1_views:.2%} over views"
        )


class Watch:
    """A report that says nothing and notes how long warming up takes."""

    def __init__(self) -> None:
        self.warm_up = 0.0
        self._since: float | None = None

    def __call__(self, record: ev.Record) -> None:
        if isinstance(record.event, ev.PhaseChanged):
            if self._since is not None:
                self.warm_up, self._since = record.mono - self._since, None
            if record.event.phase == "warming_up":
                self._since = record.mono

    def catch_up(self, record: ev.Record) -> None:
        """No run is resumed here."""


def train(recipe: str, seed: int, runs: Path, signals: Signals, *, compiled: bool) -> Result:
    """What `cifar-tui --no-ui -r RECIPE --seed SEED` trains."""
    config = replace(get_recipe(recipe).config, seed=seed, device="cuda", compile=compiled or "auto")
    name, watch = f"{recipe}-{seed}", Watch()

    def report_to(folder: RunFolder, out: TextIO, talk: TextIO) -> Report:
        return watch

    code = train_run(Request(config=config, runs_dir=runs, run_id=name), report_to, signals)
    state = fold(runs / name / "events.jsonl")
    if code != 0 or state.status != "finished":  # one that is stopped ends with 0 as well
        sys.exit(f"{name} ended with exit code {int(code)}: {state.ended.reason if state.ended else 'no reason given'}")
    last = state.epochs[-1].validation
    return Result(state.training_seconds, watch.warm_up, last.top1, last.top1_test_time or last.top1)


def report(recipe: str, results: list[Result]) -> None:
    """Mean and standard deviation over seeds."""
    plain, views = [one.top1 for one in results], [one.top1_views for one in results]
    spread = statistics.stdev if len(results) > 1 else lambda values: 0.0
    print(
        f"{recipe}: {statistics.median(one.seconds for one in results):.3f} s of training, {len(results)} seeds; "
        f"{statistics.mean(plain):.2%} ± {spread(plain):.2%} plain, "
        f"{statistics.mean(views):.2%} ± {spread(views):.2%} over views (aim {_AIMS[recipe]:.0%})",
        flush=True,
    )


class Other:
    """Another program that runs when it is told to; a context manager that ends it."""

    def __init__(self, command: str) -> None:
        self._command, self._times, self._accuracies = command, list[float](), list[float]()
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}  # or its print would wait for its end, and we for it
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                shlex.split(command), stdin=pipe, stdout=pipe, text=True, bufsize=1, env=environment
            )
        except OSError as error:
            sys.exit(f"cannot start {command}: {error.strerror}")

    def __enter__(self) -> Self:
        self.run()  # it warms up now, and not beside our first run
        self._times.clear()
        self._accuracies.clear()
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()  # waits, and closes the pipes whatever is left in them

    def run(self) -> None:
        """One of its runs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended, which its output will tell
            self._process.stdin.write("\n")
        for line in self._process.stdout:
            if found := re.search(r"time=([0-9.]+)(?:.*acc=([0-9.]+))?", line):
                self._times.append(float(found[1]))
                self._accuracies.append(float(found[2] or "nan"))
                print(f"  {line.strip()}", flush=True)
                return
        sys.exit(f"{self._command} ended and printed no time=SECONDS")

    def report(self, results: list[Result]) -> None:
        """The ratio of the pairs."""
        ratios = [one.seconds / other for one, other in zip(results, self._times, strict=False)]  # it may have failed
        if not ratios:
            return
        print(
            f"  against {self._command}: {statistics.median(self._times):.3f} s, "
            f"{statistics.mean(self._accuracies):.2%} over views; "
            f"ours is {statistics.median(ratios):.3f} of it, pairs from {min(ratios):.3f} to {max(ratios):.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
