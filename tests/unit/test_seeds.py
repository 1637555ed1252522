"""Several seeds as one result: which runs count, what the figures are, and what a reader is told."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from core import events as ev
from core.errors import StorageError, UsageError
from core.runfolder import Manifest, RunFolder, create_run_folder
from core.seeds import spread, summarize_seeds
from tests.seed_runs import EPOCH_SECONDS, seed_run
from tui.seeds import summary_lines


def test_the_spread_is_that_of_a_sample() -> None:
    found = spread([0.7, 0.8, 0.75])
    assert found is not None
    assert found.mean == pytest.approx(0.75)
    assert found.sd == pytest.approx(0.05)  # divided by two, not by three
    assert (found.minimum, found.maximum, found.count) == (0.7, 0.8, 3)


def test_a_single_run_has_no_deviation() -> None:
    found = spread([0.5])
    assert found is not None
    assert found.sd is None
    assert spread([]) is None


def test_the_last_accuracy_counts_and_not_the_best(tmp_path: Path) -> None:
    runs = [seed_run(tmp_path, "a", 0, [0.5, 0.9, 0.6]), seed_run(tmp_path, "b", 1, [0.5, 0.7, 0.8])]
    found = summarize_seeds(runs)
    assert [run.top1 for run in found.runs] == [0.6, 0.8]
    assert found.top1 is not None
    assert found.top1.mean == pytest.approx(0.7)
    assert found.top1.sd == pytest.approx(statistics.stdev([0.6, 0.8]))
    assert found.training_seconds is not None
    assert found.training_seconds.mean == pytest.approx(3 * EPOCH_SECONDS)
    assert found.remarks == ()


def test_accuracy_over_several_views_is_told_apart(tmp_path: Path) -> None:
    runs = [
        seed_run(tmp_path, "a", 0, [0.5, 0.6], over_views=[None, 0.65]),
        seed_run(tmp_path, "b", 1, [0.5, 0.8], over_views=[None, 0.85]),
    ]
    found = summarize_seeds(runs)
    assert found.top1 is not None
    assert found.top1.mean == pytest.approx(0.7)
    assert found.top1_test_time is not None
    assert found.top1_test_time.mean == pytest.approx(0.75)
    assert "over views      mean 75.00%" in "\n".join(summary_lines(found))


def test_the_time_to_an_accuracy_ends_with_the_first_epoch_that_has_it(tmp_path: Path) -> None:
    runs = [seed_run(tmp_path, "a", 0, [0.5, 0.9, 0.6]), seed_run(tmp_path, "b", 1, [0.5, 0.7, 0.8])]
    found = summarize_seeds(runs, 0.8)
    assert [run.seconds_to_target for run in found.runs] == [2 * EPOCH_SECONDS, 3 * EPOCH_SECONDS]
    assert "2 of 2 runs reached 80.00%" in "\n".join(summary_lines(found))


def test_a_run_that_never_gets_there_is_told_of_and_not_averaged(tmp_path: Path) -> None:
    runs = [seed_run(tmp_path, "a", 0, [0.5, 0.9]), seed_run(tmp_path, "b", 1, [0.5, 0.7])]
    found = summarize_seeds(runs, 0.9)
    assert [run.seconds_to_target for run in found.runs] == [2 * EPOCH_SECONDS, None]
    assert found.seconds_to_target is not None
    assert found.seconds_to_target.count == 1
    assert "1 of 2 runs reached 90.00%" in "\n".join(summary_lines(found))
    assert "0 of 2 runs reached 95.00%" in "\n".join(summary_lines(summarize_seeds(runs, 0.95)))


@pytest.mark.parametrize("status", ["stopped", "diverged", "preempted"])
def test_only_finished_runs_count_and_the_others_are_named(status: str, tmp_path: Path) -> None:
    runs = [
        seed_run(tmp_path, "a", 0, [0.5]),
        seed_run(tmp_path, "b", 0, [0.1], status=status, epochs=99),  # neither its seed nor its settings matter
    ]
    found = summarize_seeds(runs)
    assert found.top1 is not None
    assert (found.top1.count, found.top1.mean, found.num_finished) == (1, 0.5, 1)
    assert found.remarks == (f"b ({status}) does not count",)
    assert f"note: b ({status}) does not count" in summary_lines(found)


def test_a_run_that_has_only_just_begun_does_not_count(tmp_path: Path) -> None:
    runs = [seed_run(tmp_path, "a", 0, [0.5]), seed_run(tmp_path, "b", 1, [], status="stopped")]
    begun = create_run_folder(tmp_path, "shapes-small", "c")
    begun.write_manifest(Manifest(id="c", recipe="shapes-small", created=1.0, config={"seed": 2}))
    found = summarize_seeds([*runs, begun], 0.5)
    assert (found.num_finished, found.num_reached) == (1, 1)
    assert [run.top1 for run in found.runs] == [0.5, None, None]


def test_runs_that_are_no_seeds_of_each_other_are_told_of(tmp_path: Path) -> None:
    runs = [seed_run(tmp_path, "a", 0, [0.5]), seed_run(tmp_path, "b", 1, [0.5], epochs=99)]
    (remark,) = summarize_seeds(runs).remarks
    assert remark.startswith("these runs differ in more than their seed: epochs (")
    assert "99)" in remark


def test_a_fork_s_seconds_are_told_to_be_a_part_of_its_training_s(tmp_path: Path) -> None:
    runs = [seed_run(tmp_path, "a", 0, [0.5]), seed_run(tmp_path, "b", 1, [0.5], first_step=1200)]
    assert summarize_seeds(runs).remarks == ("b is a fork that began at step 1,200: its seconds count from there",)


def test_settings_that_differ_are_told_in_words(tmp_path: Path) -> None:
    crop, cutout = {"type": "crop"}, {"type": "cutout"}
    runs = [
        seed_run(tmp_path, "a", 0, [0.5], augment=[crop, cutout]),
        seed_run(tmp_path, "b", 1, [0.5], augment=[cutout, crop]),
    ]
    (remark,) = summarize_seeds(runs).remarks
    assert remark.endswith("their seed: augment ([crop, cutout], [cutout, crop])")


def test_steering_tells_runs_apart_and_not_what_was_asked_for_alone(tmp_path: Path) -> None:
    def command(name: str, argument: str, step: int) -> ev.CommandHandled:
        plan = ev.LrPlan(steps=[step, 12], lr=[0.1, 0.0])
        words = {"command_id": argument, "name": name, "argument": argument, "status": "done", "step": step}
        return ev.CommandHandled(**words, plan=plan, num_epochs=2, num_steps=8)  # type: ignore[arg-type]

    settings = {"epochs": 3, "optimizer": {"lr": 0.1}}
    epochs, lr = command("epochs", "2", 4), command("lr", "2.0", 4)
    plain = seed_run(tmp_path, "plain", 0, [0.5], **settings)
    shorter = seed_run(tmp_path, "shorter", 1, [0.5], steering=[epochs], **settings)
    alike = seed_run(tmp_path, "alike", 2, [0.5], steering=[epochs], **settings)
    doubled = seed_run(tmp_path, "doubled", 3, [0.5], steering=[epochs, lr], **settings)
    more = "these runs differ in more than their seed: "
    assert summarize_seeds([shorter, alike]).remarks == ()
    assert summarize_seeds([plain, shorter]).remarks == (f"{more}epochs (3, 2 since step 4 (3 at the start))",)
    assert summarize_seeds([shorter, doubled]).remarks == (f"{more}optimizer.lr (0.1, 0.1 (×2 at step 4))",)


def test_runs_of_the_same_seed_are_told_of(tmp_path: Path) -> None:
    runs = [seed_run(tmp_path, "a", 4, [0.5]), seed_run(tmp_path, "b", 4, [0.5])]
    assert summarize_seeds(runs).remarks == ("some of these runs have the same seed",)


def test_a_run_counts_once(tmp_path: Path) -> None:
    runs = [seed_run(tmp_path, name, 0, [0.5]) for name in "ba"]
    with pytest.raises(UsageError, match="run a is named twice"):
        summarize_seeds([*runs, RunFolder(tmp_path / "a" / ".." / "a")])


@pytest.mark.parametrize("target", [0.0, -0.1, 1.01, 94.0, float("nan")])
def test_a_target_is_a_fraction(target: float) -> None:
    with pytest.raises(UsageError, match=r"as \.94"):
        summarize_seeds([], target)


def test_an_empty_folder_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        summarize_seeds([RunFolder(tmp_path)])


def test_an_accuracy_that_is_no_number_is_not_averaged(tmp_path: Path) -> None:
    runs = [seed_run(tmp_path, "a", 0, [0.5]), seed_run(tmp_path, "b", 1, [float("nan")])]
    found = summarize_seeds(runs, 0.4)
    assert found.top1 is not None
    assert found.top1.count == 1
    assert found.num_reached == 1
