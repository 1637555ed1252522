"""Exported weights are the checkpoint's, and score what the run recorded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from core import events as ev
from core.checkpoint import Meta, resolve_checkpoint
from core.config import TrainConfig
from core.errors import CheckpointError, DataError, StorageError, UsageError
from core.evaluate import evaluate
from core.export.gather import RunData, gather
from core.export.model_card import inline
from core.export.weights import recorded_evaluation, write_weights
from core.models import build_model
from core.predict import evaluate_checkpoint, find_checkpoint, predict
from core.runfolder import RunFolder
from core.setup import set_up
from tests.export_runs import CONFUSIONS, epoch_ended, make_run, over_views, two_epochs
from tests.training import image_folder, tiny, train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, TrainConfig]:
    root = tmp_path_factory.mktemp("weights")
    config = tiny(image_folder(root / "images"))
    folder = RunFolder(root / "runs" / "run")
    assert train(folder, config).status == "finished"
    return folder, config


@pytest.fixture
def data(trained: tuple[RunFolder, TrainConfig]) -> RunData:
    return gather(trained[0])


def _ignore(line: str) -> None:
    del line


@pytest.mark.parametrize("which", ["best", "last"])
def test_the_file_alone_scores_what_the_run_recorded(data: RunData, tmp_path: Path, which: str) -> None:
    weights, _ = write_weights(data, which, tmp_path, _ignore)
    with safe_open(weights, "pt") as file:
        described = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    config = msgspec.json.decode(described["config"], type=TrainConfig)
    model = build_model(
        described["model"],
        num_classes=len(msgspec.json.decode(described["classes"])),
        image_shape=tuple(msgspec.json.decode(described["image_shape"])),
        args=msgspec.json.decode(described["model_args"]),
    )
    model.load_state_dict(tensors)
    setup = set_up(config, _ignore)  # type: ignore[arg-type]
    model.to(memory_format=torch.channels_last)
    found, _ = evaluate(model, setup.validation_batches(), num_classes=3, autocast=setup.autocast())
    epoch = data.state.epochs[int(described["epoch"]) - 1].validation
    assert msgspec.json.decode(described["metrics"])["validation_top1"] == epoch.top1 == found.top1
    assert found.confusion == epoch.confusion
    assert found.loss == pytest.approx(epoch.loss, abs=1e-6)


def test_the_file_says_what_it_is(data: RunData, tmp_path: Path) -> None:
    weights, card = write_weights(data, "last", tmp_path, _ignore)
    with safe_open(weights, "pt") as file:
        described = file.metadata()
    checkpoint = resolve_checkpoint(data.folder.checkpoints, "last")
    meta = msgspec.json.decode((checkpoint / "meta.json").read_bytes())
    assert described["checkpoint_sha256"] == meta["sha256"]
    assert msgspec.json.decode(described["classes"]) == ["dawn", "dusk", "noon"]
    normalize = msgspec.json.decode(described["normalize"])
    assert len(normalize["mean"]) == len(normalize["std"]) == 3
    assert described["model"] == "lenet"
    text = card.read_text()
    assert text.startswith("# `c10-lenet` on `folder:images`\n")
    assert f"{data.state.epochs[-1].validation.top1:.2%}" in text
    assert "image_shape=(3, 32, 32)" in text


def test_file_and_card_tell_the_accuracy_over_views(data: RunData, tmp_path: Path) -> None:
    data.state.epochs[-1:] = over_views(data.state.epochs[-1:], 0.8125)  # type: ignore[assignment]
    weights, card = write_weights(data, "last", tmp_path, _ignore)
    with safe_open(weights, "pt") as file:
        assert msgspec.json.decode(file.metadata()["metrics"])["validation_top1_test_time"] == 0.8125
    assert "| top-1 over views | 81.25% |" in card.read_text().splitlines()


def test_the_card_tells_what_was_changed_before_the_checkpoint(data: RunData, tmp_path: Path) -> None:
    saved = data.state.checkpoints[-1]
    plan = ev.LrPlan(steps=[0, saved.step], lr=[0.1, 0.0])
    before, after = (
        ev.CommandHandled(
            command_id=factor, name="lr", argument=factor, status="done", step=step, message=f"lr {factor}", plan=plan
        )
        for factor, step in (("×2", 1), ("×9", saved.step))
    )
    for event in (before, saved, after):
        data.state.apply(ev.Record(seq=99, wall=0.0, mono=0.0, attempt=1, event=event))
    _, card = write_weights(data, "last", tmp_path, _ignore)
    assert "Changed while it was trained: `lr ×2`." in card.read_text().splitlines()


def test_the_run_tells_its_normalisation_without_the_data_set(
    trained: tuple[RunFolder, TrainConfig], tmp_path: Path
) -> None:
    copy = RunFolder(tmp_path / "runs" / "run")
    shutil.copytree(trained[0].path, copy.path)
    manifest = copy.read_manifest()
    manifest.config["data"]["dataset"] = f"folder:{tmp_path}/gone"
    copy.write_manifest(manifest)
    told: list[str] = []
    weights, _ = write_weights(gather(copy), "last", tmp_path / "out", told.append)
    with safe_open(weights, "pt") as file:
        assert len(msgspec.json.decode(file.metadata()["normalize"])["mean"]) == 3
    assert not told


def test_where_neither_run_nor_data_set_tells_only_the_normalisation_is_missing(
    trained: tuple[RunFolder, TrainConfig], tmp_path: Path
) -> None:
    copy = RunFolder(tmp_path / "runs" / "run")
    shutil.copytree(trained[0].path, copy.path)
    manifest = copy.read_manifest()
    manifest.config["data"]["dataset"] = f"folder:{tmp_path}/gone"
    copy.write_manifest(manifest)
    told: list[str] = []
    data = gather(copy)
    data.state.run = msgspec.structs.replace(data.started(), mean=[], std=[])
    weights, card = write_weights(data, "last", tmp_path / "out", told.append)
    with safe_open(weights, "pt") as file:
        assert file.metadata()["normalize"] == '"train"'
    assert "gone" in told[-1]
    assert "of the training images" in card.read_text()


def test_a_checkpoint_is_evaluated_again_to_the_same_result(data: RunData) -> None:
    found = evaluate_checkpoint(data.folder, "last", say=_ignore)
    recorded = recorded_evaluation(data, found.meta)
    assert recorded is not None
    assert recorded is data.state.epochs[-1].validation
    assert (found.evaluation.top1, found.evaluation.confusion) == (recorded.top1, recorded.confusion)
    assert found.num_images == 12


def test_files_are_classified_as_in_the_validation(
    trained: tuple[RunFolder, TrainConfig], data: RunData, tmp_path: Path
) -> None:
    folder, config = trained
    root = Path(config.data.dataset.removeprefix("folder:")) / "test"
    files = [path for name in ("dawn", "dusk", "noon") for path in sorted((root / name).iterdir())]
    (tmp_path / "broken.png").write_bytes(b"no image")
    answers = list(predict(folder, data.started(), [*files, tmp_path / "broken.png"], "last", say=_ignore))
    assert [path for path, _ in answers] == [*files, tmp_path / "broken.png"]
    assert isinstance(answers[-1][1], DataError)
    counts = [[0] * 3 for _ in range(3)]
    for path, guesses in answers[:-1]:
        assert not isinstance(guesses, DataError)
        assert [guess.probability for guess in guesses] == sorted((g.probability for g in guesses), reverse=True)
        assert sum(guess.probability for guess in guesses) == pytest.approx(1)
        classes = data.classes
        counts[classes.index(path.parent.name)][classes.index(guesses[0].label)] += 1
    assert counts == data.state.epochs[-1].validation.confusion


def test_a_large_grey_image_is_taken_too(data: RunData, tmp_path: Path) -> None:
    Image.new("L", (300, 200), 90).save(tmp_path / "grey.png")
    ((_, guesses),) = predict(data.folder, data.started(), [tmp_path / "grey.png"], "best", say=_ignore)
    assert not isinstance(guesses, DataError)
    assert len(guesses) == 3


def test_checkpoints_that_cannot_be_used_are_named(trained: tuple[RunFolder, TrainConfig], tmp_path: Path) -> None:
    copy = RunFolder(tmp_path / "runs" / "run")
    shutil.copytree(trained[0].path, copy.path)
    data = gather(copy)
    with pytest.raises(CheckpointError, match=r'no checkpoint "step-00000099".*Did you mean'):
        write_weights(data, "step-00000099", tmp_path / "out", _ignore)
    with pytest.raises(CheckpointError, match="no checkpoint"):
        write_weights(data, "../../elsewhere", tmp_path / "out", _ignore)
    manifest = copy.read_manifest()
    manifest.config["model"]["name"] = "resnet9"
    copy.write_manifest(manifest)
    with pytest.raises(CheckpointError, match="does not fit the network"):
        write_weights(gather(copy), "best", tmp_path / "out", _ignore)
    (copy.checkpoints / "best").unlink()
    with pytest.raises(CheckpointError, match=r'no checkpoint "best": it has step-\d+.*; --checkpoint last takes'):
        evaluate_checkpoint(copy, "best", say=_ignore)
    (resolve_checkpoint(copy.checkpoints, "last") / "state.pt").write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="checksum"):
        write_weights(data, "last", tmp_path / "out", _ignore)
    copy.manifest_file.unlink()
    with pytest.raises(StorageError, match=r"no run\.json"):
        write_weights(gather(copy), "best", tmp_path / "out", _ignore)
    assert not (tmp_path / "out").exists()


def test_either_of_two_checkpoints_of_a_step_can_be_named(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    for name in ("step-00000006", "step-00000006-2"):
        (folder.checkpoints / name).mkdir(parents=True)
        assert find_checkpoint(folder, name) == folder.checkpoints / name


def test_a_class_whose_name_is_no_unicode_is_evaluated_again(tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    for part in ("train", "test"):
        (images / part / "noon").rename(images / part / os.fsdecode(b"no\xffon"))
    folder = RunFolder(tmp_path / "runs" / "run")
    train(folder, tiny(images, epochs=1))
    data = gather(folder)
    found = evaluate_checkpoint(folder, "last", started=data.started(), say=_ignore)
    assert found.evaluation.top1 == data.state.epochs[-1].validation.top1


def test_images_that_have_moved_are_evaluated_where_they_are_now_and_no_others(tmp_path: Path) -> None:
    folder, said = RunFolder(tmp_path / "runs" / "run"), list[str]()
    images = image_folder(tmp_path / "images")
    train(folder, tiny(images, epochs=1))
    started = gather(folder).started()
    (tmp_path / "away").mkdir()
    moved = images.rename(tmp_path / "away" / "images")
    with pytest.raises(DataError, match=r"is not a folder; .* as --dataset folder:PATH"):
        evaluate_checkpoint(folder, "last", started=started, say=_ignore)
    found = evaluate_checkpoint(folder, "last", started=started, dataset=f"folder:{moved}", say=said.append)
    assert found.evaluation.top1 == gather(folder).state.epochs[-1].validation.top1
    assert not [line for line in said if "have changed" in line]
    for other in ("shapes", f"folder:{moved / 'train'}"):
        with pytest.raises(UsageError, match=r"was trained on folder:.*/images: --dataset tells where that has moved"):
            evaluate_checkpoint(folder, "last", started=started, dataset=other, say=_ignore)


def test_names_cannot_leave_their_code_span() -> None:
    assert inline("cat") == "`cat`"
    assert inline("a`b") == "`` a`b ``"
    assert inline("x|y\n# z") == "`x\\|y\N{REPLACEMENT CHARACTER}# z`"
    assert inline(" ") == "(unnamed)"


def test_the_recorded_evaluation_is_that_of_the_checkpoints_step(tmp_path: Path) -> None:
    asked = ev.Evaluated(epoch=2, step=6, validation=epoch_ended(9, CONFUSIONS[0]).validation)
    data = gather(make_run(tmp_path / "runs" / "run", [*two_epochs()[:-1], asked]))

    def of(step: int, epoch: int) -> ev.Evaluation | None:
        meta = Meta(step=step, epoch=epoch, reason="epoch", created=0.0, sha256="", num_bytes=0)
        return recorded_evaluation(data, meta)

    assert of(4, 1) is data.state.epochs[0].validation
    assert of(8, 2) is data.state.epochs[1].validation
    assert of(8, 1) is data.state.epochs[1].validation, "its last step was within an epoch"
    assert of(6, 1) == asked.validation
    assert of(7, 1) is None
