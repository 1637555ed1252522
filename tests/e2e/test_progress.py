"""`--no-ui` in a terminal: a bar that is drawn with the events, and lines above it that stay."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from core import events as ev
from core.runfolder import RunFolder
from tests.strategies import batches, epoch_ended, run_started
from tui.launch import TrainOptions, reporter
from tui.progress import ProgressReport

STARTED = (ev.PhaseChanged(phase="loading_data", detail="shapes"), run_started(), ev.PhaseChanged(phase="training"))
ENDED = ev.RunEnded(status="finished", step=12, epoch=3, reason="all epochs are done", seconds=1.0)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True

    @property
    def lines(self) -> list[str]:
        """What was written, without colours and movements of the cursor."""
        return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue()))


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm-256color")


def report_on(out: io.StringIO, talk: io.StringIO, *, ascii: bool = False, color: str = "auto") -> ProgressReport:
    report = ProgressReport(RunFolder(Path("/runs/r")), out, talk, ascii=ascii, color=color)
    report._next_refresh = float("-inf")
    return report


def tell(report: ProgressReport, *events: ev.Event) -> None:
    for seq, event in enumerate(events):
        report._next_refresh = float("-inf")  # the bar is drawn with every event, whatever the clock says
        report(ev.Record(seq=seq, wall=1.5e9, mono=float(seq), attempt=1, event=event))


def test_the_bar_shows_where_the_run_is() -> None:
    talk = Terminal()
    report = report_on(Terminal(), talk)
    tell(report, *STARTED, batches(0, 4, loss=1.5, seconds=2.0), ENDED)
    bars = [line for line in talk.lines if "step 4/12" in line]
    assert bars
    assert bars[-1].startswith("training epoch 1/3 step 4/12")
    assert bars[-1].rstrip().endswith("loss 1.5000  16 img/s  ETA 0:04")
    assert "\u2501" in bars[-1]


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (80, ["training epoch 1/3 step 4/12", "loss 1.5000  16 img/s  ETA 0:04"]),
        (60, ["training epoch 1/3 step 4/12", "ETA 0:04"]),
        (70, ["training epoch 1/3 step 4/12", "loss 1.5000  ETA 0:04"]),
        (45, ["training step 4/12", "ETA 0:04"]),
    ],
)
def test_on_a_narrow_terminal_the_rest_is_left_out_before_the_time_to_the_end(
    columns: int, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    talk = Terminal()
    tell(report_on(Terminal(), talk), *STARTED, batches(0, 4, loss=1.5, seconds=2.0), ENDED)
    (*_, bar) = (line for line in talk.lines if "step 4/12" in line)
    assert [part.strip() for part in re.split("[\u2501\u2578\u257a ]*[\u2501\u2578\u257a]+", bar)] == shown
    assert bar.count("\u2501") >= 7


def test_epochs_and_the_summary_stand_above_it() -> None:
    talk = Terminal()
    report = report_on(Terminal(), talk)
    tell(report, *STARTED, epoch_ended(1, 4), ENDED)
    for start in ("loading data: shapes", "epoch 1/3", "finished: all epochs are done", "run folder: /runs/r"):
        assert any(line.startswith(start) for line in talk.lines), start


def test_where_data_leads_elsewhere_it_goes_there_as_well() -> None:
    out, talk = io.StringIO(), Terminal()
    report = report_on(out, talk)
    tell(report, *STARTED, epoch_ended(1, 4), ENDED)
    kept = out.getvalue().splitlines()
    assert [line.split()[0] for line in kept] == ["epoch", "finished:", "best", "hardest", "most", "run"]
    assert "\x1b" not in out.getvalue()
    for line in kept:
        assert any(shown.rstrip() == line for shown in talk.lines), line


def test_what_libraries_print_is_not_led_to_the_terminal() -> None:
    """The session has led the descriptors into trainer.log; a bar that catches `sys.stdout` would undo that."""
    before = (sys.stdout, sys.stderr)
    report = report_on(Terminal(), Terminal())
    assert (sys.stdout, sys.stderr) == before
    tell(report, ENDED)


def test_in_ascii_there_is_nothing_else() -> None:
    talk = Terminal()
    report = report_on(Terminal(), talk, ascii=True)
    tell(report, *STARTED, ev.Notice(level="info", text="×0.5 – naïve …"), batches(0, 4), epoch_ended(1, 4), ENDED)
    assert talk.getvalue().isascii()
    assert any(re.search(r"step 4/12\s+33 %", line) for line in talk.lines)
    assert any(line.startswith("info: x0.5 - naive ..") for line in talk.lines)


def test_a_text_console_gets_it_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    options = TrainOptions(
        recipe=None, flags={}, config_file=None, assignments=[], runs_dir=Path(), run_id=None, resume=None, fork=False,
        no_ui=True, dry_run=False, json=False, ascii=False, color="auto",
    )  # fmt: skip
    talk = Terminal()
    report = reporter(options)(RunFolder(Path("/runs/r")), Terminal(), talk)
    assert isinstance(report, ProgressReport)
    tell(report, *STARTED, batches(0, 4), ENDED)
    assert talk.getvalue().isascii()


@pytest.mark.parametrize("how", ["--color never", "NO_COLOR"])
def test_without_colours_there_are_none(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    talk = Terminal()
    report = report_on(Terminal(), talk, color="never" if how == "--color never" else "auto")
    tell(report, *STARTED, batches(0, 4), epoch_ended(1, 4), ENDED)
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|38|9[0-7])[0-9;]*m", talk.getvalue())


def test_names_from_outside_cannot_move_the_cursor() -> None:
    talk = Terminal()
    report = report_on(Terminal(), talk)
    tell(report, run_started(run_id="\x1b]0;owned\x07"), ev.Notice(level="info", text="[red]not markup[/red]"), ENDED)
    assert "\x1b]" not in talk.getvalue()
    assert any("[red]not markup[/red]" in line for line in talk.lines)


def test_a_terminal_that_is_gone_stops_nothing() -> None:
    class Gone(Terminal):
        broken = False

        def write(self, text: str) -> int:
            if self.broken:
                raise OSError(5, "Input/output error")
            return super().write(text)

    talk = Gone()
    report = report_on(Terminal(), talk)
    talk.broken = True
    tell(report, *STARTED, batches(0, 4), epoch_ended(1, 4), ENDED)
