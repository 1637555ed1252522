"""What a batch job writes to its standard output and what to its standard error, as lines and as JSON."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from core import events as ev
from core.codec import encode
from core.headless import PROGRESS_SECONDS, JsonReport, LineReport, Report
from core.runfolder import RunFolder
from tests.strategies import batches, run_started
from tests.telling import ENDED, EPOCH, STARTED, stamped


def tell(report: Report, *events: ev.Event) -> None:
    for record in stamped(*events):
        report(record)


def line_report(**clock: Any) -> tuple[LineReport, io.StringIO, io.StringIO]:
    out, talk = io.StringIO(), io.StringIO()
    return LineReport(RunFolder(Path("/runs/r")), out, talk, **clock), out, talk


def test_epochs_and_the_summary_are_data_and_the_rest_is_talk() -> None:
    report, out, talk = line_report()
    tell(
        report,
        ev.PhaseChanged(phase="building"),
        *STARTED,
        batches(0, 4),
        EPOCH,
        ev.Notice(level="info", text="hi"),
        ENDED,
    )
    assert [line.split()[0] for line in out.getvalue().splitlines()] == [
        "epoch", "finished:", "best", "hardest", "most", "1.0", "run"
    ]  # fmt: skip
    assert talk.getvalue().splitlines()[0] == "building"
    assert talk.getvalue().splitlines()[-1] == "info: hi"
    assert "run r" in talk.getvalue()


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_an_error_is_talk(status: Any) -> None:
    report, out, talk = line_report()
    tell(report, *STARTED, ev.RunEnded(status=status, step=0, epoch=0, reason="the loss became nan", exit_code=3))
    assert talk.getvalue().splitlines()[-1] == f"{status}: the loss became nan"
    assert out.getvalue() == "run folder: /runs/r\n"


@pytest.mark.parametrize("status", ["finished", "stopped", "preempted"])
def test_an_end_that_was_wanted_is_data(status: Any) -> None:
    report, out, _ = line_report()
    tell(report, ev.RunEnded(status=status, step=0, epoch=0, reason="so be it"))
    assert out.getvalue().startswith(f"{status}: so be it\n")


def test_within_a_long_epoch_there_is_a_line_now_and_then() -> None:
    now = [0.0]
    report, out, talk = line_report(clock=lambda: now[0])
    tell(report, *STARTED)
    before = len(talk.getvalue().splitlines())
    for step in range(10):
        now[0] += PROGRESS_SECONDS / 4
        tell(report, batches(step, 1, loss=step + 0.5, seconds=0.5))
    lines = talk.getvalue().splitlines()[before:]
    assert lines == [
        "step 4/12  loss 3.5000  16 img/s  ETA 0:04",
        "step 8/12  loss 7.5000  16 img/s  ETA 0:02",
    ]
    assert out.getvalue() == ""


def test_an_epoch_s_line_stands_for_progress_too() -> None:
    now = [0.0]
    report, _, talk = line_report(clock=lambda: now[0])
    tell(report, *STARTED)
    before = talk.getvalue()
    now[0] = PROGRESS_SECONDS * 0.9
    tell(report, batches(0, 4), EPOCH)
    now[0] = PROGRESS_SECONDS * 1.8
    tell(report, batches(4, 1))
    assert talk.getvalue() == before


def test_an_earlier_attempt_is_caught_up_with_in_silence() -> None:
    report, out, talk = line_report()
    for record in stamped(*STARTED, EPOCH):
        report.catch_up(record)
    assert (out.getvalue(), talk.getvalue()) == ("", "")
    tell(report, ENDED)
    assert "best validation top-1 75.00% (epoch 1)" in out.getvalue()


def test_json_is_the_lines_of_the_log() -> None:
    out, talk = io.StringIO(), io.StringIO()
    history = stamped(*STARTED, batches(0, 2, loss=math.nan), EPOCH, ENDED)
    report = JsonReport(out, talk)
    for record in history:
        report(record)
    assert out.getvalue().encode() == b"".join(map(encode, history))
    assert talk.getvalue() == ""


def test_with_json_an_error_is_a_sentence_too() -> None:
    out, talk = io.StringIO(), io.StringIO()
    tell(JsonReport(out, talk), ev.RunEnded(status="failed", step=0, epoch=0, reason="no data \x1b[1m", exit_code=5))
    assert talk.getvalue() == "failed: no data \ufffd[1m\n"
    assert json.loads(out.getvalue())["event"]["exit_code"] == 5


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("kind", ["lines", "json"])
@pytest.mark.parametrize("closed", [False, True], ids=["a broken pipe", "a closed stream"])
def test_a_reader_that_has_left_stops_nothing(kind: str, closed: bool) -> None:
    stream = Gone()
    if closed:
        stream.close()
    report: Report
    if kind == "lines":
        report = LineReport(RunFolder(Path("/runs/r")), stream, stream)
    else:
        report = JsonReport(stream, stream)
    tell(report, *STARTED, EPOCH, ev.Notice(level="info", text="hi"), ev.RunEnded(status="failed", step=0, epoch=0))


def test_lines_from_outside_cannot_move_the_cursor() -> None:
    report, out, talk = line_report()
    tell(report, run_started(run_id="\x1b[2J", classes=["c\rat", "d\x07og"]), EPOCH, ENDED)
    for text in (out.getvalue(), talk.getvalue()):
        assert all(line.isprintable() for line in text.splitlines())
        assert "\r" not in text
