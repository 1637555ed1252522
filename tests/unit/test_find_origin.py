"""Going on with a run: which run and checkpoint is meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.errors import StorageError, UsageError
from core.resume import Origin, find_origin, stored_config
from core.runfolder import Manifest, RunFolder, create_run_folder


@pytest.fixture
def saved(tmp_path: Path) -> RunFolder:
    """A run with a checkpoint, as far as names go."""
    folder = create_run_folder(tmp_path / "runs", "shapes-small", "saved")
    folder.write_manifest(Manifest(id="saved", recipe="shapes-small", created=1.0, config={}))
    step = folder.checkpoints / "step-00000012"
    step.mkdir(parents=True)
    for name in ("meta.json", "state.pt"):
        (step / name).touch()
    (folder.checkpoints / "best").write_text(step.name)
    return folder


@pytest.mark.parametrize(
    ("path", "which"),
    [
        ("", "last"),
        ("checkpoints/step-00000012", "step-00000012"),
        ("checkpoints/step-00000012/state.pt", "step-00000012"),
        ("checkpoints/step-00000012/meta.json", "step-00000012"),
        ("checkpoints/best", "best"),
    ],
)
def test_a_checkpoint_may_be_named_by_any_path_that_leads_to_it(path: str, which: str, saved: RunFolder) -> None:
    assert find_origin(saved.path.parent, str(saved.path / path), None) == Origin(saved, which)


@pytest.mark.parametrize(
    ("wanted", "run_id", "message"),
    [
        ("", None, '"" is no run'),
        ("last", "", '"" is no run'),
        ("best", "", '"" is no run'),
        ("auto", "", '"" cannot be a run id'),
        ("auto", "..", r'"\.\." cannot be a run id: .*, a letter or digit first'),
        ("saved", "other", "--resume saved goes on in run saved: leave --run-id out, or add --fork"),
    ],
)
def test_a_name_that_is_empty_or_contradicts_is_refused(
    wanted: str, run_id: str | None, message: str, saved: RunFolder
) -> None:
    with pytest.raises(UsageError, match=message):
        find_origin(saved.path.parent, wanted, run_id)


def test_the_id_of_the_resumed_run_and_that_of_a_fork_contradict_nothing(saved: RunFolder) -> None:
    for run_id, fork in (("saved", False), ("other", True)):
        assert find_origin(saved.path.parent, "saved", run_id, fork=fork) == Origin(saved, "last")


def test_a_checkpoint_may_be_named_from_where_one_stands(saved: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved.checkpoints)
    monkeypatch.setenv("HOME", str(saved.path))
    for wanted in ("./best", "~/checkpoints/best"):
        assert find_origin(saved.path.parent, wanted, None) == Origin(saved, "best"), wanted


def test_a_copy_of_a_checkpoint_outside_a_run_is_no_run(saved: RunFolder, tmp_path: Path) -> None:
    copy = shutil.copytree(saved.checkpoints / "step-00000012", tmp_path / "copy")
    with pytest.raises(StorageError, match="copy is not a run"):
        find_origin(saved.path.parent, str(copy), None)


def test_settings_of_another_version_are_told_of() -> None:
    with pytest.raises(StorageError, match=r"the settings of run old cannot be used by this version: .*epochs"):
        stored_config(Manifest(id="old", recipe="shapes-small", created=1.0, config={"epochs": "many"}))
