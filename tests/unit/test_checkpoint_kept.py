"""Which checkpoints stay, which of them is the newest, and which is loaded where some are damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core import checkpoint as checkpoint_module
from core.checkpoint import load_newest, newest_first, point, prune
from core.errors import CheckpointError
from tests.checkpoints import litter, save, truncate


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each checkpoint in it is a second later than the one before."""
    seconds = iter(range(1_500_000_000, 1_600_000_000))
    monkeypatch.setattr(checkpoint_module.time, "time", lambda: float(next(seconds)))
    return tmp_path / "checkpoints"


def numbers(paths: list[Path]) -> list[int]:
    return [int(path.name.removeprefix("step-")) for path in paths]


def test_the_last_the_best_and_those_asked_for_stay(folder: Path) -> None:
    for step in range(1, 9):
        save(folder, step=step, keep=step in (2, 5))
    prune(folder, keep_last=2, protected=[folder / "step-00000003"])
    assert numbers(sorted(folder.glob("step-*"))) == [2, 3, 5, 7, 8]


def test_where_there_are_few_all_stay(folder: Path) -> None:
    for step in (1, 2):
        save(folder, step=step)
    prune(folder, keep_last=3, protected=[])
    assert numbers(sorted(folder.glob("step-*"))) == [1, 2]


def test_the_newest_are_those_written_last_and_not_those_furthest_on(folder: Path) -> None:
    """A run that went back to its best checkpoint has left some that lie ahead of it."""
    for step in (100, 200, 300, 150):
        save(folder, step=step)
    assert numbers(newest_first(folder)) == [150, 300, 200, 100]
    prune(folder, keep_last=1, protected=[])
    assert numbers(sorted(folder.glob("step-*"))) == [150], "the one just saved is never the one to go"


def test_last_goes_first_also_where_it_is_not_the_newest(folder: Path) -> None:
    """A run that has just gone back to an earlier checkpoint and was cut off before it saved another."""
    for step in (100, 200, 300):
        save(folder, step=step)
    point(folder, "last", "step-00000100")
    assert numbers(newest_first(folder)) == [100, 300, 200]


def test_one_whose_meta_is_lost_comes_last(folder: Path) -> None:
    for step in (1, 2, 3):
        save(folder, step=step)
    (folder / "step-00000002" / "meta.json").unlink()
    (folder / "last").unlink()
    assert numbers(newest_first(folder)) == [3, 1, 2]


def test_a_run_without_checkpoints_has_none(folder: Path) -> None:
    assert newest_first(folder) == []
    prune(folder, keep_last=1, protected=[])


def test_what_a_killed_trainer_left_half_written_goes(folder: Path) -> None:
    save(folder)
    (folder / ".step-00000004.123.tmp").mkdir()
    (folder / ".step-00000004.123.tmp" / "state.pt").write_bytes(b"half")
    prune(folder, keep_last=1, protected=[])
    assert litter(folder) == []


def test_the_newest_that_is_whole_is_loaded_and_the_others_are_told_of(folder: Path) -> None:
    for step in (1, 2, 3):
        save(folder, step=step, state={"step": step})
    truncate(folder / "step-00000003")
    passed_over: list[CheckpointError] = []
    assert load_newest(folder, passed_over.append) == ("step-00000002", {"step": 2})
    assert ["step-00000003 is damaged" in str(error) for error in passed_over] == [True]


def test_where_all_are_damaged_that_is_an_error(folder: Path) -> None:
    truncate(save(folder))
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole; the last problem: .*checksum"):
        load_newest(folder, lambda error: None)


def test_where_there_are_none_there_is_none_to_load(folder: Path) -> None:
    assert load_newest(folder, lambda error: None) is None


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder.symlink_to("unmounted"), "No such file or directory"),
        (lambda folder: folder.symlink_to(folder.name), "Too many levels of symbolic links"),
        (Path.touch, "Not a directory"),
    ],
    ids=["a link to where nothing is", "links in a circle", "a file"],
)
def test_where_they_cannot_be_read_nobody_begins_anew(make: Callable[[Path], None], reason: str, folder: Path) -> None:
    make(folder)
    with pytest.raises(CheckpointError, match=f"^cannot read {folder}: {reason}$"):
        load_newest(folder, lambda error: None)
    prune(folder, keep_last=1, protected=[])
