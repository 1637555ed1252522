"""Run folders: unique names, one trainer each, a manifest that is never half written, and finding one by its name."""

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
from core.runfolder import (
    Manifest,
    RunFolder,
    command_line,
    create_run_folder,
    find_run,
    list_runs,
    new_run_id,
    write_atomically,
)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def manifest(name: str, created: float = 0.0) -> Manifest:
    return Manifest(id=name, recipe="c10-lenet", created=created, config={"epochs": 3})


def make(runs: Path, *names: str) -> None:
    """Runs, each newer than the one before."""
    for created, name in enumerate(names):
        folder = create_run_folder(runs, "c10-lenet", name)
        folder.write_manifest(manifest(name, float(created)))


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
    make(runs, "mine")
    with pytest.raises(UsageError, match=f"a run named mine exists already in {runs}: choose another --run-id"):
        create_run_folder(runs, "c10-lenet", "mine")


def test_where_no_run_can_be_made_the_message_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file in the way")
    with pytest.raises(
        StorageError, match=r"cannot create a run in .*runs: File exists; choose a writable .*--runs-dir"
    ):
        create_run_folder(tmp_path / "runs", "c10-lenet")


# -- finding ----------------------------------------------------------------------------------------------------------


def test_runs_are_listed_by_name_and_nothing_else_is(runs: Path) -> None:
    make(runs, "b", "a")
    (runs / ".images").mkdir()
    (runs / "notes.txt").write_text("no run")
    assert [run.id for run in list_runs(runs)] == ["a", "b"]
    assert list_runs(runs / "nowhere") == []


def test_a_runs_directory_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StorageError, match=f"cannot read {tmp_path}/runs: Not a directory"):
        list_runs(tmp_path / "runs")


NAMES = [
    "20261121-081500-c10-lenet-brisk-otter",
    "20261121-090000-c10-lenet-calm-owl",
    "20261122-081500-mnist-cnn-icy-elk",
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (NAMES[0], NAMES[0]),
        ("brisk", NAMES[0]),
        ("brisk-otter", NAMES[0]),
        ("mnist", NAMES[2]),
        ("20261121-09", NAMES[1]),
        ("last", NAMES[2]),
    ],
    ids=["its id", "a word", "two words", "a recipe", "a time", "last"],
)
def test_a_run_is_found_by(wanted: str, found: str, runs: Path) -> None:
    make(runs, *NAMES)
    assert find_run(runs, wanted) == RunFolder(runs / found)


def test_a_run_is_found_by_its_path_from_anywhere(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(runs, *NAMES)
    other = runs.parent / "elsewhere"
    assert find_run(other, str(runs / NAMES[1])).path == runs / NAMES[1]
    monkeypatch.chdir(runs)
    assert find_run(other, f"./{NAMES[1]}").path == runs / NAMES[1]
    monkeypatch.setenv("HOME", str(runs))
    assert find_run(other, f"~/{NAMES[1]}").path == runs / NAMES[1]


def test_a_dot_is_the_folder_in_which_one_stands_and_no_part_of_a_name(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(runs, "here", "v1.0")
    monkeypatch.chdir(runs / "here")
    assert find_run(runs, ".").path == runs / "here"
    monkeypatch.chdir(runs / "here" / "control")
    assert find_run(runs, "..").path == runs / "here"


@pytest.mark.parametrize("name", ["photos", "./photos"])
def test_a_folder_without_a_run_is_told_apart_from_a_run_that_died(
    name: str, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(runs, "here")
    (runs / "photos").mkdir()
    monkeypatch.chdir(runs)
    with pytest.raises(StorageError, match=r"/photos is not a run: there is neither run\.json nor events\.jsonl"):
        find_run(runs, name)


def test_not_even_an_only_run_is_meant_by_no_name(runs: Path) -> None:
    make(runs, "only")
    with pytest.raises(UsageError, match="is no run"):
        find_run(runs, "")


def test_a_whole_id_goes_before_a_part_of_another(runs: Path) -> None:
    make(runs, "run", "run-2", "rerun")
    assert find_run(runs, "run").id == "run"


def test_last_is_the_one_that_began_last_and_not_the_last_by_name(runs: Path) -> None:
    make(runs, "c", "a", "b")
    (runs / "z-broken").mkdir()
    assert find_run(runs, "last").id == "b"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("c10-lenet", r'"c10-lenet" fits 2 runs \(.*brisk-otter, .*calm-owl\): write more of the name'),
        ("2026", r'"2026" fits 3 runs'),
        (
            "mnist-cn-icy-elk",
            'no run in .*runs is called "mnist-cn-icy-elk". Did you mean "20261122-081500-mnist-cnn-icy-elk"',
        ),
        ("xyz", 'no run in .*runs is called "xyz".$'),
        ("runs/nowhere", 'no run in .*runs is called "runs/nowhere"'),
        ("", '"" is no run: give an id'),
    ],
    ids=["several fit", "all fit", "one is near", "none is near", "a path to nowhere", "a variable that is not set"],
)
def test_a_name_that_means_no_run_or_several(wanted: str, message: str, runs: Path) -> None:
    make(runs, *NAMES)
    with pytest.raises(UsageError, match=message):
        find_run(runs, wanted)


def test_where_there_are_no_runs_it_says_how_to_start_one(runs: Path) -> None:
    with pytest.raises(UsageError, match=f"there are no runs in {runs} yet: start one with `cifar-tui demo --runs-dir"):
        find_run(runs, "last")


@pytest.mark.parametrize(
    ("runs_dir", "variable", "option"),
    [
        ("runs", None, ""),
        ("here/../runs", None, ""),
        ("kept", "kept", ""),
        ("~/kept", "~/kept", ""),
        ("runs", "", ""),
        ("kept", None, " --runs-dir {}/kept"),
        ("runs", "kept", " --runs-dir {}/runs"),
        ("my runs", None, " --runs-dir '{}/my runs'"),
    ],
    ids=["the default", "the default by a detour", "the variable's", "the variable's at home", "an empty variable",
         "another folder", "the default beside a variable", "a folder with a space"],
)  # fmt: skip
def test_a_command_names_the_runs_directory_that_it_would_not_find(
    runs_dir: str, variable: str | None, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CIFAR_TUI_RUNS_DIR", raising=False)
    if variable is not None:
        monkeypatch.setenv("CIFAR_TUI_RUNS_DIR", variable)
    told = command_line("attach mine", Path(runs_dir).expanduser())
    assert told == f"cifar-tui attach mine{option.format(tmp_path)}"


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
