"""`folder:PATH`: layouts, odd images, and what is said when something is wrong."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.config import DataConfig
from core.data.dataset import load_dataset
from core.data.folder import load_folder
from core.errors import DataError

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def ignore(line: str) -> None:
    """A report that nobody reads."""


def paint(path: Path, colour: tuple[int, int, int] = RED, size: tuple[int, int] = (8, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def paint_many(folder: Path, count: int, colour: tuple[int, int, int] = RED) -> None:
    for number in range(count):
        paint(folder / f"{number}.png", colour)


@pytest.fixture
def two_classes(tmp_path: Path) -> Path:
    paint_many(tmp_path / "set" / "cat", 20, RED)
    paint_many(tmp_path / "set" / "dog", 5, BLUE)
    return tmp_path / "set"


def test_a_tenth_of_every_class_is_held_out_of_plain_class_folders(two_classes: Path) -> None:
    classes, (images, labels), (held_out, held_out_labels) = load_folder(two_classes, 16, ignore)
    assert classes == ("cat", "dog")
    assert images.shape == (22, 3, 16, 16)
    assert images.dtype == torch.uint8
    assert labels.bincount().tolist() == [18, 4]
    assert held_out_labels.bincount().tolist() == [2, 1]
    assert images[labels == 1].float().mean((0, 2, 3)).tolist() == [0, 0, 200]
    assert held_out[held_out_labels == 0].float().mean((0, 2, 3)).tolist() == [200, 0, 0]


def test_held_out_images_are_the_same_every_time_and_never_trained_on(tmp_path: Path) -> None:
    for number in range(40):
        paint(tmp_path / ("a" if number < 20 else "b") / f"{number}.png", (number, 0, 0))
    first = load_folder(tmp_path, 4, ignore)
    again = load_folder(tmp_path, 4, ignore)
    train, held_out = (set(part[0][:, 0, 0, 0].tolist()) for part in first[1:])
    assert train | held_out == set(range(40))
    assert not train & held_out
    assert torch.equal(first[2][0], again[2][0])


@pytest.mark.parametrize("name", ["test", "val", "valid", "validation", "Test"])
def test_validation_images_lie_beside_the_training_images(tmp_path: Path, name: str) -> None:
    for part, count in (("Train" if name == "Test" else "train", 3), (name, 2)):
        paint_many(tmp_path / part / "x", count, RED)
        paint_many(tmp_path / part / "y", count, GREEN)
    classes, train, validation = load_folder(tmp_path, 8, ignore)
    assert classes == ("x", "y")
    assert (len(train[1]), len(validation[1])) == (6, 4)
    _, train, validation = load_folder(tmp_path, 8, ignore, hold_out=True)
    assert (len(train[1]), len(validation[1])) == (4, 2)


def test_a_class_called_train_is_no_training_part(tmp_path: Path) -> None:
    for name in ("train", "car"):
        paint_many(tmp_path / name, 2)
    assert load_folder(tmp_path, 8, ignore)[0] == ("car", "train")


def test_classes_are_in_natural_order(tmp_path: Path) -> None:
    for name in ("class10", "class2", "b", "class1", "12", "9"):
        paint_many(tmp_path / name, 2)
    assert load_folder(tmp_path, 8, ignore)[0] == ("9", "12", "b", "class1", "class2", "class10")


def test_what_is_no_image_is_passed_over(two_classes: Path) -> None:
    (two_classes / "README.md").write_text("about")
    (two_classes / "cat" / "notes.txt").write_text("about")
    (two_classes / "cat" / "._0.png").write_text("left by a Mac")
    (two_classes / "cat" / "gone.png").symlink_to(two_classes / "nowhere.png")
    (two_classes / ".git").mkdir()
    (two_classes / "__MACOSX").mkdir()
    for passed_over in (".cache", "__MACOSX"):
        paint(two_classes / "cat" / passed_over / "deep" / "old.png")
    paint(two_classes / "cat" / "more" / "deep.PNG")
    (two_classes / "cat" / "more" / "up").symlink_to(two_classes / "cat", target_is_directory=True)
    _, train, validation = load_folder(two_classes, 8, ignore)
    assert len(train[1]) + len(validation[1]) == 26


def test_class_folders_may_be_links(two_classes: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "linked" / name).symlink_to(two_classes / name, target_is_directory=True)
    assert load_folder(tmp_path / "linked", 8, ignore)[0] == ("cat", "dog")


def stripes(width: int, height: int) -> Image.Image:
    """Red, green and blue thirds along the longer side."""
    thirds = np.array([RED, GREEN, BLUE], dtype=np.uint8)
    along = thirds[np.arange(max(width, height)) * 3 // max(width, height)]
    pixels = np.broadcast_to(along, (min(width, height), *along.shape)).copy()
    return Image.fromarray(pixels if width > height else pixels.transpose(1, 0, 2).copy())


@pytest.mark.parametrize(("width", "height"), [(300, 100), (100, 300), (30, 10)], ids=["wide", "tall", "small"])
def test_images_are_scaled_and_cropped_about_the_centre(tmp_path: Path, width: int, height: int) -> None:
    paint_many(tmp_path / "other", 2)
    for number in range(2):
        (tmp_path / "striped").mkdir(exist_ok=True)
        stripes(width, height).save(tmp_path / "striped" / f"{number}.png")
    _, (images, labels), _ = load_folder(tmp_path, 20, ignore)
    middle = images[labels == 1][0, :, 2:-2, 2:-2].float().mean((1, 2)).tolist()
    assert middle == pytest.approx(GREEN, abs=1)


def test_images_are_turned_as_their_exif_orientation_says(tmp_path: Path) -> None:
    paint_many(tmp_path / "other", 2)
    halves = np.zeros((64, 64, 3), dtype=np.uint8)
    halves[:32] = 255  # the upper half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: what was up is right
    (tmp_path / "turned").mkdir()
    for number in range(2):
        Image.fromarray(halves).save(tmp_path / "turned" / f"{number}.jpg", exif=exif, quality=95)
    _, (images, labels), _ = load_folder(tmp_path, 16, ignore)
    image = images[labels == 1][0].float()
    assert image[:, :, 9:].mean() > 240
    assert image[:, :, :7].mean() < 15


def test_large_jpegs_keep_their_colours(tmp_path: Path) -> None:
    for name, colour in (("green", GREEN), ("red", RED)):
        for number in range(2):
            paint(tmp_path / name / f"{number}.jpg", colour, (300, 200))
    _, (images, labels), _ = load_folder(tmp_path, 16, ignore)
    assert images[labels == 0].float().mean((0, 2, 3)).tolist() == pytest.approx(GREEN, abs=3)


def save_16_bit(path: Path) -> None:
    Image.fromarray(np.full((8, 8), 128 * 256, dtype=np.uint16)).save(path)


def save_10_bit_pgm(path: Path) -> None:
    values = np.full((8, 8), 512, dtype=">u2")
    path.with_suffix(".pgm").write_bytes(b"P5 8 8 1023\n" + values.tobytes())


def save_transparent(path: Path) -> None:
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(path)


def save_palette(path: Path) -> None:
    Image.new("RGB", (8, 8), GREEN).quantize(4).save(path, transparency=b"\xff\xff")


def save_grey(path: Path) -> None:
    Image.new("L", (8, 8), 77).save(path)


@pytest.mark.parametrize(
    ("save", "colour"),
    [
        (save_16_bit, (128,) * 3),
        (save_10_bit_pgm, (128,) * 3),
        (save_transparent, (255,) * 3),
        (save_palette, GREEN),
        (save_grey, (77,) * 3),
    ],
    ids=["16 bits", "10 bits of a PGM", "transparent, on white", "palette", "grey"],
)
def test_images_of_any_mode_become_rgb(
    tmp_path: Path, save: Callable[[Path], None], colour: tuple[int, int, int]
) -> None:
    paint_many(tmp_path / "other", 2)
    (tmp_path / "special").mkdir()
    for number in range(2):
        save(tmp_path / "special" / f"{number}.png")
    _, (images, labels), _ = load_folder(tmp_path, 8, ignore)
    assert images[labels == 1][0].float().mean((1, 2)).tolist() == list(colour)


def break_path(root: Path) -> Path:
    return root / "missing"


def break_all_classes(root: Path) -> Path:
    (root / "empty").mkdir()
    return root / "empty"


def break_other_class(root: Path) -> Path:
    paint_many(root / "single" / "only", 2)
    return root / "single"


def break_a_class(root: Path) -> Path:
    (root / "set" / "eel").mkdir()
    return root / "set"


def break_an_image(root: Path) -> Path:
    target = root / "set" / "dog" / "3.png"
    target.write_bytes(target.read_bytes()[:-30])
    return root / "set"


def break_a_small_class(root: Path) -> Path:
    paint(root / "set" / "eel" / "1.png")
    return root / "set"


def break_validation(root: Path) -> Path:
    for part, names in (("train", "ab"), ("test", "a")):
        for name in names:
            paint_many(root / "parts" / part / name, 2)
    return root / "parts"


def break_validation_with_another(root: Path) -> Path:
    for part, names in (("train", "ab"), ("test", "abc")):
        for name in names:
            paint_many(root / "parts" / part / name, 2)
    return root / "parts"


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (break_path, "missing is not a folder"),
        (break_all_classes, "empty holds no folders of images"),
        (break_other_class, 'single holds only one class, "only"'),
        (break_a_class, "set/eel holds no images"),
        (break_an_image, "set/dog/3.png cannot be read as an image"),
        (break_a_small_class, "set/eel holds one image"),
        (break_validation, 'parts/test lacks the class "b"'),
        (break_validation_with_another, 'parts/test has the class "c"'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named(
    two_classes: Path, tmp_path: Path, break_it: Callable[[Path], Path], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        load_folder(break_it(tmp_path), 8, ignore)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)  # what is wrong; what to do


def test_all_images_that_cannot_be_read_are_told_of_at_once(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in "ab":
            paint_many(tmp_path / part / name, 2)
            (tmp_path / part / name / "bad.jpg").write_text("about")
    with pytest.raises(DataError) as caught:
        load_folder(tmp_path, 8, ignore)
    why = "bad.jpg cannot be read as an image (it is empty or of a format that is not known)"
    named = ", ".join(f"{tmp_path}/{place}/{why}" for place in ("train/a", "train/b", "test/a"))
    assert str(caught.value) == f"{named} and 1 more; replace or delete them."


def test_a_folder_that_is_not_there_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"^{tmp_path}/pictures is not a folder"):
        load_folder(Path("pictures"), 8, ignore)


@pytest.mark.parametrize(("tick_seconds", "counts"), [(1.0, [*range(15, 22)]), (0.0, [1])])
def test_progress_is_reported_about_twenty_times_where_reading_takes_long(
    tick_seconds: float, counts: list[int], two_classes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    paint_many(two_classes / "owl", 75)
    monkeypatch.setattr("core.data.folder.time.monotonic", itertools.count(0.0, tick_seconds).__next__)
    load_folder(two_classes, 8, lines.append)
    assert len(lines) in counts
    assert lines[-1] == "read 100 of 100 images"


def test_the_name_of_a_data_set_may_be_a_folder(two_classes: Path) -> None:
    config = DataConfig(dataset=f"folder:{two_classes}", image_size=24)
    dataset = load_dataset(config, report=ignore)
    assert (dataset.classes, dataset.superclasses) == (("cat", "dog"), ())
    assert dataset.train.images.shape == (22, 3, 24, 24)
    default = load_dataset(DataConfig(dataset=f"folder:{two_classes}", validation="holdout"), report=ignore)
    assert default.validation.images.shape == (3, 3, 32, 32)
