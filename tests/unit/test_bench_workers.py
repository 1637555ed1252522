"""What the benchmark measures, for real: the tutorial's loop, and all sides in processes of their own."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from core import events as ev
from core.bench import compare
from core.bench.compare import MeasurementError, Worker, benchmark, tutorial_recipe
from core.bench.figures import Job
from core.bench.standin import is_missing, with_random_images
from core.bench.tutorial import Tutorial, plain_optimizer, training_loader, transform_of
from core.config import Cutout, HorizontalFlip, Normalize, RandomCrop
from core.data.dataset import load_dataset
from core.data.pipeline import Pipeline, resolve_normalization
from core.errors import ExitCode, UsageError
from core.reader import read_all
from core.recipes import RECIPES, get_recipe
from core.recipes.recipe import Recipe
from tests.training import NUM_TRAIN, tiny


def quiet(line: str) -> None:
    """Progress nobody reads."""


def test_both_sides_train_on_the_same_pixels(images: Path) -> None:
    config = tiny(images).data
    config = msgspec.structs.replace(config, augment=(), drop_last=True)
    dataset = load_dataset(config, report=quiet)
    normalize = resolve_normalization(config, dataset.train)
    loader = training_loader(dataset.train, config, normalize)
    theirs = torch.stack([loader.dataset[index][0] for index in range(len(dataset.train))])
    pipeline = Pipeline(dataset.train, config, normalize, seed=0, device=torch.device("cpu"))
    torch.testing.assert_close(theirs, pipeline.normalized(dataset.train.images))
    assert [loader.dataset[index][1] for index in range(NUM_TRAIN)] == dataset.train.labels.tolist()
    assert len(loader) == NUM_TRAIN // config.batch_size


def test_augmentations_have_their_counterparts_in_order() -> None:
    transform = transform_of(get_recipe("c10-lenet").config.data.augment, None, 32)
    names = [type(step).__name__ for step in transform.transforms]
    assert names == ["RandomHorizontalFlip", "RandomRotation", "RandomAffine", "ColorJitter", "ToTensor"]
    rotation, affine, jitter = transform.transforms[1:4]
    assert rotation.degrees == [-10, 10]
    assert (affine.degrees, affine.shear, affine.scale) == ([0, 0], [-10, 10], (0.8, 1.2))
    assert jitter.brightness == pytest.approx((0.8, 1.2))


def test_crop_and_flip_are_done(images: Path) -> None:
    white = Image.fromarray(np.full((32, 32, 3), 255, np.uint8))
    transform = transform_of((RandomCrop(padding=31), HorizontalFlip(p=1.0)), None, 32)
    torch.manual_seed(0)
    cropped = transform(white)
    assert cropped.shape == (3, 32, 32)
    assert 0 < cropped.mean() < 1  # some of the black around it came in


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_has_a_tutorial(recipe: str) -> None:
    config = get_recipe(recipe).config
    transform_of(config.data.augment, None, 32)
    plain_optimizer(torch.nn.Linear(1, 1), config.optimizer)


def test_cutout_erases_a_square_of_the_normalised_image() -> None:
    white = Image.fromarray(np.full((32, 32, 3), 255, np.uint8))
    cut = transform_of((Cutout(size=8),), Normalize(mean=(0.5,) * 3, std=(0.5,) * 3), 32)(white)
    assert (cut == 0).sum() == 3 * 8 * 8
    assert (cut == 1).sum() == 3 * (32 * 32 - 8 * 8)


def test_the_tutorial_learns(images: Path) -> None:
    tutorial = Tutorial(tiny(images))
    sample = tutorial.epoch()
    assert sample.images == NUM_TRAIN
    for _ in range(25):
        tutorial.epoch()
    first, last = tutorial.losses[:6], tutorial.losses[-6:]
    assert sum(last) < 0.9 * sum(first)
    assert tutorial.accuracy() > 0.5  # of three classes
    assert tutorial.steps(0.001).images >= 8


def test_a_fast_variant_is_measured_against_the_system_it_is_one_of(monkeypatch: pytest.MonkeyPatch) -> None:
    base = get_recipe("c10-lenet")
    config = msgspec.structs.replace(
        base.config,
        recipe="c10-lenet-fast",
        device="cpu",
        data=msgspec.structs.replace(base.config.data, augment=(), dir="/somewhere"),
    )
    monkeypatch.setitem(RECIPES, "c10-lenet-fast", Recipe(name="c10-lenet-fast", title="", config=config))
    found = tutorial_recipe(config)
    assert (found.recipe, found.device, found.data.dir) == ("c10-lenet", "cpu", "/somewhere")
    assert found.data.augment == base.config.data.augment
    assert tutorial_recipe(base.config) == base.config


def test_both_sides_are_measured_in_processes_and_ours_records(images: Path, tmp_path: Path) -> None:
    config = tiny(images)
    found = compare.compare_training(config, config, tmp_path, quiet, pairs=1, seconds=0.01)
    assert min(*found.baseline, *found.ours) > 0
    events = [each.event for each in read_all(tmp_path / "ours" / "events.jsonl")]
    assert any(isinstance(event, ev.Batches) for event in events)


def test_epochs_are_measured_with_their_evaluation(images: Path, tmp_path: Path) -> None:
    config = tiny(images)
    found = compare.compare_training(config, config, tmp_path, quiet, pairs=1, seconds=0.0, whole_epochs=True)
    assert min(*found.baseline, *found.ours) > 0
    assert any((tmp_path / "ours" / "predictions").iterdir())


def test_parts_are_measured(images: Path, tmp_path: Path) -> None:
    with compare.parts_worker(tiny(images), tmp_path, quiet) as parts:
        events = compare.compare_events(parts, quiet, pairs=1, seconds=0.3)
        pipeline = compare.compare_pipeline(parts, quiet, pairs=1, seconds=0.01)
        machine = parts.machine(0.1)
    assert min(*events.baseline, *events.ours, *pipeline.baseline, *pipeline.ours) > 0
    assert machine.flops_share(1000.0) > 0
    assert machine.num_parameters > 100_000
    kept = [each.event for each in read_all(tmp_path / "events.jsonl")]
    assert any(isinstance(event, ev.Batches) for event in kept), "with events they are recorded"


@pytest.mark.parametrize("kind", ["tutorial", "ours", "parts"])
def test_a_data_set_that_is_not_there_is_one_sentence(kind: str, tmp_path: Path) -> None:
    job = Job(kind=kind, config=tiny(tmp_path / "nowhere"), folder=str(tmp_path))  # type: ignore[arg-type]
    with Worker(job) as worker, pytest.raises(MeasurementError, match="is not a folder") as failed:
        worker.wait()
    assert failed.value.exit_code == ExitCode.DATA


def test_a_worker_that_dies_is_told_of(images: Path, tmp_path: Path) -> None:
    with Worker(Job(kind="parts", config=tiny(images), folder=str(tmp_path / "missing"))) as worker:
        with pytest.raises(MeasurementError, match=r"cannot write the event log"):
            worker.wait()
        worker._process.kill()
        with pytest.raises(MeasurementError, match="a measuring process died"):
            worker.sample("events on", 0.1)


def test_random_images_take_the_place_of_a_missing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.bench.standin._NUM_TRAIN", 40)
    monkeypatch.setattr("core.bench.standin._NUM_TEST", 20)
    config = get_recipe("c100super-resnet9").config
    config = msgspec.structs.replace(config, data=msgspec.structs.replace(config.data, dir=str(tmp_path)))
    assert is_missing(config)
    found = with_random_images(config, tmp_path / "images")
    dataset = load_dataset(found.data, report=quiet)
    assert dataset.train.images.shape == (40, 3, 32, 32)
    assert len(dataset.classes) == 20
    assert dataset.train.images.float().std() > 70  # noise: 74 of the uniform distribution
    assert found.model == config.model
    assert not is_missing(found)
    assert not is_missing(get_recipe("shapes-small").config)


@pytest.mark.parametrize("seconds", [0.0, 4.9, -1.0, float("nan")])
def test_too_short_a_time_is_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match="5 or more"):
        benchmark(get_recipe("shapes-small").config, quiet, seconds=seconds)
