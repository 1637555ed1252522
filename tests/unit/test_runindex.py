"""The list of runs: fast, complete, and not to be upset by any one of them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core import runindex
from core.errors import UsageError
from core.reader import read_all
from core.runfolder import Manifest, RunFolder
from core.runindex import RunIndex
from core.runsummary import RunSummary, condition, has_trainer, lock_is_held, summarize, thinned
from core.state import RunState
from core.trash import to_trash
from tests.ui.canned import WALL, Canned, ended, live
from tui.home.estimate import estimate
from tui.home.table import short_age


def listed(runs_dir: Path) -> RunIndex:
    index = RunIndex(runs_dir)
    index.scan()
    index.read()
    return index


def test_a_row_says_what_the_fold_says(tmp_path: Path) -> None:
    run = live(tmp_path)
    state = RunState()
    for record in read_all(run.folder.events_file):
        state.apply(record)
    row = listed(tmp_path).summaries[run.folder.id]
    assert (row.recipe, row.dataset, row.epoch, row.step) == ("c10-lenet", "cifar10", state.epoch, state.step)
    assert state.best is not None
    assert (row.best, row.best_epoch, row.seconds) == (state.best.top1, state.best.epoch, state.seconds)
    assert state.last is not None
    assert row.last_wall == state.last.wall
    assert row == summarize(run.folder, state)


def test_a_kept_row_equals_a_fresh_one_and_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(tmp_path, run_id="one")
    ended(tmp_path, run_id="two")
    first = listed(tmp_path)
    first.save()
    monkeypatch.setattr(runindex, "EventReader", None)  # whoever reads now fails
    second = listed(tmp_path)
    assert second.summaries == first.summaries
    assert not second.unread


def test_a_run_that_changed_is_read_again_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = live(tmp_path)
    index = listed(tmp_path)
    before = index.summaries[run.folder.id].step
    run.train(40)
    index.scan()
    assert set(index.unread) == {run.folder.id}
    with monkeypatch.context() as patch:
        patch.setattr(runindex, "EventReader", None)  # whoever begins at the start now fails
        index.read()
    row = index.summaries[run.folder.id]
    assert row.step == before + 40
    assert row == listed(tmp_path).summaries[run.folder.id]


def test_runs_come_and_go(tmp_path: Path) -> None:
    index = RunIndex(tmp_path / "runs")
    index.scan()
    assert index.summaries == {}
    (tmp_path / "runs" / ".trash").mkdir(parents=True)
    (tmp_path / "runs" / "todo.txt").touch()
    index.scan()
    assert index.summaries == {}
    run = ended(tmp_path / "runs", run_id="one")
    index.scan()
    assert set(index.summaries) == set(index.unread) == {"one"}
    index.read()
    run.folder.path.rename(tmp_path / "elsewhere")
    index.scan()
    assert index.summaries == {}


def test_a_folder_that_cannot_be_read_says_so_until_it_can(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    index = listed(tmp_path / "runs")
    assert "Not a directory" in index.problem
    (tmp_path / "runs").unlink()
    ended(tmp_path / "runs", run_id="one")
    index.scan()
    assert (index.problem, set(index.summaries)) == ("", {"one"})


def test_reading_stops_when_its_time_is_up(tmp_path: Path) -> None:
    for number in range(3):
        ended(tmp_path, run_id=f"run-{number}")
    index = RunIndex(tmp_path)
    index.scan()
    ticks = iter(range(100))
    index.read(1.0, clock=lambda: float(next(ticks)))
    assert set(index.unread) == {"run-0", "run-1"}
    assert index.summaries["run-0"] == RunSummary(id="run-0")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("no manifest and no log", "not a run"),
        ("foreign log", "holds no event"),
        ("bad manifest", "not a run manifest"),
        ("loop of links", "levels of symbolic links"),
        ("dangling link", "leads nowhere"),
        ("log is a folder", "not a plain file"),
        ("newer schema", "newer cifar-tui"),
    ],
)
def test_one_broken_folder_is_named_and_hides_no_other(tmp_path: Path, spoil: str, told: str) -> None:
    ended(tmp_path, run_id="sound")
    broken = RunFolder(tmp_path / "broken")
    if spoil == "loop of links":
        broken.path.symlink_to("broken")
    elif spoil == "dangling link":
        broken.path.symlink_to("nowhere")
    else:
        broken.path.mkdir()
    match spoil:
        case "foreign log":
            ended(tmp_path / "other", run_id="other").folder.manifest_file.rename(broken.manifest_file)
            broken.events_file.write_text("a\nb\n")
        case "bad manifest":
            broken.manifest_file.write_text("{}")
        case "log is a folder":
            broken.events_file.mkdir()
        case "newer schema":
            broken.events_file.write_bytes(newer_line())
    rows = listed(tmp_path).summaries
    assert told in rows["broken"].problem
    assert rows["sound"].best is not None
    assert condition(rows["broken"], broken, WALL) == "broken"


def newer_line() -> bytes:
    import zlib

    head = b'{"v":99,"seq":0'
    return head + b',"crc":"%08x"}\n' % zlib.crc32(head)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    run = ended(tmp_path, run_id="shut")
    run.folder.path.chmod(0)
    try:
        assert "Permission" in listed(tmp_path).summaries["shut"].problem
    finally:
        run.folder.path.chmod(0o700)


def test_a_log_with_damage_is_listed_and_says_so(tmp_path: Path) -> None:
    run = ended(tmp_path)
    lines = run.folder.events_file.read_bytes().splitlines(keepends=True)
    run.folder.events_file.write_bytes(b"".join([*lines[:20], b"torn\n", *lines[21:], b'{"v":1,"se']))
    row = listed(tmp_path).summaries[run.folder.id]
    assert (row.num_corrupt, row.problem, row.epoch) == (1, "", 10)


def test_a_kept_index_of_another_version_or_of_rubbish_is_read_anew(tmp_path: Path) -> None:
    ended(tmp_path, run_id="one")
    for rubbish in (b"", b"\xff\xff", b"\x92\x63\x80"):
        (tmp_path / ".index").write_bytes(rubbish)
        assert listed(tmp_path).summaries["one"].best is not None


# -- how a run fares ---------------------------------------------------------------------------------------------------


def test_live_runs_are_told_from_dead_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os_open = os.open

    def read_only(path: Path, flags: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise PermissionError
        return os_open(path, flags)

    run = live(tmp_path)
    row = listed(tmp_path).summaries[run.folder.id]
    assert condition(row, run.folder, run.wall + 1) == "running"
    assert condition(row, run.folder, run.wall + 1000) == "died"
    # A lock is asked about by another process than its holder's.
    code = "import sys; from pathlib import Path; from core.runfolder import RunFolder\n"
    code += "with RunFolder(Path(sys.argv[1])).lock(): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(run.folder.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert condition(row, run.folder, run.wall + 1000) == "silent"
        with pytest.raises(UsageError, match="being trained"):
            to_trash(run.folder)
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", read_only)
            assert lock_is_held(run.folder) is True, "who watches a colleague's run may not write there"
        holder.communicate()
    assert lock_is_held(run.folder) is False


def test_a_run_heard_of_lately_does_what_it_said_last(tmp_path: Path) -> None:
    said = {
        "starting": RunSummary(id="x", created=100.0),
        "running": RunSummary(id="x", status="training", last_wall=100.0),
        "stalled": RunSummary(id="x", status="training", last_wall=100.0, phase_stalls=True),
        "paused": RunSummary(id="x", status="paused", last_wall=100.0),
    }
    assert {condition(one, RunFolder(tmp_path / "x"), 105.0): one for one in said.values()} == said


def test_where_no_lock_can_be_asked_a_process_on_this_machine_is_the_trainer(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "x")
    folder.path.mkdir()
    for host, pid, lives in (("here", os.getpid(), True), ("elsewhere", os.getpid(), False), ("here", 2**30, False)):
        host = socket.gethostname() if host == "here" else host
        folder.write_manifest(Manifest(id="x", recipe="x", created=1.0, config={}, host=host, pid=pid))
        lock = folder.path / ".lock"
        assert not has_trainer(folder), "who trains it has made a lock"
        lock.mkdir()
        assert has_trainer(folder) is lives
        lock.rmdir()


def test_curves_keep_their_ends() -> None:
    values = [float(number) for number in range(1000)]
    assert len(thinned(values)) == 48
    assert (thinned(values)[0], thinned(values)[-1]) == (0.0, 999.0)
    assert thinned([0.1, float("nan"), 0.2]) == (0.1, 0.2)


def test_ages_are_short() -> None:
    assert [short_age(value) for value in (None, 2, 59, 3599, 7200, 200_000)] == ["", "now", "59s", "59m", "2h", "2d"]


def test_an_estimate_comes_from_the_latest_run_on_this_machine() -> None:
    here = socket.gethostname()
    runs = [
        RunSummary(id="old", recipe="r", host=here, epoch_seconds=50.0, created=1.0),
        RunSummary(id="new", recipe="r", host=here, epoch_seconds=10.0, created=2.0, best=0.5),
        RunSummary(id="idle", recipe="r", host=here, epoch=2, seconds=9.0, created=3.0),
        RunSummary(id="far", recipe="r", host="elsewhere", epoch_seconds=1.0, created=3.0),
    ]
    assert "1 min 40 s" in estimate("r", 10, runs, here)
    assert "new" in estimate("r", 10, runs, here)
    assert "not known" in estimate("other", 10, runs, here)


def test_a_canned_run_can_be_listed_while_it_starts(tmp_path: Path) -> None:
    run = Canned(tmp_path)
    one = listed(tmp_path).summaries[run.folder.id]
    assert (one.recipe, one.num_epochs, one.problem) == ("c10-lenet", 10, "")
