"""Images are classified with the very numbers of the validation, and other data than the run's is told of."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from core.checkpoint import save_checkpoint
from core.config import Normalize
from core.data.folder import read_image
from core.errors import CheckpointError, DataError
from core.events import RunStarted
from core.fold import fold
from core.models import build_model
from core.predict import Guess, evaluate_checkpoint, find_checkpoint, load_weights, normalization, predict
from core.resume import stored_config
from core.runfolder import RunFolder
from core.setup import set_up
from tests.training import image_folder, tiny, train


def _ignore(_: object) -> None:
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with its images beside it."""
    root = tmp_path_factory.mktemp("predict")
    folder = RunFolder(root / "run")
    train(folder, tiny(image_folder(root / "images"), epochs=1, test_time="mirror"))
    return folder


@pytest.fixture
def run(trained: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of it all, to be changed."""
    shutil.copytree(trained.path.parent, tmp_path / "copy")
    folder = RunFolder(tmp_path / "copy" / "run")
    manifest = folder.read_manifest()
    manifest.config["data"]["dataset"] = f"folder:{tmp_path / 'copy' / 'images'}"
    folder.write_manifest(manifest)
    return folder


def started(folder: RunFolder) -> RunStarted:
    found = fold(folder.events_file).run
    assert found is not None
    return found


def images_of(folder: RunFolder) -> list[Path]:
    return sorted((folder.path.parent / "images" / "test").glob("*/*.png"))


def classify(folder: RunFolder, files: list[Path], begun: RunStarted | None = None) -> list[dict[str, float]]:
    found = []
    for file, (path, guesses) in zip(
        files, predict(folder, begun or started(folder), files, "last", device="cpu", say=_ignore), strict=True
    ):
        assert path == file
        assert isinstance(guesses, list)
        assert all(isinstance(guess, Guess) for guess in guesses)
        found.append({guess.label: guess.probability for guess in guesses})
    return found


def test_probabilities_are_those_of_the_validation_in_any_number_of_parts(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.predict._BATCH_SIZE", 5)
    setup = set_up(stored_config(run.read_manifest()), _ignore)
    load_weights(setup.model, find_checkpoint(run, "last"))
    with torch.inference_mode():
        expected = torch.cat([setup.model.eval()(inputs).softmax(1) for inputs, _ in setup.validation_batches()])
    for found, probabilities in zip(classify(run, images_of(run)), expected.tolist(), strict=True):
        assert found == pytest.approx(dict(zip(setup.dataset.classes, probabilities, strict=True)), abs=1e-6)


@pytest.mark.parametrize("normalize", [None, Normalize(mean=(0.5,), std=(0.25,))], ids=["raw", "normalized"])
def test_a_network_of_one_channel_sees_an_image_in_grey_and_its_five_best_classes_are_told(
    normalize: Normalize | None, run: RunFolder, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    network = build_model("lenet", num_classes=7, image_shape=(1, 32, 32), args={}).eval()
    save_checkpoint(
        run.checkpoints, {"model": network.state_dict()}, step=9, epoch=1, reason="end", keep=False, metrics={}
    )
    manifest = run.read_manifest()
    manifest.config["data"]["normalize"] = None
    run.write_manifest(manifest)
    picture = Image.effect_noise((32, 32), 90.0)
    picture.convert("RGB").save(tmp_path / "noise.png")
    told = {"mean": list(normalize.mean), "std": list(normalize.std)} if normalize else {"mean": [], "std": []}
    begun = msgspec.structs.replace(started(run), image_shape=(1, 32, 32), classes=list("abcdefg"), **told)
    with torch.inference_mode():
        pixels = torch.from_numpy(np.array(picture)).float() / 255
        inputs = (pixels - 0.5) / 0.25 if normalize else pixels
        expected = dict(zip("abcdefg", network(inputs[None, None]).softmax(1)[0].tolist(), strict=True))
    (found,) = classify(run, [tmp_path / "noise.png"], begun)
    assert list(found) == sorted(expected, key=lambda name: -expected[name])[:5]
    assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-6)


def test_a_device_given_goes_before_that_of_the_run(run: RunFolder) -> None:
    manifest = run.read_manifest()
    manifest.config["device"] = "cuda:99"
    run.write_manifest(manifest)
    assert len(classify(run, images_of(run)[:1])) == 1


@pytest.mark.parametrize("normalize", [None, Normalize(mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))])
def test_an_old_run_s_normalisation_is_that_of_its_settings(normalize: Normalize | None, run: RunFolder) -> None:
    old, config = msgspec.structs.replace(started(run), mean=[], std=[]), stored_config(run.read_manifest())
    config = msgspec.structs.replace(config, data=msgspec.structs.replace(config.data, normalize=normalize))
    said: list[str] = []
    assert normalization(old, config, said.append) == normalize
    assert said == [], "the data set need not be read"


@pytest.mark.parametrize("kind", ["jpeg", "tiff"])
def test_an_image_with_a_damaged_tag_is_named_with_the_reason(kind: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x112], exif[0x10F] = 6, "maker"  # it lies on its side: its tags are written anew
    path = tmp_path / f"image.{kind}"
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    tag, broken = (b"\x01\x0f\x00\x02", b"\x01\x00\x00\x02") if kind == "jpeg" else (b"\x11\x01\x04", b"\x11\x01\x05")
    path.write_bytes(path.read_bytes().replace(tag, broken))
    found = read_image(path, 8)
    assert isinstance(found, DataError)
    assert str(found).startswith(f"{path} cannot be read as an image (")


@pytest.mark.parametrize("which", [".", ".."])
def test_what_is_no_checkpoint_of_the_run_is_none(which: str, run: RunFolder) -> None:
    with pytest.raises(CheckpointError, match="has no checkpoint"):
        find_checkpoint(run, which)


def test_a_run_that_was_evaluated_over_views_is_so_again(run: RunFolder) -> None:
    found = evaluate_checkpoint(run, "last", started=started(run), say=_ignore)
    assert found.evaluation.top1_test_time == fold(run.events_file).epochs[-1].validation.top1_test_time is not None


def test_images_that_have_changed_since_are_told_of(run: RunFolder) -> None:
    said: list[str] = []
    evaluate_checkpoint(run, "last", started=started(run), say=said.append)
    assert not any("have changed" in line for line in said)
    Image.new("RGB", (32, 32), "white").save(images_of(run)[0])
    evaluate_checkpoint(run, "last", started=started(run), say=said.append)
    assert any("have changed" in line for line in said)


def test_classes_that_have_changed_since_are_refused(run: RunFolder) -> None:
    root = run.path.parent / "images"
    for part in ("train", "test"):
        shutil.copytree(root / part / "noon", root / part / "night")
    with pytest.raises(DataError, match='"night" is new'):
        evaluate_checkpoint(run, "last", started=started(run), say=_ignore)
    for part in ("train", "test"):
        shutil.rmtree(root / part / "noon")
    with pytest.raises(DataError, match='it lacks "noon"'):
        evaluate_checkpoint(run, "last", started=started(run), say=_ignore)
