"""A real pseudo-terminal with a program in it, and the screen that a person would see."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pyte

DEADLINE_SECONDS = 60.0
"""Loading PyTorch beside other work takes long; a wait that is met ends at once."""


class Terminal:
    """`cifar-tui ARGUMENTS` in a terminal of its own session, as SSH gives it.

    Args:
        arguments: of the command line.
        cwd: where it runs.
        columns, lines: size of the screen.
        env: changes to the environment; None removes a variable.
    """

    def __init__(
        self,
        arguments: list[str],
        cwd: Path,
        columns: int = 120,
        lines: int = 40,
        env: dict[str, str | None] | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.num_bytes = 0
        self.started = time.monotonic()
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self._slave_name = os.ttyname(slave)
        # A runner of tests may export the size of its own terminal, which would count more than this one's.
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        environment = {**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        environment |= {"CIFAR_TUI_CONFIG_DIR": str(cwd / "config"), "OMP_WAIT_POLICY": "passive"}
        for name, value in (env or {}).items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE_SECONDS)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the terminal, as a lost connection does."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def read(self, seconds: float) -> bool:
        """Take in what is written within `seconds`; returns at the first piece. Whether there was one."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:
            return False  # the other side is closed
        self.num_bytes += len(data)
        self.raw = (self.raw + data)[-200_000:]
        self._stream.feed(data)
        return bool(data)

    def discard(self, seconds: float) -> None:
        """Throw away what is written within `seconds`: following the screen would cost this machine, and so a training
        on it, half as much again as the program that writes."""
        if select.select([self._master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):  # the other side is closed
                self.num_bytes += len(os.read(self._master, 1 << 16))

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    @property
    def text(self) -> str:
        """The screen."""
        return "\n".join(self.screen.display)

    def wait_for(self, wanted: str | Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> float:
        """Read until the screen holds a text, or until a condition is true; how many seconds that took."""
        begun = time.monotonic()
        while True:
            if wanted in self.text if isinstance(wanted, str) else wanted():
                return time.monotonic() - begun
            if time.monotonic() - begun > seconds:
                raise AssertionError(f"{wanted} did not come within {seconds:g} s; the screen:\n{self.text}")
            self.read(0.05)

    def exit_code(self, seconds: float = DEADLINE_SECONDS) -> int:
        """Wait for the program to end. Its last words are read meanwhile: a terminal that is full holds it."""
        end = time.monotonic() + seconds
        while (code := self.process.poll()) is None:
            if time.monotonic() > end:
                raise AssertionError(f"it did not end within {seconds:g} s; the screen:\n{self.text}")
            if not self.read(0.05):
                time.sleep(0.01)  # the other side may be closed already, and would be read again at once
        return code

    def drain(self, seconds: float) -> int:
        """Read for so long; how many bytes came."""
        before, end = self.num_bytes, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(min(left, 0.1))
        return self.num_bytes - before

    def attributes(self) -> list[Any]:
        """The terminal's settings now, to be compared with `before`."""
        descriptor = os.open(self._slave_name, os.O_RDWR | os.O_NOCTTY)
        try:
            return termios.tcgetattr(descriptor)
        finally:
            os.close(descriptor)


def trainer_of(run: Path) -> psutil.Process:
    """The trainer's process, from the run's manifest."""
    import json

    pid = json.loads((run / "run.json").read_text())["pid"]
    return psutil.Process(pid)


def last_step(run: Path) -> int:
    """Steps done so far, by the run's log."""
    from core.fold import fold

    return fold(run / "events.jsonl").step
