"""Finding a run: by its id, a part of it, its path or `last`, and a command that finds it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import StorageError, UsageError
from core.runfolder import Manifest, RunFolder, command_line, create_run_folder, find_run, list_runs


def make(runs: Path, *names: str) -> None:
    """Runs, each newer than the one before."""
    for created, name in enumerate(names):
        folder = create_run_folder(runs, "c10-lenet", name)
        folder.write_manifest(Manifest(id=name, recipe="c10-lenet", created=float(created), config={"epochs": 3}))


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


def test_a_default_that_is_a_link_to_itself_is_not_where_the_runs_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CIFAR_TUI_RUNS_DIR", raising=False)
    Path("runs").symlink_to("runs")
    assert command_line("attach mine", Path("mine")) == f"cifar-tui attach mine --runs-dir {tmp_path}/mine"
