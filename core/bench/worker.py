"""A process that measures one thing: `python -m core.bench.worker`, a job and then orders on standard input.

Each side of a comparison has a process of its own, since how PyTorch's threads wait is settled when it is loaded.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import BinaryIO

import msgspec

from core.bench.figures import Failure, Job, Order, Ready, Reply
from core.errors import CifarTuiError, ExitCode


class Channel:
    """Orders from the process that compares, and replies to it; a JSON document a line."""

    def __init__(self, orders: BinaryIO, replies: BinaryIO) -> None:
        self._orders, self._replies = orders, replies

    def job(self) -> Job:
        """What to prepare; comes first."""
        return msgspec.json.decode(self._orders.readline(), type=Job)

    def order(self) -> Order | None:
        """The next order; None when there will be no more."""
        line = self._orders.readline()
        return msgspec.json.decode(line, type=Order) if line else None

    def send(self, reply: Reply) -> None:
        """Answer."""
        self._replies.write(msgspec.json.encode(reply) + b"\n")
        self._replies.flush()


def work(channel: Channel) -> None:
    """Do a job; whatever goes wrong is a reply."""
    job = channel.job()
    try:
        if job.kind == "ours":
            from core.bench.ours import train_to_order

            train_to_order(job, channel)
            return
        if job.kind == "tutorial":
            from core.bench.tutorial import Tutorial

            tutorial = Tutorial(job.config, job.num_workers)
            channel.send(Ready())
            while order := channel.order():
                channel.send(tutorial.epoch() if order.what == "epoch" else tutorial.steps(order.seconds))
            return
        from core.session import tune_pytorch

        tune_pytorch()
        from core.bench.parts import Parts

        parts = Parts(job)
        channel.send(Ready())
        while order := channel.order():
            channel.send(parts.measure(order.what, order.seconds))
    except CifarTuiError as error:
        channel.send(Failure(str(error), int(error.exit_code)))
    except Exception as error:  # noqa: BLE001 - told to whoever compares, which says it to a person
        traceback.print_exc()
        channel.send(Failure(f"{type(error).__name__}: {error}", int(ExitCode.BUG)))


def main() -> None:
    """Entry point. What libraries print goes to standard error, so that replies stay alone on standard output."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    work(Channel(sys.stdin.buffer, replies))


if __name__ == "__main__":
    main()
