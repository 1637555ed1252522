"""Leave in order when a signal says so, and leave in any case.

A terminal that is gone swallows nothing: Textual's writer thread dies of the first error, and whoever then hands it
more waits for ever. So the process gets a few seconds to restore the terminal and is then ended from outside its loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

_GRACE_SECONDS = 2.0
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def leave_on_signals(leave: Callable[[], object]) -> None:
    """Call `leave` in the running loop at SIGTERM and SIGHUP; where that does not help, end the process.

    Handlers of the signal module and not of the loop: a loop that waits for the writer would never come to its own.
    """
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: FrameType | None) -> None:
        watchdog = threading.Timer(_GRACE_SECONDS, os._exit, (128 + number,))
        watchdog.daemon = True
        watchdog.start()
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(leave)

    for number in _SIGNALS:
        # A disposition of "ignore" was somebody's choice (nohup) and stays.
        if threading.current_thread() is threading.main_thread() and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)
