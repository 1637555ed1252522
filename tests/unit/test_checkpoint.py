"""Checkpoints: whole or not at all, verified, harmless to load, and the right ones kept."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from core import checkpoint as checkpoint_module
from core.checkpoint import (
    FORMAT,
    forget_best_after,
    load_checkpoint,
    load_newest,
    newest_first,
    point,
    prune,
    resolve_checkpoint,
    save_checkpoint,
)
from core.errors import CheckpointError, StorageError

STATE: dict[str, Any] = {
    "model": {
        "weight": torch.tensor([[1.5, -2.0]]),
        "steps": torch.tensor(7),
        "half": torch.ones(2, dtype=torch.bfloat16),
    },
    "optimizer": {"state": {0: {"momentum": torch.tensor([0.25])}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
    "progress": {"step": 3, "best": None, "name": "é"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints"


def save(folder: Path, step: int = 3, *, keep: bool = False, state: dict[str, Any] = STATE) -> Path:
    return save_checkpoint(
        folder, state, step=step, epoch=1, reason="epoch", keep=keep, metrics={"validation_top1": 0.5}
    )[0]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("step-*"))


def litter(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


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


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    meta = msgspec.json.decode((path / "meta.json").read_bytes())
    change(meta)
    (path / "meta.json").write_bytes(msgspec.json.encode(meta))


def flip_a_bit(path: Path) -> None:
    data = bytearray((path / "state.pt").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "state.pt").write_bytes(data)


def truncate(path: Path) -> None:
    data = (path / "state.pt").read_bytes()
    (path / "state.pt").write_bytes(data[:-1])


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


class Bomb:
    """Unpickled, it would leave a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


def with_contents(path: Path, data: bytes) -> None:
    """A state with a checksum that fits, whatever it is."""
    (path / "state.pt").write_bytes(data)
    rewrite(path, lambda meta: meta.update(sha256=hashlib.sha256(data).hexdigest(), num_bytes=len(data)))


@pytest.mark.parametrize("packed", ["by PyTorch", "as a bare pickle"])
def test_a_malicious_checkpoint_runs_nothing(packed: str, folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = save(folder)
    buffer = io.BytesIO()
    if packed == "by PyTorch":
        torch.save({"model": Bomb(mark)}, buffer)
    else:
        pickle.dump({"model": Bomb(mark)}, buffer)
    with_contents(path, buffer.getvalue())
    with pytest.raises(CheckpointError, match=f"checkpoint {path} cannot be loaded: ") as raised:
        load_checkpoint(path)
    assert not mark.exists()
    assert "\n" not in str(raised.value), "one sentence, not PyTorch's page of advice"
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.exists(), "the bomb is a real one"


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


# -- which ones stay --------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each checkpoint is a second later than the one before."""
    seconds = iter(range(1_500_000_000, 1_600_000_000))
    monkeypatch.setattr(checkpoint_module.time, "time", lambda: float(next(seconds)))


def numbers(paths: list[Path]) -> list[int]:
    return [int(path.name.removeprefix("step-")) for path in paths]


@pytest.mark.usefixtures("clock")
def test_the_last_the_best_and_those_asked_for_stay(folder: Path) -> None:
    for step in range(1, 9):
        save(folder, step=step, keep=step in (2, 5))
    prune(folder, keep_last=2, protected=[folder / "step-00000003"])
    assert numbers(sorted(folder.glob("step-*"))) == [2, 3, 5, 7, 8]


@pytest.mark.usefixtures("clock")
def test_where_there_are_few_all_stay(folder: Path) -> None:
    for step in (1, 2):
        save(folder, step=step)
    prune(folder, keep_last=3, protected=[])
    assert numbers(sorted(folder.glob("step-*"))) == [1, 2]


@pytest.mark.usefixtures("clock")
def test_the_newest_are_those_written_last_and_not_those_furthest_on(folder: Path) -> None:
    """A run that went back to its best checkpoint has left some that lie ahead of it."""
    for step in (100, 200, 300, 150):
        save(folder, step=step)
    assert numbers(newest_first(folder)) == [150, 300, 200, 100]
    prune(folder, keep_last=1, protected=[])
    assert numbers(sorted(folder.glob("step-*"))) == [150], "the one just saved is never the one to go"


@pytest.mark.usefixtures("clock")
def test_last_goes_first_also_where_it_is_not_the_newest(folder: Path) -> None:
    """A run that has just gone back to an earlier checkpoint and was cut off before it saved another."""
    for step in (100, 200, 300):
        save(folder, step=step)
    point(folder, "last", "step-00000100")
    assert numbers(newest_first(folder)) == [100, 300, 200]


@pytest.mark.usefixtures("clock")
def test_one_whose_meta_is_lost_comes_last(folder: Path) -> None:
    for step in (1, 2, 3):
        save(folder, step=step)
    (folder / "step-00000002" / "meta.json").unlink()
    (folder / "last").unlink()
    assert numbers(newest_first(folder)) == [3, 1, 2]


def test_a_run_without_checkpoints_has_none(folder: Path) -> None:
    assert newest_first(folder) == []
    prune(folder, keep_last=1, protected=[])


def test_what_a_killed_trainer_left_half_written_goes(folder: Path) -> None:
    save(folder)
    (folder / ".step-00000004.123.tmp").mkdir()
    (folder / ".step-00000004.123.tmp" / "state.pt").write_bytes(b"half")
    prune(folder, keep_last=1, protected=[])
    assert litter(folder) == []


@pytest.mark.usefixtures("clock")
def test_the_newest_that_is_whole_is_loaded_and_the_others_are_told_of(folder: Path) -> None:
    for step in (1, 2, 3):
        save(folder, step=step, state={"step": step})
    truncate(folder / "step-00000003")
    passed_over: list[CheckpointError] = []
    assert load_newest(folder, passed_over.append) == ("step-00000002", {"step": 2})
    assert ["step-00000003 is damaged" in str(error) for error in passed_over] == [True]


def test_where_all_are_damaged_that_is_an_error(folder: Path) -> None:
    truncate(save(folder))
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole; the last problem: .*checksum"):
        load_newest(folder, lambda error: None)


def test_where_there_are_none_there_is_none_to_load(folder: Path) -> None:
    assert load_newest(folder, lambda error: None) is None
