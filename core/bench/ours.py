"""The real trainer, stopped and let go on to order: run folder, log, heartbeats, events, metrics, recorder, all of it.

It is measured by its own events. A report is called with each of them in the thread that trains, so a report that does
not return holds the training, and one that returns lets it go on.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from core import events as ev
from core.bench.figures import Failure, Job, Order, Ready, Sample
from core.bench.worker import Channel
from core.session import Request, train_run

# The chunk after a rest has the rest in its time; on a GPU two more may have been under way.
_NUM_UNUSABLE = {"cpu": 1}
_NUM_UNUSABLE_ELSEWHERE = 3


def train_to_order(job: Job, channel: Channel) -> None:
    """Train until no more orders come."""
    request = Request(config=job.config, runs_dir=Path(job.folder), run_id="ours")
    train_run(request, lambda folder, out, talk: OrderedReport(channel, whole_epochs=job.whole_epochs))


class OrderedReport:
    """A report that lets the trainer train as long as it is ordered to, and replies with what came of it.

    Steps are timed by the trainer's own clock, which leaves evaluation and checkpoints out. An epoch is timed by the
    wall's, from the end of the one before to its own: training, evaluation, predictions, checkpoint.
    """

    def __init__(self, channel: Channel, *, whole_epochs: bool) -> None:
        self._channel, self._whole_epochs = channel, whole_epochs
        self._order: Order | None = None
        self._is_over = False
        self._num_unusable = self._rest = 0
        self._images, self._seconds, self._started = 0, 0.0, 0.0

    def catch_up(self, record: ev.Record) -> None:
        """A new run has no earlier attempts."""

    def __call__(self, record: ev.Record) -> None:
        """Count what was trained, and wait for the next order when this one is done."""
        match record.event:
            case ev.RunStarted() as started:
                self._num_unusable = _NUM_UNUSABLE.get(started.device.name, _NUM_UNUSABLE_ELSEWHERE)
            case ev.Batches() as chunk if not self._is_over:
                self._count(chunk)
            case ev.EpochEnded() if self._whole_epochs and not self._is_over:
                if self._order is not None:
                    self._channel.send(Sample(self._images, time.perf_counter() - self._started))
                self._wait()
            case ev.RunEnded(status="failed" | "diverged" | "finished") as ended:
                self._channel.send(Failure(f"the training ended early: {ended.reason}", ended.exit_code))

    def _count(self, chunk: ev.Batches) -> None:
        if self._whole_epochs:
            self._images += chunk.num_images
        elif self._order is None:
            self._wait()
        elif self._rest > 0:
            self._rest -= 1
        else:
            self._images += chunk.num_images
            self._seconds += chunk.seconds
            if self._seconds >= self._order.seconds:
                self._channel.send(Sample(self._images, self._seconds))
                self._wait()

    def _wait(self) -> None:
        if self._order is None:
            self._channel.send(Ready())
        self._order = self._channel.order()
        if self._order is None:
            self._is_over = True
            os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C: it finishes its step and closes its log
        self._images, self._seconds, self._rest = 0, 0.0, self._num_unusable
        self._started = time.perf_counter()
