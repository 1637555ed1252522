"""The report's tables as plain values: every number is known."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from core import events as ev
from core.export.gather import RunData, gather
from core.export.report_tables import (
    class_rows,
    confused_pairs,
    events_told,
    key_figures,
    layer_rows,
    setting_groups,
)
from tests.export_runs import CONFIG, CONFUSIONS, WALL, batches, epoch_ended, make_run, started, two_epochs

OWL = '<b>owl</b>, "x"\n\''


@pytest.fixture
def data(tmp_path: Path) -> RunData:
    return gather(make_run(tmp_path / "run", two_epochs()))


def finished(path: Path, *between: ev.Event, **of_start: object) -> RunData:
    """An epoch and its end, and what else happened."""
    begun = msgspec.structs.replace(started(), **of_start)
    ended = ev.RunEnded(status="finished", step=4, epoch=1, reason="all epochs are done")
    return gather(make_run(path, [begun, batches(1, [4, 3, 2, 1]), epoch_ended(1, CONFUSIONS[1]), *between, ended]))


def test_the_figures_at_its_head(data: RunData) -> None:
    assert [(one.name, one.value, one.note) for one in key_figures(data)] == [
        ("Best validation top-1", "75.00%", "after epoch 2; +5.0 points against 70.00% published"),
        ("Last top-1", "75.00%", "after epoch 2"),
        ("Last validation loss", "0.625", "training 0.500"),
        ("Training accuracy", "60.00%", "−15.0 points to validation"),
        ("Time of training", "4.0 s", "20 images/s"),
        ("Parameters", "1,234", "lenet"),
    ]


def test_a_top5_and_nothing_published(tmp_path: Path) -> None:
    ended = epoch_ended(1, CONFUSIONS[1])
    ended = msgspec.structs.replace(ended, validation=msgspec.structs.replace(ended.validation, top5=0.9))
    begun = msgspec.structs.replace(started(), published=None)
    data = gather(make_run(tmp_path / "run", [begun, batches(1, [4, 3, 2, 1]), ended]))
    figures = {one.name: (one.value, one.note) for one in key_figures(data)}
    assert figures["Best validation top-1"] == ("75.00%", "after epoch 1")
    assert figures["Last top-5"][0] == "90.00%"
    assert [row.against_published for row in class_rows(data)] == pytest.approx([float("nan")] * 3, nan_ok=True)


def test_classes_and_what_they_are_taken_for(data: RunData) -> None:
    rows = class_rows(data)
    assert [(row.name, row.recall, row.precision, row.support) for row in rows] == [
        ("cat", 1.0, 0.8, 4),
        ("dog", 0.75, 0.6, 4),
        (OWL, 0.5, 1.0, 4),
    ]
    assert [row.f1 for row in rows] == pytest.approx([8 / 9, 2 / 3, 2 / 3])
    assert [(row.confused_with, row.confused_share) for row in rows] == [("", 0.0), ("cat", 0.25), ("dog", 0.5)]
    # From 75 to 100 %, from 100 to 75 % and from nothing to 50 %, all on one scale from 20 (nothing) to 2.
    assert ["M2.0 6.5L78.0 2.0" in rows[0].trend, "M2.0 2.0L78.0 6.5" in rows[1].trend] == [True, True]
    assert 'M2.0 20.0L78.0 11.0"/><circle cx="78.0" cy="11.0"' in rows[2].trend
    pairs = [(pair.actual, pair.predicted, pair.count, pair.share, pair.part) for pair in confused_pairs(data, 5)]
    assert pairs == [(OWL, "dog", 2, 0.5, 1.0), ("dog", "cat", 1, 0.25, 0.5)]


def test_superclasses_are_named_where_there_are_any(tmp_path: Path) -> None:
    data = gather(make_run(tmp_path / "run", two_epochs(superclasses=True)))
    assert [row.superclass for row in class_rows(data)] == ["even", "odd", "even"]


def test_settings_stand_under_their_part(tmp_path: Path) -> None:
    config = CONFIG | {"deterministic": True, "compile": False, "optimizer": {"lr": 0.00025}}
    groups = dict(setting_groups(finished(tmp_path / "run", config=config)))
    assert groups["run"] == [("recipe", "c10-lenet"), ("epochs", "3"), ("deterministic", "yes"), ("compile", "no")]
    assert groups["optimizer"] == [("lr", "0.00025")]
    assert groups["device"] == [
        ("name", "A processor"), ("PyTorch", "cpu"), ("why", "asked for"), ("precision", "float32")
    ]  # fmt: skip
    assert "versions" not in groups, "the manifest tells of none"


def test_where_a_run_was_trained_and_from_which_it_came(tmp_path: Path) -> None:
    data = gather(make_run(tmp_path / "run", two_epochs()))
    assert data.manifest is not None
    about = {"code_version": "1.2", "versions": {"torch": "2.10.0", "python": "3.11.7 (main)"}, "host": "node"}
    data.folder.write_manifest(msgspec.structs.replace(data.manifest, **about))
    assert dict(setting_groups(gather(data.folder)))["versions"] == [
        ("cifar-tui", "1.2"), ("torch", "2.10.0"), ("python", "3.11.7 (main)"), ("host", "node")
    ]  # fmt: skip


def test_layers(tmp_path: Path) -> None:
    conv = ev.Layer(
        name="a", kind="Conv2d", output_shape=(8, 4, 4), num_parameters=1216, flops=38_912, receptive_field=3
    )
    pool = ev.Layer(name="b", kind="AvgPool", output_shape=(8, 1, 1), num_parameters=0, flops=0, receptive_field=None)
    assert [tuple(row.values()) for row in layer_rows(finished(tmp_path / "run", layers=[conv, pool]))] == [
        ("a", "Conv2d", "8×4×4", "1,216", "0.04", "3"),
        ("b", "AvgPool", "8×1×1", "", "", "all"),
    ]


def test_what_happened_besides_training(tmp_path: Path) -> None:
    assert events_told(finished(tmp_path / "quiet", ev.Notice(level="info", text="by the way"))) == []
    warned = finished(tmp_path / "warned", ev.Notice(level="warning", text="the disk is slow"))
    assert events_told(warned) == [
        ("3.0 s", "warning: the disk is slow"), ("4.0 s", "finished: all epochs are done")
    ]  # fmt: skip
    died = gather(make_run(tmp_path / "died", two_epochs()[:3]), now_wall=WALL + 1e6)
    (told,) = events_told(died)
    assert told[1].startswith("died: ")


def test_a_run_that_has_ended_no_epoch_has_no_classes_to_show(tmp_path: Path) -> None:
    data = gather(make_run(tmp_path / "run", two_epochs()[:2]))
    assert (class_rows(data), confused_pairs(data, 5)) == ([], [])
