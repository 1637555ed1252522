"""A run as a progress bar below its lines, for `--no-ui` in a terminal."""

from __future__ import annotations

import contextlib
import time
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from core import events as ev
from core.headless import describe_event, duration, epoch_line, printable, summary_lines
from core.runfolder import RunFolder
from core.state import RunState
from tui.render.safe import to_ascii

_REFRESH_SECONDS = 0.25
_BAR_CELLS = 8
"""The least that shows how far it is."""


class ProgressReport:
    """A report that draws a bar on `talk`, with epochs and the summary as lines above it.

    Where `out` leads elsewhere (`cifar-tui --no-ui > log`), epochs and the summary go there as well. It refreshes with
    the events and has no thread of its own, which would take time from the training.
    """

    def __init__(self, folder: RunFolder, out: TextIO, talk: TextIO, *, ascii: bool, color: str) -> None:
        self.state = RunState()
        self._folder, self._ascii = folder, ascii
        self._out = None if out.isatty() else out
        console = Console(
            file=talk,
            highlight=False,
            no_color=color == "never" or None,
            force_terminal=True if color == "always" else None,
        )
        self._progress = Progress(
            TextColumn("{task.description}"),
            # rich draws its bar in ASCII only where the stream has no other encoding.
            TextColumn("{task.percentage:>3.0f} %") if ascii else BarColumn(bar_width=None),
            TextColumn("{task.fields[rate]}"),
            console=console,
            auto_refresh=False,
            transient=True,
            expand=True,
            # What libraries print belongs into trainer.log, where the descriptors lead, and not above the bar.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("starting", total=None, rate="")
        self._next_refresh = 0.0
        self._progress.start()

    def catch_up(self, record: ev.Record) -> None:
        """Fold a record of an earlier attempt."""
        self.state.apply(record)

    def __call__(self, record: ev.Record) -> None:
        """Fold the record and show it."""
        self.state.apply(record)
        with contextlib.suppress(OSError, ValueError):  # a terminal that is gone is no reason to stop training
            self._show(record.event)

    def _show(self, event: ev.Event) -> None:
        for line in describe_event(event):
            self._print(line)
        if isinstance(event, ev.EpochEnded):
            self._say(epoch_line(event, self.state))
        if isinstance(event, ev.RunEnded):
            self._progress.stop()
            for line in summary_lines(self.state, self._folder.path):
                self._say(line)
            return
        now = time.monotonic()
        if now >= self._next_refresh:
            self._next_refresh = now + _REFRESH_SECONDS
            self._update()

    def _say(self, line: str) -> None:
        self._print(line)
        if self._out is not None:
            print(printable(line), file=self._out, flush=True)

    def _print(self, line: str) -> None:
        self._progress.console.print(Text(to_ascii(printable(line)) if self._ascii else printable(line)))

    def _update(self) -> None:
        state = self.state
        if not state.num_steps:
            self._progress.update(self._task, description=state.phase.replace("_", " "), refresh=True)
            return
        rate = f"{state.images_per_second:,.0f} img/s" if state.images_per_second else ""
        eta = f"ETA {duration(state.eta_seconds)}" if state.eta_seconds is not None else ""
        loss = f"loss {state.batches['loss'][-1]:.4f}" if len(state.batches) else ""
        waiting = state.status if state.status == "paused" else state.phase
        epoch = f"epoch {min(state.epoch + 1, state.num_epochs)}/{state.num_epochs}"
        step = f"step {state.step:,}/{state.num_steps:,}"
        parts = [waiting, epoch, step, loss, rate, eta]
        for part in (rate, loss, epoch):  # left out where there is no room for all and a bar, the least weighty first
            if sum(len(shown) + 2 for shown in parts if shown) + _BAR_CELLS > self._progress.console.width:
                parts.remove(part)
        self._progress.update(
            self._task,
            description=" ".join(part for part in (waiting, epoch, step) if part in parts),
            completed=state.step,
            total=state.num_steps,
            rate="  ".join(part for part in (loss, rate, eta) if part and part in parts),
            refresh=True,
        )
