"""Several seeds as one result: which runs count, what the figures are, and what a reader is told."""

from __future__ import annotations

import gc
import io
import statistics
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from torch import nn

from core import attempt, session
from core import events as ev
from core.config import TrainConfig
from core.errors import ExitCode, StorageError, UsageError
from core.headless import LineReport
from core.recorder import Recorder
from core.runfolder import Manifest, RunFolder, create_run_folder
from core.seeds import spread, summarize_seeds
from core.session import ReportTo, Request
from core.setup import Setup, set_up
from core.signals import Signals
from tests.strategies import batches, epoch_ended, run_started
from tests.training import image_folder, tiny
from tui import seeds
from tui.launch import TrainOptions
from tui.seeds import summary_lines

EPOCH_SECONDS = 2.0


def seed_run(
    runs: Path,
    name: str,
    seed: int,
    accuracies: list[float],
    *,
    status: str = "finished",
    steering: Sequence[ev.CommandHandled] = (),
    over_views: list[float | None] | None = None,
    **settings: object,
) -> RunFolder:
    """A recorded run whose epochs of four steps and two seconds ended with these validation accuracies."""
    folder = create_run_folder(runs, "shapes-small", name)
    recorder = Recorder(folder.events_file)
    started = run_started(num_epochs=settings.get("epochs", 3))  # type: ignore[arg-type]
    config = started.config | {"recipe": "shapes-small", "seed": seed} | settings
    recorder.emit(msgspec.structs.replace(started, config=config))
    for command in steering:
        recorder.emit(command)
    for number, top1 in enumerate(accuracies, 1):
        chunk = batches(4 * (number - 1), 4)
        recorder.emit(msgspec.structs.replace(chunk, epoch=number, seconds=EPOCH_SECONDS))
        ended = epoch_ended(number, 4 * number)
        views = over_views[number - 1] if over_views else None
        validation = msgspec.structs.replace(ended.validation, top1=top1, top1_test_time=views)
        recorder.emit(msgspec.structs.replace(ended, validation=validation))
    recorder.emit(ev.RunEnded(status=status, step=4, epoch=len(accuracies)))  # type: ignore[arg-type]
    recorder.close()
    return folder


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
    assert found.remarks == (f"b is {status} and does not count",)
    assert f"note: b is {status} and does not count" in summary_lines(found)


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


class Trainer:
    """Stands in for `train_run`: each run is recorded at once, and ends as told."""

    def __init__(self, runs: Path, codes: list[ExitCode], request: str | None = None) -> None:
        self.runs, self.codes, self.request = runs, codes, request
        self.begun: list[int] = []

    def __call__(self, request: Request, report_to: ReportTo, signals: Signals) -> ExitCode:
        seed, code = request.config.seed, self.codes[len(self.begun)]
        self.begun.append(seed)
        status = {ExitCode.DONE: "finished", ExitCode.DIVERGED: "diverged"}.get(code, "failed")
        report_to(seed_run(self.runs, f"r{seed}", seed, [0.5], status=status), io.StringIO(), io.StringIO())
        if self.request:  # after its last step: the run knows nothing of it
            signals.request, signals.name = self.request, "SIGTERM"  # type: ignore[assignment]
        return code


def options(runs: Path) -> TrainOptions:
    return TrainOptions(
        recipe="shapes-small", flags={}, config_file=None, assignments=[], runs_dir=runs, run_id=None, resume=None,
        fork=False, no_ui=True, dry_run=False, json=False, ascii=False, color="auto",
    )  # fmt: skip


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(("request_", "code"), [("preempt", ExitCode.PREEMPTED), ("interrupt", ExitCode.DONE)])
def test_a_signal_between_two_runs_is_not_lost(
    request_: str, code: ExitCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer(tmp_path, [ExitCode.DONE] * 3, request_)
    monkeypatch.setattr(seeds, "train_run", trainer)
    assert seeds.train_seeds(options(tmp_path), 3) == code
    assert trainer.begun == [0]
    assert "SIGTERM: 2 of 3 seeds not begun" in capsys.readouterr().err


@pytest.mark.usefixtures("handlers")
def test_a_signal_after_the_last_run_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(seeds, "train_run", Trainer(tmp_path, [ExitCode.DONE], "preempt"))
    assert seeds.train_seeds(options(tmp_path), 1) == ExitCode.DONE
    assert "last top-1      mean 50.00%" in capsys.readouterr().out


@pytest.mark.usefixtures("handlers")
def test_a_seed_that_diverges_stops_no_other_and_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer(tmp_path, [ExitCode.DONE, ExitCode.DIVERGED, ExitCode.DONE])
    monkeypatch.setattr(seeds, "train_run", trainer)
    assert seeds.train_seeds(options(tmp_path), 3) == ExitCode.DIVERGED
    assert trainer.begun == [0, 1, 2]
    assert "note: r1 is diverged and does not count" in capsys.readouterr().out


@pytest.mark.usefixtures("handlers")
def test_what_would_go_wrong_again_ends_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(tmp_path, [ExitCode.OUT_OF_MEMORY, ExitCode.DONE])
    monkeypatch.setattr(seeds, "train_run", trainer)
    assert seeds.train_seeds(options(tmp_path), 2) == ExitCode.OUT_OF_MEMORY
    assert trainer.begun == [0]


@pytest.mark.usefixtures("handlers")
def test_a_seed_begins_when_the_memory_of_the_one_before_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks: list[weakref.ref[nn.Module]] = []
    left: list[int] = []

    def watched(config: TrainConfig, emit: Callable[[ev.Event], None]) -> Setup:
        left.append(sum(network() is not None for network in networks))
        setup = set_up(config, emit)
        networks.append(weakref.ref(setup.model))
        return setup

    monkeypatch.setattr(attempt, "set_up", watched)
    monkeypatch.setattr(session, "tune_pytorch", lambda: None)
    config = tiny(image_folder(tmp_path / "images"), epochs=1)
    gc.disable()  # it may come by chance
    try:
        for name in ("first", "second"):
            request = Request(config=config, runs_dir=tmp_path / "runs", run_id=name)
            assert session.train_run(request, LineReport) is ExitCode.DONE
    finally:
        gc.enable()
    assert left == [0, 0]
