"""Checkpoints: whole or not at all, verified, and found by their pointers."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from core import checkpoint as checkpoint_module
from core.checkpoint import FORMAT, forget_best_after, load_checkpoint, point, resolve_checkpoint
from core.errors import CheckpointError, StorageError
from tests.checkpoints import STATE, litter, rewrite, save, truncate, with_contents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("step-*"))


# -- there and back ---------------------------------------------------------------------------------------------------


def test_a_state_comes_back_bit_for_bit(folder: Path) -> None:
    loaded, meta = load_checkpoint(save(folder))
    assert loaded["progress"] == STATE["progress"]
    assert loaded["optimizer"]["param_groups"] == STATE["optimizer"]["param_groups"]
    for name, tensor in STATE["model"].items():
        assert loaded["model"][name].dtype == tensor.dtype
        assert torch.equal(loaded["model"][name], tensor)
    assert torch.equal(loaded["optimizer"]["state"][0]["momentum"], torch.tensor([0.25]))
    assert (meta.step, meta.epoch, meta.reason, meta.metrics) == (3, 1, "epoch", {"validation_top1": 0.5})


def test_the_layout_is_a_state_with_its_checksum_beside_it(folder: Path) -> None:
    path = save(folder, step=12345)
    assert path == folder / "step-00012345"
    assert sorted(entry.name for entry in path.iterdir()) == ["meta.json", "state.pt"]
    meta = msgspec.json.decode((path / "meta.json").read_bytes())
    data = (path / "state.pt").read_bytes()
    assert meta["sha256"] == hashlib.sha256(data).hexdigest()
    assert (meta["num_bytes"], meta["format"], meta["versions"]) == (
        len(data),
        FORMAT,
        {"torch": str(torch.__version__)},
    )
    assert litter(folder) == []


def test_pytorch_alone_can_load_it_with_weights_only(folder: Path) -> None:
    assert torch.equal(
        torch.load(save(folder) / "state.pt", weights_only=True)["model"]["weight"], STATE["model"]["weight"]
    )


# -- what is not loaded -----------------------------------------------------------------------------------------------


def flip_a_bit(path: Path) -> None:
    data = bytearray((path / "state.pt").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "state.pt").write_bytes(data)


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a flipped bit": (flip_a_bit, "is damaged: its checksum does not fit"),
    "a byte short": (truncate, "is damaged: its checksum does not fit"),
    "an empty state": (lambda path: (path / "state.pt").write_bytes(b""), "is damaged: its checksum does not fit"),
    "no state": (lambda path: (path / "state.pt").unlink(), "is incomplete: No such file or directory: .*state.pt"),
    "no meta": (lambda path: (path / "meta.json").unlink(), "is incomplete: No such file or directory: .*meta.json"),
    "half a meta": (lambda path: (path / "meta.json").write_bytes(b'{"step": 3'), "has a damaged meta.json"),
    "a meta that is no text": (lambda path: (path / "meta.json").write_bytes(b"\xff\xfe"), "has a damaged meta.json"),
    "another checksum": (
        lambda path: rewrite(path, lambda meta: meta.update(sha256="0" * 64)),
        "is damaged: its checksum does not fit",
    ),
    "a newer format": (
        lambda path: rewrite(path, lambda meta: meta.update(format=FORMAT + 1)),
        "was written by a newer cifar-tui: update to load it",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_damaged_is_not_loaded(damage: Callable[[Path], Any], message: str, folder: Path) -> None:
    path = save(folder)
    damage(path)
    with pytest.raises(CheckpointError, match=f"checkpoint {path} {message}"):
        load_checkpoint(path)


def test_a_checkpoint_that_is_not_there_is_an_error_that_names_it(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=f"checkpoint {folder}/step-1 is incomplete: No such file"):
        load_checkpoint(folder / "step-1")


@pytest.mark.parametrize("data", [b"noise", b"PK\x03\x04"], ids=["noise", "half an archive"])
def test_noise_with_a_checksum_that_fits_is_not_loaded(data: bytes, folder: Path) -> None:
    path = save(folder)
    with_contents(path, data)
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        load_checkpoint(path)


# -- writing ----------------------------------------------------------------------------------------------------------


def no_space(*ignored: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_failed_save_leaves_what_was_there_and_no_litter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = save(folder, step=3)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_module.os, "fsync", no_space)
        for step in (3, 4):
            with pytest.raises(StorageError, match=f"cannot write a checkpoint in {folder}: No space left on device"):
                save(folder, step=step)
    assert names(folder) == ["step-00000003"]
    assert litter(folder) == []
    load_checkpoint(before)
    assert resolve_checkpoint(folder, "last") == before


def test_what_died_with_this_process_s_number_is_in_nobody_s_way(folder: Path) -> None:
    """In a container a trainer and its successor may both be process 1."""
    leftover = folder / f".step-00000003.{os.getpid()}.tmp"
    leftover.mkdir(parents=True)
    (leftover / "state.pt").write_bytes(bytes(99_999))
    assert load_checkpoint(save(folder))[0]["progress"] == STATE["progress"]
    assert litter(folder) == []


def test_one_of_the_same_step_stands_beside_the_first(folder: Path) -> None:
    """Nothing that is whole is ever overwritten: somebody asks for a checkpoint, then stops before the next step."""
    first = save(folder, keep=True)
    second = save(folder, state={"progress": "new"})
    third = save(folder, state={"progress": "newer"})
    assert names(folder) == ["step-00000003", "step-00000003-2", "step-00000003-3"]
    assert load_checkpoint(first)[1].keep
    assert load_checkpoint(second)[0] == {"progress": "new"}
    assert resolve_checkpoint(folder, "last") == third
    assert litter(folder) == []


def test_the_meta_is_written_after_the_state_and_the_name_comes_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    write, rename = checkpoint_module._write_durably, Path.rename

    def spy_write(path: Path, data: Any) -> None:
        order.append(path.name)
        write(path, data)

    def spy_rename(self: Path, target: Path) -> Path:
        order.append(target.name)
        return rename(self, target)

    monkeypatch.setattr(checkpoint_module, "_write_durably", spy_write)
    monkeypatch.setattr(Path, "rename", spy_rename)
    save(folder)
    assert order == ["state.pt", "meta.json", "step-00000003"]


# -- pointers ---------------------------------------------------------------------------------------------------------


def test_last_is_the_one_saved_last(folder: Path) -> None:
    save(folder, step=9)
    later = save(folder, step=3)
    assert resolve_checkpoint(folder, "last") == later


def test_a_pointer_can_be_moved(folder: Path) -> None:
    first = save(folder, step=1)
    save(folder, step=2)
    point(folder, "best", first.name)
    assert resolve_checkpoint(folder, "best") == first


def test_a_pointer_that_is_missing_is_an_error(folder: Path) -> None:
    save(folder)
    with pytest.raises(CheckpointError, match=f"{folder} has no best checkpoint"):
        resolve_checkpoint(folder, "best")


def test_the_best_is_forgotten_where_it_lies_ahead(folder: Path) -> None:
    save(folder, step=4)
    best = save(folder, step=4)
    point(folder, "best", best.name)
    forget_best_after(folder, 4)
    assert resolve_checkpoint(folder, "best") == best
    forget_best_after(folder, 3)
    assert not (folder / "best").exists()


def test_a_pointer_to_what_is_gone_is_an_error(folder: Path) -> None:
    save(folder)
    point(folder, "best", "step-00000099")
    with pytest.raises(CheckpointError, match=r"the best checkpoint .*step-00000099 is gone"):
        resolve_checkpoint(folder, "best")


@pytest.mark.parametrize("content", [b"", b"..", b"/etc", b"../step-00000003", b"step-3/../..", b"\xff\xfe", b"step-"])
def test_a_pointer_leads_to_a_neighbour_or_nowhere(content: bytes, folder: Path) -> None:
    save(folder)
    (folder / "best").write_bytes(content)
    with pytest.raises(CheckpointError, match="best is damaged: it names no checkpoint"):
        resolve_checkpoint(folder, "best")
