"""Signals set a flag, and the loop looks at it between steps. A second signal ends the process at once."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Literal

from core.errors import ExitCode

Request = Literal["interrupt", "preempt"]


class Signals:
    """What signals have asked for.

    INT asks to stop with a checkpoint. TERM, USR1 and USR2 (batch systems send one of them before they kill) ask to
    save and be started again. HUP is ignored: the training outlives its terminal.
    """

    def __init__(self) -> None:
        self.request: Request | None = None
        self.name = ""

    def install(self) -> None:
        """Take over the process's handlers; only the main thread may."""
        signal.signal(signal.SIGINT, self._interrupt)
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, self._preempt)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.request is not None:
            os._exit(ExitCode.INTERRUPTED)
        self.request, self.name = "interrupt", signal.Signals(number).name

    def _preempt(self, number: int, frame: FrameType | None) -> None:
        if self.request == "preempt":
            os._exit(ExitCode.TERMINATED)
        self.request, self.name = "preempt", signal.Signals(number).name
