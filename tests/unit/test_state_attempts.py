"""The fold of what comes between: pauses, silence, commands, and several attempts."""

from __future__ import annotations

from typing import Any

import pytest

from core import events as ev
from core.inherited import of_rollback
from core.state import RunState
from core.state_values import SILENT_AFTER_SECONDS, STALLED_AFTER_SECONDS, Best, Liveness, Span
from tests.strategies import batches, epoch_ended, evaluation, run_started
from tests.telling import ENDED, Log, train

# -- status, liveness, pauses -----------------------------------------------------------------------------------------


def test_status_follows_the_run(log: Log) -> None:
    seen = [log.state.status]
    for event in (
        ev.PhaseChanged(phase="loading_data"),
        run_started(),
        ev.PhaseChanged(phase="training"),
        batches(0, 2),
        ev.Paused(step=2),
        ev.Unpaused(step=2, seconds=0.0),
        ev.PhaseChanged(phase="evaluating"),
        ev.RunEnded(status="preempted", step=2, epoch=0),
    ):
        seen.append(log.tell(event).status)
    assert seen == [
        "starting", "starting", "starting", "running", "running", "paused", "running", "running", "preempted"
    ]  # fmt: skip


def alive_at(log: Log, seconds: float) -> Liveness:
    return log.state.liveness(log.wall + seconds)


def test_before_its_first_event_a_run_is_starting() -> None:
    assert RunState().liveness(1e12) == "starting"


def test_a_trainer_that_says_nothing_is_silent(started: Log) -> None:
    train(started, 0, 2, seconds=1.0)
    assert alive_at(started, SILENT_AFTER_SECONDS) == "running"
    assert alive_at(started, SILENT_AFTER_SECONDS + 0.1) == "silent"
    started.tell(ev.Heartbeat(step=2, last_step_age_seconds=1.0), after=60.0)
    assert alive_at(started, 1.0) == "running"


def test_a_trainer_that_beats_but_takes_no_step_is_stalled(started: Log) -> None:
    train(started, 0, 2, seconds=1.0)
    started.tell(ev.Heartbeat(step=2, last_step_age_seconds=STALLED_AFTER_SECONDS), after=5.0)
    assert alive_at(started, 1.0) == "running"
    started.tell(ev.Heartbeat(step=2, last_step_age_seconds=STALLED_AFTER_SECONDS + 0.1), after=5.0)
    assert alive_at(started, 1.0) == "stalled"
    started.tell(ev.Heartbeat(step=3, last_step_age_seconds=0.1), after=5.0)
    assert alive_at(started, 1.0) == "running"


def test_where_steps_take_long_it_stalls_later(started: Log) -> None:
    train(started, 0, 2, seconds=20.0)  # ten seconds a step
    started.tell(ev.Heartbeat(step=2, last_step_age_seconds=99.0), after=5.0)
    assert alive_at(started, 1.0) == "running"
    started.tell(ev.Heartbeat(step=2, last_step_age_seconds=101.0), after=5.0)
    assert alive_at(started, 1.0) == "stalled"


@pytest.mark.parametrize("phase", ["evaluating", "warming_up"])
def test_other_work_than_training_is_no_stall(phase: Any, started: Log) -> None:
    train(started, 0, 2, seconds=1.0)
    started.tell(ev.PhaseChanged(phase=phase), ev.Heartbeat(step=2, last_step_age_seconds=600.0))
    assert alive_at(started, 1.0) == "running"


def test_the_evaluation_is_over_once_the_epoch_has_ended(started: Log) -> None:
    train(started, 0, 4, seconds=1.0)
    started.tell(ev.PhaseChanged(phase="evaluating"), epoch_ended(1, 4))
    assert started.state.phase == "epoch_ended"
    # Its checkpoint may take long to be written.
    started.tell(ev.Heartbeat(step=4, last_step_age_seconds=600.0))
    assert alive_at(started, 1.0) == "running"


def test_a_pause_is_no_stall_but_silence_shows_through_it(started: Log) -> None:
    started.tell(ev.Paused(step=0), ev.Heartbeat(step=0, last_step_age_seconds=600.0))
    assert alive_at(started, 1.0) == "paused"
    assert alive_at(started, SILENT_AFTER_SECONDS + 1) == "silent"


def test_a_run_that_has_ended_is_ended_for_ever(started: Log) -> None:
    started.tell(ev.RunEnded(status="finished", step=12, epoch=3))
    assert alive_at(started, 1e9) == "ended"


def test_pauses_are_spans_of_the_run_s_time(started: Log) -> None:
    train(started, 0, 2, seconds=1.0)
    started.tell(ev.Paused(step=2), after=1.0)
    assert started.state.pauses == [Span(2.0, None)]
    started.tell(ev.Unpaused(step=2, seconds=10.0), after=10.0)
    started.tell(ev.Paused(step=2), after=1.0)
    started.tell(ev.RunEnded(status="stopped", step=2, epoch=0), after=4.0)
    assert started.state.pauses == [Span(2.0, 12.0), Span(13.0, 17.0)]


