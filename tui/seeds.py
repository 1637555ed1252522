"""`--seeds N`: the same run with several seeds, one after another, and what came of them."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

import msgspec
import typer

from core.codec import to_json
from core.errors import ExitCode, UsageError
from core.fold import fold
from core.headless import Report, duration, printable
from core.resume import is_finished
from core.runfolder import RunFolder, command_line
from core.seeds import SeedsSummary, Spread, check_target, summarize_seeds
from core.session import Request, train_run
from core.signals import Signals
from tui.attach import has_terminal
from tui.cli import drop_output
from tui.launch import TrainOptions, make_request, reporter, resolve
from tui.plain_table import table_lines

# The next seed may do better where one has diverged; whatever else went wrong would go wrong again.
_GOES_ON_AFTER = (ExitCode.DONE, ExitCode.DIVERGED)


def train_seeds(options: TrainOptions, count: int) -> ExitCode:
    """Train `count` runs with seeds from that of the settings on, then sum them up on standard output.

    Returns:
        The exit code of the run at which it ended, or that of a run that diverged.

    Raises:
        CifarTuiError: nothing was started.
    """
    _check(options, count)
    requests = [make_request(each) for each in _options_of_each(options, count)]
    if options.dry_run:
        configs = [request.config for request in requests]
        typer.echo(msgspec.json.format(msgspec.json.encode(configs), indent=2).decode())
        return ExitCode.DONE
    taken = [each.run_id for each in requests if each.run_id and not each.origin and _folder(each).path.exists()]
    if taken:
        raise UsageError(f"a run named {taken[0]} exists already: choose another --run-id, or go on with --resume auto")
    return _Group(options, requests).train()


def _check(options: TrainOptions, count: int) -> None:
    if count < 1:
        raise UsageError("--seeds takes the number of runs, 1 or more")
    check_target(options.target)
    if options.fork or options.resume not in (None, "auto"):
        raise UsageError("--seeds takes --resume auto only: it goes on with each run where that stands")
    if not options.no_ui and not options.json and has_terminal():
        watch = command_line("attach", options.runs_dir)
        raise UsageError(f"several seeds are trained without the dashboard: add --no-ui, and watch with `{watch}`")


def _options_of_each(options: TrainOptions, count: int) -> list[TrainOptions]:
    first = resolve(options)[1].seed
    return [
        replace(
            options,
            flags=options.flags | {"seed": seed},
            run_id=f"{options.run_id}-seed{seed}" if options.run_id is not None else None,
        )
        for seed in range(first, first + count)
    ]


def _folder(request: Request) -> RunFolder:
    assert request.run_id is not None
    return RunFolder(request.runs_dir / request.run_id)


class _Group:
    """Runs in a row that share their signals: one that comes between two of them is not lost."""

    def __init__(self, options: TrainOptions, requests: list[Request]) -> None:
        self._options, self._requests = options, requests
        self._signals = Signals()
        self._folders: list[RunFolder] = []

    def train(self) -> ExitCode:
        """All of them, or up to the one at which the group ends."""
        self._signals.install()
        outcome = ExitCode.DONE
        for number, request in enumerate(self._requests, 1):
            code = self._train_one(request, f"seed {request.config.seed} ({number} of {len(self._requests)})")
            outcome = code if outcome is ExitCode.DONE else outcome
            why = self._reason_to_end(code)
            left = len(self._requests) - number
            if why and (left or code not in _GOES_ON_AFTER):
                _say(f"{why}: {left} of {len(self._requests)} seeds not begun" if left else why)
                # A signal that came after a run's last step has left no trace in that run.
                preempted = self._signals.request == "preempt" and code in _GOES_ON_AFTER
                return ExitCode.PREEMPTED if preempted else code
        summary = summarize_seeds(self._folders, self._options.target)
        if self._options.json:
            _show([to_json({"seeds": summary.as_json()}).decode()])
        else:
            _show([printable(line) for line in summary_lines(summary)])
        return outcome

    def _train_one(self, request: Request, title: str) -> ExitCode:
        if request.origin is not None and is_finished(request.origin.folder, request.config):
            _say(f"{title}: run {request.origin.folder.id} is finished already")
            self._folders.append(request.origin.folder)
            return ExitCode.DONE
        _say(title)

        def report_to(folder: RunFolder, out: TextIO, talk: TextIO) -> Report:
            self._folders.append(folder)
            return reporter(self._options)(folder, out, talk)

        return train_run(request, report_to, self._signals)

    def _reason_to_end(self, code: ExitCode) -> str:
        """Why no further seed is begun after a run that ended so; empty where the next one is."""
        if self._signals.request is not None:
            return self._signals.name
        if code not in _GOES_ON_AFTER:
            return f"the run ended with exit code {int(code)}"
        run = self._folders[-1]
        return f"run {run.id} was stopped" if fold(run.events_file).status == "stopped" else ""


def summary_lines(summary: SeedsSummary) -> list[str]:
    """A table of the runs, the figures over them, and what has to be known of them."""
    head: tuple[str, ...] = ("run", "seed", "state", "last top-1", "trained")
    rows: list[tuple[str, ...]] = [
        (
            run.id,
            "–" if run.seed is None else str(run.seed),
            run.state,
            "–" if run.top1 is None else f"{run.top1:.2%}",
            duration(run.training_seconds),
        )
        for run in summary.runs
    ]
    if summary.target is not None:
        head = (*head, f"to {summary.target:.2%}")
        times = ["–" if run.seconds_to_target is None else duration(run.seconds_to_target) for run in summary.runs]
        rows = [(*row, time) for row, time in zip(rows, times, strict=True)]
    lines = [*table_lines(head, rows), ""]
    if summary.top1:
        lines.append(f"last top-1      {_over(summary.top1, lambda value: f'{value:.2%}')}")
    if summary.top1_test_time:
        lines.append(f"over views      {_over(summary.top1_test_time, lambda value: f'{value:.2%}')}")
    if summary.training_seconds:
        lines.append(f"trained         {_over(summary.training_seconds, _seconds)}")
    if summary.target is not None:
        reached = f"{summary.num_reached} of {summary.num_finished} runs reached {summary.target:.2%}"
        spread = summary.seconds_to_target
        lines.append(
            f"time to target  {_over(spread, _seconds)}; {reached}" if spread else f"time to target  {reached}"
        )
    return lines + [f"note: {remark}" for remark in summary.remarks]


def _over(spread: Spread, show: Callable[[float], str]) -> str:
    noun = "run" if spread.count == 1 else "runs"
    sd = "" if spread.sd is None else f", standard deviation {show(spread.sd)}"
    return f"mean {show(spread.mean)}{sd}, {show(spread.minimum)} to {show(spread.maximum)} ({spread.count} {noun})"


def _seconds(value: float) -> str:
    return f"{value:.1f} s"


def _say(text: str) -> None:
    try:
        typer.echo(printable(text), err=True)
    except OSError:  # a reader that has gone, or a full disk, is no reason not to train the other seeds
        drop_output(sys.stderr)


def _show(lines: list[str]) -> None:
    try:
        for line in lines:
            typer.echo(line)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):  # the pipe's reader has gone, or the terminal
            raise
        drop_output(sys.stdout)
