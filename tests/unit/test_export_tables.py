"""CSV and JSON hold the numbers of the log, all of them and no others."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from core import events as ev
from core.errors import StorageError
from core.export.files import replacing
from core.export.gather import gather, read_answers
from core.export.plain_files import write_csv, write_json
from core.export.settings import flat_settings, in_words
from core.recipes import RECIPES
from tests.export_runs import CLASSES, CONFUSIONS, WALL, batches, epoch_ended, make_run, over_views, started, two_epochs


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def written(tmp_path: Path) -> dict[str, list[dict[str, str]]]:
    data = gather(make_run(tmp_path / "runs" / "run", two_epochs()))
    return {path.stem: _rows(path) for path in write_csv(data, tmp_path / "out")}


def test_csv_has_every_step_once_and_none_that_was_superseded(written: dict[str, list[dict[str, str]]]) -> None:
    rows = written["batches"]
    assert [int(row["step"]) for row in rows] == list(range(8))
    assert [row["loss"] for row in rows] == ["4.0", "3.0", "2.0", "1.0", "0.9", "", "0.7", "0.6"]
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx([0.1 - 0.01 * step for step in range(8)])
    assert rows[1]["gradient_norm"] == "inf"
    assert [int(row["images"]) for row in rows] == [10, 20, 30, 40, 50, 60, 70, 80]


def test_wall_times_are_those_of_the_records(written: dict[str, list[dict[str, str]]]) -> None:
    # A record is written at the end of its last step; four steps took two seconds. The second epoch's is record 7.
    walls = [float(row["wall"]) - WALL for row in written["batches"]]
    assert walls == pytest.approx([-0.5, 0, 0.5, 1, 5.5, 6, 6.5, 7])
    assert [float(row["wall"]) - WALL for row in written["epochs"]] == pytest.approx([2, 8])


def test_wall_times_of_chunks_that_follow_each_other(tmp_path: Path) -> None:
    data = gather(make_run(tmp_path / "run", two_epochs()[:4]))
    assert (data.step_walls - WALL).tolist() == pytest.approx([-0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3])


def test_csv_of_epochs(written: dict[str, list[dict[str, str]]]) -> None:
    first, second = written["epochs"]
    assert (first["epoch"], second["epoch"]) == ("1", "2")
    assert float(first["validation_top1"]) == pytest.approx(7 / 12)
    assert float(second["validation_top1"]) == pytest.approx(9 / 12)
    assert (first["is_best"], second["is_best"]) == ("0", "1")
    assert first["validation_top5"] == ""
    assert [float(row["training_seconds"]) for row in (first, second)] == [2, 4]


def test_csv_of_classes_spells_names_as_they_are(written: dict[str, list[dict[str, str]]]) -> None:
    rows = written["classes"]
    assert [row["class"] for row in rows] == [*CLASSES, *CLASSES]
    cat, dog, owl = rows[3:]
    assert (cat["recall"], float(cat["precision"])) == ("1.0", 0.8)
    assert (float(dog["recall"]), float(dog["precision"])) == (0.75, 0.6)
    assert (float(owl["recall"]), owl["precision"], float(owl["f1"])) == (0.5, "1.0", pytest.approx(2 / 3))
    assert rows[2]["precision"] == "", "the owl was never predicted in the first epoch"
    assert {row["support"] for row in rows} == {"4"}


def test_csv_of_confusion_adds_up_to_the_matrices(written: dict[str, list[dict[str, str]]]) -> None:
    counts = np.zeros((2, 3, 3), int)
    for row in written["confusion"]:
        assert row["actual"] == CLASSES[int(row["actual_index"])]
        assert row["predicted"] == CLASSES[int(row["predicted_index"])]
        counts[int(row["epoch"]) - 1, int(row["actual_index"]), int(row["predicted_index"])] += int(row["count"])
    assert counts.tolist() == list(CONFUSIONS)


def test_json_holds_the_same_and_spells_what_it_cannot_write(
    tmp_path: Path, written: dict[str, list[dict[str, str]]]
) -> None:
    data = gather(make_run(tmp_path / "again" / "run", two_epochs()))

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    document = json.loads(write_json(data, tmp_path / "run.json").read_bytes(), parse_constant=refuse)
    assert document["batches"]["loss"] == [4.0, 3.0, 2.0, 1.0, 0.9, "NaN", 0.7, 0.6]
    assert document["batches"]["gradient_norm"][1] == "Infinity"
    assert document["batches"].keys() == written["batches"][0].keys() == document["columns"]["batches"].keys()
    assert [epoch["confusion"] for epoch in document["epochs"]] == list(CONFUSIONS)
    assert document["epochs"][0]["classes"]["precision"][2] == "NaN"
    assert document["epochs"][1]["validation_top5"] is None
    assert document["best"] == {"epoch": 2, "step": 8, "validation_top1": 0.75}
    assert document["classes"] == list(CLASSES)
    assert document["run"]["status"] == "stopped"
    assert document["config"]["optimizer"] == {"lr": 0.1}


def test_damaged_lines_and_a_torn_end_cost_only_themselves(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "runs" / "run", two_epochs(), torn=b'{"v":1,"seq":10')
    lines = folder.events_file.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b"4.0", b"5.0")
    folder.events_file.write_bytes(b"\n".join(lines))
    data = gather(folder)
    assert data.state.batches["step"].tolist() == [4, 5, 6, 7]
    assert len(data.step_walls) == 4
    assert data.warnings == (f"1 damaged line is left out of {folder.events_file}",)


def test_a_log_longer_than_a_block_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.export.gather._BLOCK_BYTES", 1)
    monkeypatch.setattr("core.reader._BLOCK_BYTES", 64)
    folder = make_run(tmp_path / "runs" / "run", two_epochs())
    folder.events_file.write_bytes(b"rubbish\n" * 40 + folder.events_file.read_bytes())
    data = gather(folder)
    assert len(data.state.batches) == len(data.step_walls) == 8
    assert "40 damaged lines" in data.warnings[0]


def test_a_run_without_epochs_gives_its_batches(tmp_path: Path) -> None:
    data = gather(make_run(tmp_path / "runs" / "run", [started(), batches(1, [1, 2, 3, 4])], images=False))
    assert "has not finished an epoch" in data.warnings[0]
    batches_file, *others = write_csv(data, tmp_path)
    assert len(_rows(batches_file)) == 4
    assert [_rows(path) for path in others] == [[], [], []]
    assert json.loads(write_json(data, tmp_path / "run.json").read_bytes())["epochs"] == []


def test_the_accuracy_over_views_is_there(tmp_path: Path) -> None:
    data = gather(make_run(tmp_path / "runs" / "run", over_views(two_epochs(), 0.8)))
    _, epochs, *_ = write_csv(data, tmp_path)
    assert [row["validation_top1_test_time"] for row in _rows(epochs)] == ["", "0.8"]
    document = json.loads(write_json(data, tmp_path / "run.json").read_bytes())
    assert [epoch["validation_top1_test_time"] for epoch in document["epochs"]] == [None, 0.8]


def test_json_says_of_a_run_whose_trainer_was_killed_that_it_died(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "runs" / "run", two_epochs()[:-1])
    for now_wall, status in ((WALL + 10, "running"), (WALL + 3600, "died")):
        run = json.loads(write_json(gather(folder, now_wall), tmp_path / "run.json").read_bytes())["run"]
        assert run["status"] == status
        assert (run["reason"] is None) == (status == "running")


def test_a_run_without_manifest_is_exported_with_a_word_about_it(tmp_path: Path) -> None:
    data = gather(make_run(tmp_path / "runs" / "run", two_epochs(), manifest=False))
    assert "run.json" in data.warnings[0]
    assert json.loads(write_json(data, tmp_path / "run.json").read_bytes())["run"]["recipe"] == "c10-lenet"


def test_a_run_whose_start_is_lost_names_its_classes_by_number(tmp_path: Path) -> None:
    data = gather(make_run(tmp_path / "runs" / "run", two_epochs()[1:], manifest=False))
    assert data.classes == ["0", "1", "2"]
    assert len(_rows(write_csv(data, tmp_path)[2])) == 6
    with pytest.raises(StorageError, match="does not tell how it began"):
        data.started()


def test_a_run_that_failed_before_it_had_begun_says_why(tmp_path: Path) -> None:
    ended = ev.RunEnded(status="failed", step=0, epoch=0, reason="no network", exit_code=5)
    with pytest.raises(StorageError, match="run run failed before it had begun: no network"):
        gather(make_run(tmp_path / "runs" / "run", [ended])).started()


@pytest.mark.parametrize("content", [b"", b"not a log\n", None], ids=["empty", "foreign", "missing"])
def test_a_log_without_events_is_named(tmp_path: Path, content: bytes | None) -> None:
    folder = make_run(tmp_path / "runs" / "run", [])
    if content is None:
        folder.events_file.unlink()
    else:
        folder.events_file.write_bytes(content)
    with pytest.raises(StorageError, match=r"no events in .*events\.jsonl$"):
        gather(folder)


def test_a_confusion_matrix_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "runs" / "run", [started(), epoch_ended(1, [[1, 0], [0, 1]])])
    with pytest.raises(StorageError, match="another size"):
        gather(folder)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "batches.csv"
    target.write_text("old")

    def fail() -> None:
        with replacing(target) as file:
            file.write(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    data = gather(make_run(tmp_path / "runs" / "run", two_epochs()))
    with pytest.raises(StorageError, match=r"cannot write .*/out/.*: Not a directory; --output names another place"):
        write_csv(data, tmp_path / "file" / "out")


def test_a_run_that_has_kept_no_images_or_no_predictions_says_so(tmp_path: Path) -> None:
    events = two_epochs()
    events[0] = msgspec.structs.replace(started(), image_fingerprint=None)
    with pytest.raises(StorageError, match="no images"):
        read_answers(gather(make_run(tmp_path / "runs" / "run", events)))
    epoch = epoch_ended(3, CONFUSIONS[1])
    silent = msgspec.structs.replace(epoch.validation, predictions=None)
    events.insert(-1, msgspec.structs.replace(epoch, validation=silent))
    with pytest.raises(StorageError, match="no predictions"):
        read_answers(gather(make_run(tmp_path / "runs" / "other", events)))


def test_settings_are_flat_and_short() -> None:
    config = {"a": {"b": None, "c": [{"type": "flip", "p": 0.5}, {"type": "crop"}]}, "d": 1e-4, "e": True, "f": {}}
    assert flat_settings(config) == [
        ("a.b", "none"),
        ("a.c", "flip(p=0.5), crop"),
        ("d", 1e-4),
        ("e", True),
        ("f", "none"),
    ]
    assert math.isnan(dict(flat_settings({"x": math.nan}))["x"])


@pytest.mark.parametrize(
    ("recipe", "told", "left_out"),
    [
        ("c10-lenet", {"optimizer.betas", "optimizer.eps"}, {"optimizer.momentum", "optimizer.sgd_momentum"}),
        ("c100-resnet26-sgd", {"optimizer.momentum", "optimizer.nesterov"}, {"optimizer.eps", "data.low_part"}),
        ("c10-cpu", {"optimizer.momentum", "optimizer.bias_lr", "data.low_part"}, {"optimizer.betas"}),
    ],
)
def test_settings_that_nothing_reads_are_left_out(recipe: str, told: set[str], left_out: set[str]) -> None:
    settings = dict(flat_settings(msgspec.to_builtins(RECIPES[recipe].config)))
    assert told <= settings.keys()
    assert not left_out & settings.keys()


def test_what_is_off_goes_without_saying_within_a_value_and_lists_are_told_apart() -> None:
    assert in_words({"type": "affine", "degrees": 0.0, "shear": 10.0, "scale": [0.8, 1.2], "fill": None}) == (
        "affine(shear=10, scale=[0.8, 1.2])"
    )
    assert in_words({"type": "constant"}) == "constant"
    assert (
        in_words({"type": "pad", "mode": "reflect", "fill": [], "late": False, "seed": 0})
        == "pad(mode=reflect, seed=0)"
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [([], "none"), ([True, False], "yes, no"), ({"width": 8, "depth": 2}, "width=8, depth=2")],
    ids=str,
)
def test_a_setting_without_a_name_of_its_own_is_in_words_too(value: object, words: str) -> None:
    assert in_words(value) == words