def test_a_pause_in_which_the_trainer_was_killed_ends_with_its_last_word(started: Log) -> None:
    started.tell(ev.Paused(step=0), after=1.0)
    started.tell(ev.Heartbeat(step=0, last_step_age_seconds=None), after=5.0)
    started.new_attempt(mono=3.0)
    assert started.state.pauses == [Span(1.0, 6.0)]


# -- commands ---------------------------------------------------------------------------------------------------------


def handled(status: Any, message: str = "", command_id: str = "a") -> ev.CommandHandled:
    return ev.CommandHandled(command_id=command_id, name="pause", status=status, step=0, message=message)


def test_a_command_is_answered_once_it_is_done_or_refused(started: Log) -> None:
    assert started.state.answer("a") is None
    started.tell(handled("received"))
    assert started.state.answer("a") is None
    started.tell(handled("received", command_id="b"), handled("done", "paused after step 0"))
    assert started.state.answer("a") == handled("done", "paused after step 0")
    started.tell(handled("refused", "no", command_id="b"))
    assert started.state.answer("b") == handled("refused", "no", command_id="b")
    assert list(started.state.commands) == ["a", "b"]


def scaled(step: int, status: Any = "done") -> ev.CommandHandled:
    plan = ev.LrPlan(steps=[step, 11], lr=[0.05, 0.0]) if status == "done" else None
    return ev.CommandHandled(command_id=f"{step}", name="lr", argument="0.5", status=status, step=step, plan=plan)


def test_steering_is_what_has_changed_the_plan(started: Log) -> None:
    early, late = scaled(3), scaled(7)
    started.tell(scaled(3, "received"), early, scaled(5, "refused"), handled("done", command_id="b"))
    before = started.state.fork()
    assert started.tell(late).steering == (early, late)
    assert before.steering == (early,)


def test_resuming_goes_back_to_the_steering_of_the_checkpoint_and_a_rollback_keeps_all(started: Log) -> None:
    def saved(step: int) -> ev.CheckpointSaved:
        return ev.CheckpointSaved(step=step, epoch=1, path=f"checkpoints/step-{step:08d}", reason="command")

    early, late, at_once = scaled(4), scaled(7), scaled(5)
    plan = ev.LrPlan(steps=[4, 11], lr=[0.05, 0.0])
    rolled_back = ev.RolledBack(from_step=4, from_epoch=1, reason="the loss became nan", plan=plan)
    started.tell(early, saved(4), late, rolled_back)
    assert started.state.steering == (early, late, of_rollback(rolled_back))
    started.tell(saved(5), at_once)  # whatever its step, what comes after a checkpoint is none of its
    resume(started, step=5, epoch=1)
    assert started.state.steering == (early, late, of_rollback(rolled_back))
    resume(started, step=4, epoch=1)
    assert started.state.steering == (early,)


# -- several attempts -------------------------------------------------------------------------------------------------


def resume(log: Log, *, step: int, epoch: int, mono: float = 7.0) -> None:
    log.new_attempt(mono=mono)
    log.tell(ev.Resumed(attempt=log.attempt, from_step=step, from_epoch=epoch, checkpoint=f"step-{step:08d}"))


def test_times_of_two_attempts_are_put_end_to_end(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    started.tell(epoch_ended(1, 4), after=3.0)
    resume(started, step=4, epoch=1, mono=99_999.0)
    train(started, 4, 4, seconds=2.0, epoch=2)
    started.tell(epoch_ended(2, 8), after=3.0)
    state = started.state
    assert state.seconds == 10.0
    assert state.batches["seconds"].tolist() == pytest.approx([0.5, 1.0, 1.5, 2.0, 5.5, 6.0, 6.5, 7.0])
    assert state.batches["elapsed"].tolist() == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0])
    assert state.epoch_seconds == [2.0, 4.0]
    assert state.attempt == 2


