"""Run folders: where things lie in `runs/<id>/`, names that stay unique, the manifest, and the lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from core.codec import UNDECODABLE, to_json
from core.errors import RunInUseError, StorageError, UsageError, nearest
from core.names import two_words
from core.paths import expanded, read_plain, whole_file

DEFAULT_RUNS_DIR = Path("runs")
RUNS_DIR_VARIABLE = "CIFAR_TUI_RUNS_DIR"
_MAX_ID_LENGTH = 128
_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_MAX_ID_LENGTH - 1}}}")
_RESERVED = frozenset({"auto", "best", "last"})
"""What `--resume` and RUN take for something else than a name."""


class Manifest(msgspec.Struct, kw_only=True):
    """`run.json`: what a run is, readable before its first event."""

    schema: int = 1
    id: str
    recipe: str
    created: float
    """Seconds since the epoch."""
    config: dict[str, Any]
    command: list[str] = []
    code_version: str = ""
    versions: dict[str, str] = {}
    device: dict[str, Any] | None = None
    host: str = ""
    pid: int | None = None
    """Of the trainer of the latest attempt."""
    parent: str | None = None
    """The run this one was forked from."""


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def manifest_file(self) -> Path:
        return self.path / "run.json"

    @property
    def events_file(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def control(self) -> Path:
        return self.path / "control"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def log_file(self) -> Path:
        return self.path / "trainer.log"

    @property
    def images(self) -> Path:
        return self.path.parent / ".images"

    def read_manifest(self) -> Manifest:
        """The manifest.

        Raises:
            StorageError: it is missing, unreadable or not a manifest.
        """
        try:
            return msgspec.json.decode(read_plain(self.manifest_file), type=Manifest)
        except UNDECODABLE as error:
            raise StorageError(f"{self.manifest_file} is not a run manifest: {error}") from error
        except OSError as error:
            raise StorageError(f"cannot read {self.manifest_file}: {error.strerror}") from error

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest atomically."""
        write_atomically(self.manifest_file, msgspec.json.format(to_json(manifest), indent=2) + b"\n")

    def in_use(self) -> RunInUseError:
        """What to tell whoever would train a run that another process trains."""
        attach = command_line(f"attach {self.id}", self.path.parent)
        return RunInUseError(f"run {self.id} is being trained by another process: watch it with `{attach}`")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for one trainer; the kernel lets go when the process dies.

        Raises:
            RunInUseError: another trainer holds it.
            StorageError: the folder cannot be written, or its file system knows no locks.
        """
        file = self.path / ".lock"
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StorageError(f"cannot write {file}: {error.strerror}") from error
        try:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError) as error:
                raise self.in_use() from error
            except OSError as error:
                raise StorageError(f"cannot lock {file}: {error.strerror}") from error
            yield
        finally:
            os.close(descriptor)


def command_line(words: str, runs_dir: Path) -> str:
    """`cifar-tui WORDS` for the runs in `runs_dir`, with --runs-dir where it would look elsewhere by itself."""
    by_itself = Path(os.path.expanduser(os.environ.get(RUNS_DIR_VARIABLE) or DEFAULT_RUNS_DIR))
    same = os.path.realpath(runs_dir) == os.path.realpath(by_itself)
    option = "" if same else f" --runs-dir {shlex.quote(str(runs_dir.absolute()))}"
    return f"cifar-tui {words}{option}"


def resume_line(folder: RunFolder) -> str:
    """The command that goes on with a run."""
    return command_line(f"--resume {folder.id}", folder.path.parent)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader finds the old content or the new one, also after a power cut.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        with whole_file(path) as file:
            file.write(data)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def new_run_id(recipe: str, *, now: float | None = None) -> str:
    """date-time-recipe-twowords, as 20261121-074349-c10-lenet-brisk-otter."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    return f"{stamp}-{recipe}-{two_words()}"


