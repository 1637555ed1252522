"""The drawing functions of the dashboard as pure functions, and where panes go."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from core import events as ev
from tests.strategies import batches, epoch_ended, run_started
from tests.telling import ENDED, STARTED, Log, told
from tests.ui.canned import Canned, ended, live
from tests.ui.watching import fold
from tui.narrate import summary
from tui.render.palettes import Depth, Look, palette
from tui.render.safe import wrap
from tui.status import Situation, badge, run_words, status_lines
from tui.widgets.drawn import changed_span
from tui.widgets.frame import Title, framed
from tui.widgets.keybar import Hint, key_line
from tui.widgets.overview import arrange

LOOK = Look(palette(), Depth.TRUECOLOR)

# -- placing ----------------------------------------------------------------------------------------------------------


@given(
    width=st.integers(60, 320),
    height=st.integers(16, 120),
    num_classes=st.integers(0, 120),
    ended_=st.booleans(),
)
def test_panes_cover_the_screen_without_overlapping(width: int, height: int, num_classes: int, ended_: bool) -> None:
    covered = [[0] * width for _ in range(height)]
    for x, y, w, h in arrange(width, height, num_classes, ended=ended_).values():
        assert h >= 4
        for row in range(y, y + h):
            for column in range(x, x + w):
                covered[row][column] += 1
    assert all(count == 1 for row in covered for count in row)


@pytest.mark.parametrize(
    ("size", "num_panes"), [((60, 17), 3), ((80, 21), 4), ((120, 36), 6), ((200, 40), 6), ((200, 56), 9)]
)
def test_larger_screens_show_more_panes(size: tuple[int, int], num_panes: int) -> None:
    assert len(arrange(*size, 10)) == num_panes


@pytest.mark.parametrize("size", [(120, 36), (200, 56), (200, 57)])
def test_table_rows_hold_all_ten_classes(size: tuple[int, int]) -> None:
    places = arrange(*size, 10)
    assert places["confusion"][3] >= 13  # frame, head and ten classes
    assert places["classes"][3] >= 12


def test_map_of_superclasses_has_all_its_rows_where_half_blocks_make_room() -> None:
    assert arrange(120, 36, 20)["confusion"][3] == 13
    assert arrange(120, 36, 10)["confusion"][3] == 13, "ten classes have a line each"


# -- small drawings ---------------------------------------------------------------------------------------------------


@given(width=st.integers(0, 60), height=st.integers(0, 8), name=st.text(max_size=30))
def test_frame_has_exactly_its_size(width: int, height: int, name: str) -> None:
    legend = Text("─ train", LOOK.style("train"))
    strips = framed([Strip([Segment("body")])], Title("Loss", legend=legend), width, height, LOOK)
    assert len(strips) == height
    assert all(strip.cell_length == width for strip in strips)


@given(
    st.lists(st.sampled_from("ab "), min_size=1, max_size=12), st.lists(st.sampled_from("ab "), min_size=1, max_size=12)
)
def test_changed_span_covers_every_difference(before: list[str], after: list[str]) -> None:
    length = min(len(before), len(after))
    old = Strip([Segment(c, Style()) for c in before[:length]])
    new = Strip([Segment(c, Style()) for c in after[:length]])
    span = changed_span(old, new)
    different = [index for index in range(length) if before[index] != after[index]]
    if span is None:
        assert not different
    else:
        assert span == (different[0], different[-1] + 1)


def test_key_line_leaves_out_the_least_needed_and_tells_where_the_others_are() -> None:
    hints = [Hint("a", "First", "a", rank=2), Hint("b", "Second", "b"), Hint("?", "Help", "help", rank=0)]
    strip, spots = key_line(hints, 20, LOOK)
    assert strip.text.split() == ["b", "Second", "?", "Help"]
    assert [strip.text[start:end] for start, end, _ in spots] == ["b Second", "? Help"]


@given(st.text(max_size=200), st.integers(1, 40))
def test_wrapped_text_fits(text: str, width: int) -> None:
    from rich.cells import cell_len

    pieces = wrap(text, width)
    assert all(cell_len(piece) <= max(width, 2) for piece in pieces)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "") or not text.isascii()


def test_run_is_called_by_its_two_words() -> None:
    assert run_words("20251121-080000-c10-lenet-brisk-otter", "c10-lenet") == "brisk-otter"
    assert run_words("my-run", "c10-lenet") == "my-run"


# -- status -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 60, 80, 120, 200])
@pytest.mark.parametrize("kind", ["new", "live", "ended"])
def test_status_lines_fill_their_width(tmp_path: Path, width: int, kind: str) -> None:
    run = {"new": lambda: Canned(tmp_path), "live": lambda: live(tmp_path), "ended": lambda: ended(tmp_path)}[kind]()
    state = fold(run)
    situation = Situation("an-id", "c10-lenet", state.liveness(run.wall))
    assert [strip.cell_length for strip in status_lines(state, situation, width, LOOK)] == [width, width]


def test_the_status_has_room_for_a_folder_of_images_and_the_device(tmp_path: Path) -> None:
    run = Canned(tmp_path)
    run.emit(msgspec.structs.replace(run._run_started(), dataset="folder:/home/somebody/collections/of/images/pets"))
    who, _ = status_lines(fold(run), Situation("an-id", "c10-lenet", "running"), 120, LOOK)
    assert " folder:pets · cuda:0 NVIDIA H100 · bfloat16 " in who.text


@pytest.mark.parametrize(("seconds_later", "word"), [(0.0, "TRAINING"), (19.0, "TRAINING"), (25.0, "SILENT 0:25")])
def test_badge_tells_how_alive_the_run_is(tmp_path: Path, seconds_later: float, word: str) -> None:
    run = live(tmp_path)
    state = fold(run)
    now = run.wall + seconds_later
    assert badge(state, Situation("", "", state.liveness(now), seconds_later))[1] == word


@pytest.mark.parametrize(("also", "word"), [((), "EVALUATING"), ((epoch_ended(1, 4),), "TRAINING")])
def test_the_badge_is_done_evaluating_when_the_epoch_has_ended(also: tuple[ev.Event, ...], word: str) -> None:
    state = told(run_started(), batches(0, 4), ev.PhaseChanged(phase="evaluating"), *also)
    assert badge(state, Situation("", "", "running"))[1] == word


def test_badge_of_a_log_being_read_says_nothing_of_the_run(tmp_path: Path) -> None:
    state = fold(ended(tmp_path))
    assert badge(state, Situation("id", "recipe", "ended", reading=True))[1] == "READING THE LOG"


def test_stalled_run_is_told_from_a_silent_one(tmp_path: Path) -> None:
    run = live(tmp_path)
    run.emit(ev.Heartbeat(step=run.step, last_step_age_seconds=45.0), 45.0)
    state = fold(run)
    assert badge(state, Situation("", "", state.liveness(run.wall)))[1] == "STALLED"


@pytest.mark.parametrize("status", ["finished", "stopped", "preempted", "diverged", "failed"])
def test_every_ending_has_its_sign_and_summary(tmp_path: Path, status: str) -> None:
    run = Canned(tmp_path).start().epochs(1).end(status, "for a reason", 0)
    state = fold(run)
    sign, word, _ = badge(state, Situation("", "", state.liveness(run.wall)))
    assert word == status.upper()
    assert sign in "✓■✗"
    assert summary(state)[0][:2] == (status, "for a reason")


def test_the_summary_tells_why_a_run_did_not_go_on() -> None:
    log = Log()
    log.tell(*STARTED, ENDED)
    log.new_attempt(mono=7.0)
    log.tell(ev.RunEnded(status="failed", step=12, epoch=3, reason="no such device"))
    told = ("finished", "all epochs are done; going on with it has failed: no such device", "good")
    assert summary(log.state)[0] == told