def test_resuming_drops_what_is_superseded(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    started.tell(epoch_ended(1, 4, top1=0.4))
    started.tell(ev.CheckpointSaved(step=4, epoch=1, path="checkpoints/step-00000004", reason="epoch"))
    train(started, 4, 4, seconds=2.0, epoch=2)
    started.tell(epoch_ended(2, 8, top1=0.9), ev.Evaluated(epoch=3, step=8, validation=evaluation()))
    started.tell(ev.CheckpointSaved(step=8, epoch=2, path="checkpoints/step-00000008", reason="epoch"))
    resume(started, step=4, epoch=1)
    state = started.state
    assert state.batches["step"].tolist() == [0, 1, 2, 3]
    assert [epoch.epoch for epoch in state.epochs] == [1]
    assert state.evaluations == []
    assert [checkpoint.step for checkpoint in state.checkpoints] == [4]
    assert (state.step, state.epoch) == (4, 1)
    assert state.best == Best(1, 4, 0.4)
    assert (state.training_seconds, state.num_images, state.mean_images_per_second) == (2.0, 32, 16.0)


def test_the_mean_rate_counts_images_that_were_trained_again_once(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    for _ in range(5):
        train(started, 4, 4, seconds=2.0, epoch=2)
        resume(started, step=4, epoch=1)
    assert started.state.mean_images_per_second == 16.0


def test_an_epoch_is_not_told_twice_where_the_checkpoint_is_older_than_its_evaluation(started: Log) -> None:
    """Somebody asked for a checkpoint after the last step of an epoch, and the trainer was killed after evaluating."""
    train(started, 0, 4, seconds=2.0)
    started.tell(epoch_ended(1, 4))
    resume(started, step=4, epoch=0)
    assert started.state.epochs == []
    started.tell(epoch_ended(1, 4))
    assert [epoch.epoch for epoch in started.state.epochs] == [1]


def test_resuming_mid_epoch_keeps_the_steps_before(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    resume(started, step=2, epoch=0)
    train(started, 2, 2, seconds=1.0)
    assert started.state.batches["step"].tolist() == [0, 1, 2, 3]
    assert started.state.num_images == 32


def test_where_the_line_that_says_so_was_lost_nothing_doubles_back_either(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    started.tell(epoch_ended(1, 4))
    train(started, 4, 4, seconds=2.0, epoch=2)
    started.tell(epoch_ended(2, 8))
    started.new_attempt(mono=3.0)  # and no `resumed` after it
    train(started, 2, 2, seconds=1.0)
    started.tell(epoch_ended(1, 4))
    assert started.state.batches["step"].tolist() == [0, 1, 2, 3]
    assert [epoch.epoch for epoch in started.state.epochs] == [1]
    assert (started.state.training_seconds, started.state.num_images) == (2.0, 32)
    train(started, 3, 1, seconds=1.0)
    assert started.state.batches["step"].tolist() == [0, 1, 2, 3]


def test_an_epoch_s_end_tells_the_step_where_the_lines_before_it_were_lost(started: Log) -> None:
    started.tell(epoch_ended(1, 4))
    assert started.state.step == 4


def test_rolling_back_within_an_attempt_drops_what_is_superseded_too(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    started.tell(epoch_ended(1, 4))
    train(started, 4, 3, seconds=2.0, epoch=2)
    plan = ev.LrPlan(steps=[4, 11], lr=[0.05, 0.0])
    started.tell(ev.RolledBack(from_step=4, from_epoch=1, reason="the loss became nan", plan=plan))
    assert started.state.batches["step"].tolist() == [0, 1, 2, 3]
    assert (started.state.step, started.state.epoch, started.state.plan) == (4, 1, plan)


def test_a_fork_begins_with_the_epochs_behind_it(log: Log) -> None:
    log.tell(ev.Resumed(attempt=1, from_step=8, from_epoch=2, checkpoint="step-00000008"), run_started())
    assert (log.state.step, log.state.epoch) == (8, 2)
    log.tell(epoch_ended(3, 12))
    assert log.state.epoch == 3


def test_a_resumed_run_is_not_ended(started: Log) -> None:
    started.tell(ev.RunEnded(status="preempted", step=0, epoch=0))
    resume(started, step=0, epoch=0)
    assert started.state.ended is None
    assert started.state.attempt_ended is None, "if it dies now, nothing has failed before"
    assert started.state.status == "starting"
    assert alive_at(started, 1.0) == "starting"


def test_an_attempt_that_fails_before_it_has_begun_leaves_a_run_as_it_had_ended(started: Log) -> None:
    refused = ev.RunEnded(status="failed", step=12, epoch=3, reason="no such device", exit_code=2)
    started.tell(ENDED)
    for mono in (7.0, 8.0):
        started.new_attempt(mono=mono)
        assert started.state.ended is None, "somebody is at work on it"
        started.tell(refused)
        state = started.state
        assert (state.status, state.ended, state.attempt_ended) == ("finished", ENDED, refused)
    resume(started, step=8, epoch=2)
    started.tell(refused)
    assert (started.state.status, started.state.ended) == ("failed", refused)


def test_a_resumed_run_is_not_stalled_because_it_was_before(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    started.tell(ev.Heartbeat(step=4, last_step_age_seconds=9999.0))
    resume(started, step=4, epoch=1)
    started.tell(ev.PhaseChanged(phase="training"))
    assert alive_at(started, 1.0) == "running"


def test_the_rate_of_another_attempt_says_nothing(started: Log) -> None:
    train(started, 0, 4, seconds=2.0)
    resume(started, step=4, epoch=1)
    assert started.state.images_per_second is None
    assert started.state.mean_images_per_second == 16.0
