"""A replay as it plays: from where, how far, and what time it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core import events as ev
from core.codec import encode
from core.errors import UsageError
from core.timeline import Recording
from tests.strategies import batches, epoch_ended, run_started
from tests.ui.canned import WALL, Canned, ended
from tui.render.numbers import clock
from tui.render.palettes import Look, palette
from tui.render.transport import Film, draw_transport
from tui.replay import ReplaySource
from tui.source import LiveSource
from tui.widgets.transport import film_parts

LOOK = Look(palette())


def opened(run: Canned, **more: Any) -> ReplaySource:
    source = ReplaySource(run.folder, **more)
    source.read_all()
    return source


def test_playing_goes_on_from_where_a_seek_leads(tmp_path: Path) -> None:
    now = [100.0]
    replay = opened(ended(tmp_path), clock=lambda: now[0])
    replay.speed, replay.playing = 1.0, True
    replay.advance()
    replay.seek(replay.place_of("epoch 5"))
    begun = replay.seconds
    now[0] += 1.0
    assert replay.advance()
    assert begun < replay.seconds <= begun + 1.0
    replay.frozen = True
    now[0] += 1.0
    assert not replay.advance(), "it is held"


def test_at_its_end_a_live_run_is_waited_for_and_not_begun_again(tmp_path: Path) -> None:
    run = Canned(tmp_path).start().epochs(1)
    replay = opened(run, live=LiveSource(run.folder))
    replay.speed = float("inf")
    replay.seek(replay.place_of("end"))
    replay.toggle()
    assert not replay.advance()
    assert (replay.at_end, replay.playing) == (True, True)
    run.train(10)
    assert len(replay.advance()) == 1


def test_the_time_of_day_is_that_of_the_picture(tmp_path: Path) -> None:
    run = ended(tmp_path)
    replay = opened(run)
    assert replay.shown_wall == 0.0
    replay.seek(1)
    assert replay.shown_wall == WALL
    replay.seek(len(replay.recording))
    assert replay.shown_wall == run.wall


def test_an_epoch_of_the_run_that_was_forked_is_where_the_fork_begins(tmp_path: Path) -> None:
    origin = ev.Resumed(attempt=1, from_step=12, from_epoch=3, checkpoint="step-00000012")
    done = (batches(12, 4, epoch=4), epoch_ended(4, 16), batches(16, 2, epoch=5))
    with (tmp_path / "events.jsonl").open("wb") as log:
        for seq, event in enumerate((run_started(num_epochs=5), origin, *done)):
            log.write(encode(ev.Record(seq=seq, wall=1e9, mono=float(seq), attempt=1, event=event)))
    recording = Recording(tmp_path / "events.jsonl")
    recording.extend()
    assert [recording.place_of_epoch(epoch) for epoch in range(6)] == [0, 2, 2, 2, 4, 5]


def test_stepping_by_epochs_passes_over_checkpoints_and_commands(tmp_path: Path) -> None:
    recording = opened(Canned(tmp_path).start().epochs(1).steer("lr", "0.5").epochs(2).train(10)).recording
    forth, back = [0], [len(recording)]
    for _ in range(4):
        forth.append(recording.next_epoch(forth[-1], 1))
        back.append(recording.next_epoch(back[-1], -1))
    assert forth == back[::-1] == [*map(recording.place_of_epoch, range(4)), len(recording)]


def test_the_bar_numbers_the_epochs_of_a_fork_as_the_run_does(tmp_path: Path) -> None:
    run = Canned(tmp_path).start()
    run.emit(ev.Resumed(attempt=1, from_step=400, from_epoch=4, checkpoint="step-00000400"))
    run.step, run.epoch = 400, 4
    replay = opened(run.epochs(3))
    above, _ = draw_transport(Film(0, replay.total_seconds, False, "×1", epochs=film_parts(replay)[0]), 80, 2, LOOK)
    assert above.text.split() == ["5", "6", "7"]


def test_before_the_first_epoch_has_ended_none_is_the_best(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no epoch has ended yet"):
        opened(Canned(tmp_path).start().train(3)).place_of("best")


def test_a_log_that_is_not_read_yet_is_no_problem(tmp_path: Path) -> None:
    assert ReplaySource(Canned(tmp_path).start().folder).problem == ""


def test_a_place_may_be_written_as_the_screen_writes_it(tmp_path: Path) -> None:
    replay = opened(Canned(tmp_path, num_epochs=1, steps_per_epoch=1200).start().epochs(1).end())
    assert replay.place_of("step 1,100") == replay.place_of("step 1100")
    shown = clock(replay.total_seconds)
    assert (shown, replay.total_seconds < 28) == ("0:28", True), "it is rounded up"
    assert replay.place_of(shown) == len(replay.recording)
    with pytest.raises(UsageError, match="is not in the run"):
        replay.place_of("90:00")
