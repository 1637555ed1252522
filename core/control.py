"""Commands to a running trainer, as files that anyone who may write to the run folder can leave.

A command is one small JSON file in `control/`, written under a temporary name and renamed, so that the trainer never
sees half of one. The trainer takes them in the order of their names, which begin with the time, and answers each with
events.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from core.codec import UNDECODABLE
from core.errors import StorageError, UsageError, nearest
from core.paths import open_plain

CommandName = Literal["pause", "unpause", "checkpoint", "stop", "evaluate", "lr", "epochs"]
COMMANDS: tuple[CommandName, ...] = ("pause", "unpause", "checkpoint", "stop", "evaluate", "lr", "epochs")
_MAX_BYTES = 4096
_MAX_EPOCHS = 1_000_000


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command on its way to the trainer."""

    name: CommandName
    argument: str = ""
    """lr: the factor; epochs: the new number; stop: `discard` to end without a checkpoint."""
    sender: str = ""
    created: float = 0.0
    """Seconds since the epoch, by the sender's clock."""


@dataclass(frozen=True)
class Received:
    """A file found in `control/`."""

    id: str
    command: Command | None
    """None where it could not be understood."""
    problem: str = ""


def parse_command(words: list[str]) -> Command:
    """A command from the words of a command line, checked: `lr ×.5`, `epochs 40`, `pause`.

    Raises:
        UsageError: unknown command, missing or bad argument.
    """
    if not words:
        raise UsageError(f"say what to do: {', '.join(COMMANDS)}")
    name, *arguments = words
    if name not in COMMANDS:
        raise UsageError(f'unknown command "{name}".{nearest(name, COMMANDS)} Commands: {", ".join(COMMANDS)}')
    argument = " ".join(arguments)
    if name == "lr":
        argument = str(parse_factor(argument))
    elif name == "epochs":
        argument = str(parse_epochs(argument))
    elif argument and (name, argument) != ("stop", "discard"):
        takes = "discard or no argument" if name == "stop" else "no argument"
        raise UsageError(f'{name} takes {takes}, but got "{argument}"')
    return Command(name=name, argument=argument, sender=_sender(), created=time.time())


def parse_factor(text: str) -> float:
    """The factor of `lr`: `0.5`, `×0.5`, `x0.5` or `*0.5`.

    Raises:
        UsageError: it is not a positive finite number.
    """
    try:
        factor = float(text.strip().lstrip("×x*"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise UsageError(f'lr takes a positive factor, as in `lr ×0.5`, but got "{text}"')
    return factor


def parse_epochs(text: str) -> int:
    """The number of `epochs`.

    Raises:
        UsageError: it is not a whole number from 1 to a million.
    """
    try:
        epochs = int(text)
    except ValueError:
        epochs = 0
    if epochs < 1:
        raise UsageError(f'epochs takes a positive whole number, as in `epochs 40`, but got "{text}"')
    if epochs > _MAX_EPOCHS:
        raise UsageError(f"epochs takes at most {_MAX_EPOCHS:,}, but got {text}")
    return epochs


def check_epochs(epochs: int, num_done: int) -> None:
    """That a run of which `num_done` epochs are done can be one of so many.

    Raises:
        UsageError: it cannot.
    """
    if epochs <= num_done:
        raise UsageError("1 epoch is done already" if num_done == 1 else f"{num_done} epochs are done already")


def send(control: Path, command: Command) -> str:
    """Leave a command for the trainer and return its id.

    Raises:
        StorageError: the folder cannot be written.
    """
    identifier = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
    temporary = control / f".{identifier}.tmp"
    try:
        temporary.write_bytes(msgspec.json.encode(command))
        temporary.rename(control / f"{identifier}.json")
    except OSError as error:
        raise StorageError(f"cannot leave a command in {control}: {error.strerror}") from error
    return identifier


def take(control: Path) -> list[Received]:
    """Commands waiting, oldest first; their files are removed.

    Never raises: a bad file is a `Received` with a problem. What cannot be removed is passed over, since it would be
    obeyed again at every look.
    """
    try:
        names = sorted(name for name in os.listdir(control) if name.endswith(".json") and not name.startswith("."))
    except OSError:
        return []
    return [received for name in names if (received := _take_one(control / name)) is not None]


def _take_one(path: Path) -> Received | None:
    try:
        data = _read(path)
        command = msgspec.json.decode(data, type=Command) if len(data) <= _MAX_BYTES else None
        problem = "" if command else "the file is too large for a command"
    except UNDECODABLE as error:
        command, problem = None, f"not a command: {error}"
    except OSError as error:
        command, problem = None, f"unreadable: {error.strerror}"
    try:
        path.unlink()
    except OSError:
        return None
    return Received(path.stem, command, problem)


def _read(path: Path) -> bytes:
    # Neither a pipe nor a link that a stranger left here may hold up the trainer or lead it elsewhere.
    with open_plain(path, os.O_NOFOLLOW) as file:
        return file.read(_MAX_BYTES + 1)


def _sender() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):
        return socket.gethostname()