def check_run_id(run_id: str) -> None:
    """
    Raises:
        UsageError: no run can have this name.
    """
    if not _ID.fullmatch(run_id):
        raise UsageError(
            f'"{run_id}" cannot be a run id: use letters, digits, ".", "_" and "-", a letter or digit first, '
            f"{_MAX_ID_LENGTH} characters at most"
        )
    if run_id in _RESERVED:
        raise UsageError(f'"{run_id}" cannot be a run id: the word has a meaning of its own')


def create_run_folder(runs_dir: Path, recipe: str, run_id: str | None = None) -> RunFolder:
    """Make a new run folder; mkdir decides between processes that start in the same second.

    Raises:
        UsageError: `run_id` is taken or is not a plain name.
        StorageError: the runs directory cannot be written.
    """
    if run_id is not None:
        check_run_id(run_id)
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        for _ in range(100):
            path = runs_dir / (run_id or new_run_id(recipe))
            try:
                path.mkdir()
            except FileExistsError:
                if run_id is not None:
                    raise name_taken(runs_dir, run_id) from None
                continue
            folder = RunFolder(path)
            folder.control.mkdir()
            return folder
    except OSError as error:
        raise StorageError(
            f"cannot create a run in {runs_dir}: {error.strerror}; choose a writable folder with --runs-dir"
        ) from error
    raise StorageError(f"found no free run name in {runs_dir}")


def name_taken(runs_dir: Path, run_id: str) -> UsageError:
    """What to tell whoever would give a new run the name of another."""
    return UsageError(f"a run named {run_id} exists already in {runs_dir}: choose another --run-id")


def list_runs(runs_dir: Path) -> list[RunFolder]:
    """All run folders, oldest first by name. Anything that is not a folder with a visible name is passed over."""
    try:
        with os.scandir(runs_dir) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith(".") and _is_folder(entry))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(f"cannot read {runs_dir}: {error.strerror}") from error
    return [RunFolder(runs_dir / name) for name in names]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links, or a link to where one may not go: no reason to show none of the others
        return False


def find_run(runs_dir: Path, name: str) -> RunFolder:
    """The run that `name` means: an id, a unique part of one, a path, or `last`.

    Raises:
        UsageError: no run or several runs fit.
        StorageError: there is a folder of that name, but no run in it, or none that can be read.
    """
    try:
        run = _named(runs_dir, name)
        is_run = run.manifest_file.exists() or run.events_file.exists()
    except OSError as error:  # somebody else's, or a name longer than names can be
        raise StorageError(f"cannot read {error.filename}: {error.strerror}") from error
    if not is_run:
        raise StorageError(f"{run.path} is not a run: there is neither run.json nor events.jsonl")
    return run


def _named(runs_dir: Path, name: str) -> RunFolder:
    if not name:
        raise UsageError('"" is no run: give an id, a unique part of one, a path, or `last`')
    as_path = expanded(name)
    if (os.sep in name or name in (os.curdir, os.pardir)) and as_path.is_dir():
        return RunFolder(as_path.resolve())
    runs = list_runs(runs_dir)
    if not runs:
        raise UsageError(f"there are no runs in {runs_dir} yet: start one with `{command_line('demo', runs_dir)}`")
    if name == "last":
        return newest(runs)
    exact = [run for run in runs if run.id == name]
    fitting = exact or [run for run in runs if name in run.id]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UsageError(f'no run in {runs_dir} is called "{name}".{nearest(name, [run.id for run in runs])}')
    names = ", ".join(run.id for run in fitting[:4]) + (", …" if len(fitting) > 4 else "")
    raise UsageError(f'"{name}" fits {len(fitting)} runs ({names}): write more of the name')


def newest(runs: list[RunFolder]) -> RunFolder:
    """The run that was created last, of at least one."""
    return max(runs, key=created)


def recipe_of(run: RunFolder) -> str:
    """What was trained; the run's name where its manifest does not tell."""
    try:
        return run.read_manifest().recipe
    except StorageError:
        return run.id


def created(run: RunFolder) -> float:
    """When, in seconds since the epoch; 0 where its manifest does not tell."""
    try:
        return run.read_manifest().created
    except StorageError:
        return 0.0
