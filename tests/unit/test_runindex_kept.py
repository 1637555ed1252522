"""What the list of runs keeps between two looks: no row of a file that has changed, none of a run that has gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from core import runindex
from core.runindex import RunIndex
from core.runnotes import Notes, write_notes
from tests.ui.canned import ended, live


def kept(runs_dir: Path) -> RunIndex:
    index = RunIndex(runs_dir)
    index.scan()
    index.read()
    index.save()
    return index


@pytest.mark.parametrize("name", ["events.jsonl", "run.json", "notes.json"])
def test_a_row_is_read_again_whichever_of_its_files_has_changed(name: str, tmp_path: Path) -> None:
    run = ended(tmp_path, run_id="one")
    write_notes(run.folder.path, Notes(("keep",), ""))
    index = kept(tmp_path)
    assert not index.unread
    assert index.notes == {"one": Notes(("keep",), "")}
    os.utime(run.folder.path / name, ns=(1, 1))
    for looking in (index, RunIndex(tmp_path)):
        looking.scan()
        assert set(looking.unread) == {"one"}


def test_a_manifest_of_another_size_is_another_one_whatever_its_time(tmp_path: Path) -> None:
    run = ended(tmp_path, run_id="one")
    index, status = kept(tmp_path), run.folder.manifest_file.stat()
    run.folder.manifest_file.write_bytes(run.folder.manifest_file.read_bytes() + b"\n")
    os.utime(run.folder.manifest_file, ns=(status.st_atime_ns, status.st_mtime_ns))
    index.scan()
    assert set(index.unread) == {"one"}


def test_rows_of_another_version_are_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(tmp_path, run_id="one")
    kept(tmp_path)
    monkeypatch.setattr(runindex, "_VERSION", 0)
    index = RunIndex(tmp_path)
    index.scan()
    assert set(index.unread) == {"one"}


@pytest.mark.parametrize("change", ["longer", "shorter"])
def test_a_log_that_another_one_has_replaced_is_read_from_its_start(change: str, tmp_path: Path) -> None:
    """As rsync does it, from the machine on which the run is trained."""
    run = live(tmp_path)
    run.attempt = 2
    run.train(10)
    index = kept(tmp_path)
    if change == "longer":
        run.train(10)
    lines = run.folder.events_file.read_bytes().splitlines(keepends=True)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(b"".join(lines if change == "longer" else lines[:5]))
    copy.replace(run.folder.events_file)
    index.scan()
    index.read()
    assert index.summaries == kept(tmp_path).summaries


@pytest.mark.parametrize("seen", [True, False], ids=["while the list is open", "while no list is open"])
def test_a_run_that_has_gone_is_not_kept(seen: bool, tmp_path: Path) -> None:
    run = ended(tmp_path, run_id="the-one")
    index = kept(tmp_path)
    assert b"the-one" in (tmp_path / ".index").read_bytes()
    shutil.rmtree(run.folder.path)
    index = index if seen else RunIndex(tmp_path)
    index.scan()
    index.save()
    assert b"the-one" not in (tmp_path / ".index").read_bytes()


@pytest.mark.parametrize("named", [True, False], ids=["known before", "not known before"])
def test_a_run_that_could_not_be_read_for_a_while_is_listed_again(named: bool, tmp_path: Path) -> None:
    """A network drive comes back, and nothing of its files has changed."""
    run = ended(tmp_path / "runs", run_id="one")
    whole = kept(tmp_path / "runs").summaries
    index = kept(tmp_path / "runs") if named else RunIndex(tmp_path / "runs")
    for name in ("events.jsonl", "run.json"):
        (run.folder.path / name).rename(tmp_path / name)
    index.scan()
    assert index.summaries["one"].problem
    for name in ("events.jsonl", "run.json"):
        (tmp_path / name).rename(run.folder.path / name)
    index.scan()
    assert index.summaries == whole
    assert not index.unread


def test_a_run_that_has_become_unreadable_is_not_read_all_the_same(tmp_path: Path) -> None:
    run = ended(tmp_path, run_id="one")
    index = RunIndex(tmp_path)
    index.scan()
    run.folder.events_file.unlink()
    run.folder.events_file.mkdir()
    index.scan()
    assert not index.unread
