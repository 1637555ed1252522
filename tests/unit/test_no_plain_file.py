"""A pipe, or a link to a device, in the place of a file is told of or passed over, and never read to its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core.checkpoint import load_checkpoint, newest_first, resolve_checkpoint
from core.data.folder import read_image
from core.errors import CifarTuiError
from core.predictions import read_images, read_predictions
from core.runfolder import RunFolder
from core.runindex import RunIndex
from core.timeline import Recording
from tests.checkpoints import save
from tests.export_runs import CLASSES, FINGERPRINT, make_run, two_epochs
from tui.settings import Settings, load_settings

pytestmark = pytest.mark.timeout(20)
CHECKPOINT = "checkpoints/step-00000004"
PREDICTIONS = "predictions/epoch-002.npz"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with images, predictions and checkpoints after steps 3 and 4."""
    folder = make_run(tmp_path / "runs" / "run", two_epochs())
    for step in (3, 4):
        save(folder.checkpoints, step=step)
    return folder


@pytest.fixture(params=["a pipe", "a device"])
def put(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """Puts such a thing in the place of a file."""

    def put(path: Path) -> None:
        path.unlink(missing_ok=True)
        if request.param == "a pipe":
            os.mkfifo(path)
        else:
            path.symlink_to("/dev/zero")

    return put


def answers(run: RunFolder) -> None:
    read_predictions(run, PREDICTIONS, read_images(run, FINGERPRINT), len(CLASSES))


def photo(run: RunFolder) -> None:
    found = read_image(run.path / "photo.png", 8)
    if isinstance(found, CifarTuiError):
        raise found


TOLD: dict[str, tuple[str, Callable[[RunFolder], object], str]] = {
    "the state of a checkpoint": (
        f"{CHECKPOINT}/state.pt",
        lambda run: load_checkpoint(run.path / CHECKPOINT),
        r"step-00000004 is incomplete: not a plain file: .*state\.pt$",
    ),
    "what is known of it": (
        f"{CHECKPOINT}/meta.json",
        lambda run: load_checkpoint(run.path / CHECKPOINT),
        r"step-00000004 is incomplete: not a plain file: .*meta\.json$",
    ),
    "a pointer": (
        "checkpoints/last",
        lambda run: resolve_checkpoint(run.checkpoints, "last"),
        r"^cannot read .*/checkpoints/last: not a plain file$",
    ),
    "predictions": (
        PREDICTIONS,
        answers,
        r"(epoch-002\.npz cannot be read: not a plain file|leads out of the run folder)$",
    ),
    "images": (f"../.images/{FINGERPRINT}.npy", answers, r"\.npy cannot be read: not a plain file; remove "),
    "labels": (f"../.images/{FINGERPRINT}.labels.npy", answers, r"s\.npy cannot be read: not a plain file; remove "),
    "a photo": ("photo.png", photo, r"photo\.png cannot be read as an image \(not a plain file\)$"),
}


@pytest.mark.parametrize(("place", "read", "told"), TOLD.values(), ids=TOLD.keys())
def test_it_is_told_of(
    place: str, read: Callable[[RunFolder], object], told: str, put: Callable[[Path], None], run: RunFolder
) -> None:
    put(run.path / place)
    with pytest.raises(CifarTuiError, match=told):
        read(run)


def test_a_log_that_became_one_while_it_is_replayed_is_told_of(put: Callable[[Path], None], run: RunFolder) -> None:
    recording = Recording(run.events_file)
    recording.extend()
    put(run.events_file)
    with pytest.raises(CifarTuiError, match=r"cannot read .*events\.jsonl: not a plain file$"):
        recording.state_at(1)


def test_in_the_place_of_a_pointer_or_a_meta_it_only_costs_their_word(
    put: Callable[[Path], None], run: RunFolder
) -> None:
    put(run.checkpoints / "last")
    put(run.path / CHECKPOINT / "meta.json")
    assert [path.name for path in newest_first(run.checkpoints)] == ["step-00000003", "step-00000004"]


def test_in_the_place_of_what_is_only_kept_for_comfort_it_is_passed_over(
    put: Callable[[Path], None], run: RunFolder, tmp_path: Path
) -> None:
    put(run.path.parent / ".index")
    index = RunIndex(run.path.parent)
    index.scan()
    assert set(index.unread) == {"run"}
    put(tmp_path / "dashboard.json")
    assert load_settings(tmp_path / "dashboard.json") == Settings()
