"""Start a trainer that outlives the terminal it was started from."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import IO

from core.errors import StorageError

_LAST_WORDS_BYTES = 4096


@dataclass
class Trainer:
    """A trainer started by this process."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]
    """What it printed before its run folder took that over."""

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Exit code of the process; None while it lives."""
        return self.process.poll()

    def last_words(self) -> str:
        """The last thing it printed, as one sentence."""
        size = self.output.seek(0, 2)
        self.output.seek(max(0, size - _LAST_WORDS_BYTES))
        lines = [line for line in self.output.read().decode(errors="replace").splitlines() if line.strip()]
        if lines:
            return lines[-1].removeprefix("cifar-tui: ").removeprefix("failed: ")
        code = self.exit_code
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return f"the trainer ended before it could say why ({how})"


def start_trainer(arguments: list[str]) -> Trainer:
    """Start `cifar-tui ARGUMENTS` in a session of its own, with nothing of it on this terminal.

    A new session has no controlling terminal, so that neither Ctrl-C nor the end of an SSH connection reaches it.

    Raises:
        StorageError: the process could not be started.
    """
    output = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the trainer is watched
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "tui", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    except OSError as error:
        raise StorageError(f"cannot start the trainer: {error.strerror}") from error
    return Trainer(process, output)
