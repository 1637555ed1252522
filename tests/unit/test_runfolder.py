"""Run folders: unique names, one trainer each, and a manifest that is never half written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core import runfolder as runfolder_module
from core.errors import RunInUseError, StorageError, UsageError
from core.runfolder import Manifest, RunFolder, create_run_folder, list_runs, new_run_id, write_atomically

# -- names ------------------------------------------------------------------------------------------------------------


def test_an_id_is_date_time_recipe_and_two_words() -> None:
    date, time, *recipe, first, second = new_run_id("c10-lenet", now=1.5e9).split("-")
    assert (len(date), len(time), recipe) == (8, 6, ["c10", "lenet"])
    assert first.isalpha()
    assert second.isalpha()


START_TEN = """
import sys
from pathlib import Path
from core import names, runfolder

# Only a few words and one second: they must collide, and mkdir must decide.
names._ADJECTIVES, names._ANIMALS = ["calm", "bold", "deft", "keen"], [f"owl{i}" for i in range(30)]
runfolder.time.strftime = lambda *ignored: "20261121-074349"
for _ in range(10):
    print(runfolder.create_run_folder(Path(sys.argv[1]), "c10-lenet").id)
"""


def test_fifty_starts_in_one_second_in_five_processes_have_fifty_ids(runs: Path) -> None:
    starters = [
        subprocess.Popen([sys.executable, "-c", START_TEN, runs], stdout=subprocess.PIPE, text=True) for _ in range(5)
    ]
    names = [name for starter in starters for name in starter.communicate(timeout=60)[0].split()]
    assert [starter.returncode for starter in starters] == [0] * 5
    assert len(names) == 50
    assert len(set(names)) == 50
    assert sorted(run.id for run in list_runs(runs)) == sorted(names)
    assert all(run.control.is_dir() for run in list_runs(runs))


def test_fifty_threads_that_want_one_name_get_one_winner(runs: Path) -> None:
    def start(_: int) -> bool:
        try:
            create_run_folder(runs, "c10-lenet", "mine")
        except UsageError:
            return False
        return True

    with ThreadPoolExecutor(50) as pool:
        assert sum(pool.map(start, range(50))) == 1


def test_where_every_name_is_taken_it_gives_up(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runfolder_module, "new_run_id", lambda recipe: "taken")
    create_run_folder(runs, "c10-lenet")
    with pytest.raises(StorageError, match=f"found no free run name in {runs}"):
        create_run_folder(runs, "c10-lenet")


@pytest.mark.parametrize("name", ["a", "Run-7_b.c", "0", "x" * 128])
def test_a_plain_name_can_be_a_run_id(name: str, runs: Path) -> None:
    assert create_run_folder(runs, "c10-lenet", name).path == runs / name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "../a", "-r", "a b", "né", "a\n", "\x1b[1m", "x" * 129, "last", "best", "auto"],
)
def test_another_name_cannot(name: str, runs: Path) -> None:
    with pytest.raises(UsageError, match="cannot be a run id"):
        create_run_folder(runs, "c10-lenet", name)
    assert not runs.exists()


def test_a_name_that_is_taken_is_refused(runs: Path) -> None:
    create_run_folder(runs, "c10-lenet", "mine")
    with pytest.raises(UsageError, match=f"a run named mine exists already in {runs}: choose another --run-id"):
        create_run_folder(runs, "c10-lenet", "mine")


def test_where_no_run_can_be_made_the_message_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file in the way")
    with pytest.raises(
        StorageError, match=r"cannot create a run in .*runs: File exists; choose a writable .*--runs-dir"
    ):
        create_run_folder(tmp_path / "runs", "c10-lenet")


# -- the lock ---------------------------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from core.runfolder import RunFolder

with RunFolder(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(runs: Path) -> RunFolder:
    return create_run_folder(runs, "c10-lenet", "mine")


@pytest.fixture
def holder(folder: RunFolder) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the run."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_run_that_another_process_trains_is_in_use(folder: RunFolder, holder: subprocess.Popen[str]) -> None:
    with (
        pytest.raises(RunInUseError, match=r"run mine is being trained by another process: .*attach mine --runs-dir /"),
        folder.lock(),
    ):
        pass


@pytest.mark.parametrize("end", ["let go", "killed"])
def test_a_run_is_free_once_its_trainer_is_gone(end: str, folder: RunFolder, holder: subprocess.Popen[str]) -> None:
    if end == "killed":
        holder.kill()
    holder.communicate()
    with folder.lock():
        pass


def test_the_lock_is_let_go_after_an_error(folder: RunFolder) -> None:
    with pytest.raises(ZeroDivisionError), folder.lock():
        raise ZeroDivisionError
    with folder.lock():
        pass


def test_where_the_lock_cannot_be_written_it_says_so(tmp_path: Path) -> None:
    lock = RunFolder(tmp_path / "nowhere").lock()
    with pytest.raises(StorageError, match=r"cannot write .*/nowhere/\.lock: No such file or directory"), lock:
        pass


def test_a_file_system_without_locks_is_not_taken_for_another_trainer(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(runfolder_module.fcntl, "lockf", refuse)
    with pytest.raises(StorageError, match=r"cannot lock .*: No locks available"), folder.lock():
        pass


# -- the manifest -----------------------------------------------------------------------------------------------------


def test_a_manifest_comes_back_as_it_was_written(folder: RunFolder) -> None:
    written = Manifest(
        id="mine", recipe="c10-lenet", created=1.5, config={"a": [1, {"b": None}]}, command=["cifar-tui", "é"],
        code_version="0.1", versions={"torch": "2"}, device={"name": "cpu"}, host="gpu7", pid=7, parent="other",
    )  # fmt: skip
    folder.write_manifest(written)
    assert folder.read_manifest() == written


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"id": 3}', b"\xff\xfe"])
def test_a_damaged_manifest_is_an_error_that_names_it(content: bytes, folder: RunFolder) -> None:
    folder.manifest_file.write_bytes(content)
    with pytest.raises(StorageError, match=r"mine/run\.json is not a run manifest"):
        folder.read_manifest()


def test_a_missing_manifest_is_an_error_that_names_it(folder: RunFolder) -> None:
    with pytest.raises(StorageError, match=r"cannot read .*mine/run\.json: No such file or directory"):
        folder.read_manifest()


def test_a_pipe_in_the_place_of_a_manifest_is_not_waited_for(folder: RunFolder) -> None:
    os.mkfifo(folder.manifest_file)
    with pytest.raises(StorageError, match=r"cannot read .*mine/run\.json: not a plain file"):
        folder.read_manifest()


def test_at_no_moment_is_a_file_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    seen: list[bytes] = []
    fsync, replace = os.fsync, Path.replace

    def spy_fsync(descriptor: int) -> None:
        seen.append(path.read_bytes())
        fsync(descriptor)

    def spy_replace(self: Path, target: Path) -> Path:
        assert self.read_bytes() == b"new", "only what is whole and durable takes the place of the old"
        seen.append(path.read_bytes())
        return replace(self, target)

    monkeypatch.setattr(runfolder_module.os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "replace", spy_replace)
    write_atomically(path, b"new")
    assert seen == [b"old", b"old"]
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse(*ignored: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if where == "fsync":
        monkeypatch.setattr(runfolder_module.os, "fsync", refuse)
    else:
        monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StorageError, match=r"cannot write .*file: No space left on device"):
        write_atomically(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"
