"""`folder:PATH`: anybody's images, one folder a class, read into a data set like the others.

Two layouts: `PATH/train/<class>/…` with the validation images beside it in `test`, `val`, `valid` or `validation`,
in upper case or lower, or `PATH/<class>/…` alone, of which a tenth is held out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from core.data.class_folders import check_folder, class_folders
from core.errors import DataError
from core.paths import open_plain

_EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
_VALIDATION_NAMES = ("test", "val", "valid", "validation")
_HOLDOUT_SEED = 20_090_408
_NUM_REPORTS = 20
_REPORT_SECONDS = 0.5
_NUM_NAMED = 3

Part = tuple[Tensor, Tensor]
"""Images uint8 N×3×S×S and labels int64 N."""
Files = list[list[Path]]
"""The files of each class."""


def load_folder(
    path: Path, side: int, report: Callable[[str], None], *, hold_out: bool = False
) -> tuple[tuple[str, ...], Part, Part]:
    """Classes (in natural order: 2 before 10), training and validation images of `path`.

    Images of any size and mode become RGB of `side`×`side` pixels: turned as their EXIF orientation says, the shorter
    side scaled, the longer cropped about the centre. Hidden files and files that are no images by their name are passed
    over; folders within a class belong to it.

    Args:
        path: the folder.
        side: pixels.
        report: called with a line of progress, twice a second at most and about twenty times, and at the end.
        hold_out: validate on a tenth of the training images of each class even if there is a validation part.

    Raises:
        DataError: no such folder, no classes or only one, a class without images, or images that cannot be read: the
            message names some and counts them all.
    """
    check_folder(path)
    train_root, validation_root = _layout(path)
    folders = class_folders(train_root)
    if len(folders) < 2:
        only = folders[0].name
        raise DataError(
            f'{train_root} holds only one class, "{only}"; put the images of each class into a folder of its own there.'
        )
    classes = tuple(folder.name for folder in folders)
    train = [_images_of(folder) for folder in folders]
    if hold_out or validation_root is None:
        train, validation = _hold_out_tenth(train, folders)
    else:
        validation = _validation_files(validation_root, classes)
    total = sum(map(len, train + validation))
    progress, unreadable = _Progress(total, report), list[DataError]()
    parts = _read(train, side, progress, unreadable), _read(validation, side, progress, unreadable)
    if unreadable:
        named = ", ".join(map(str, unreadable[:_NUM_NAMED]))
        others = f" and {len(unreadable) - _NUM_NAMED:,} more" if len(unreadable) > _NUM_NAMED else ""
        raise DataError(f"{named}{others}; replace or delete {'them' if len(unreadable) > 1 else 'it'}.")
    return classes, *parts


def _layout(path: Path) -> tuple[Path, Path | None]:
    parts = {folder.name.lower(): folder for folder in class_folders(path)}
    # A folder called "train" may be a class as well, the vehicle: then it holds images, not folders.
    if "train" not in parts or not class_folders(parts["train"]):
        return path, None
    return parts["train"], next((parts[name] for name in _VALIDATION_NAMES if name in parts), None)


def _images_of(folder: Path) -> list[Path]:
    files: list[Path] = []
    # Links to files and to class folders are followed; links to folders further down are not, they may run in circles.
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        files += [Path(parent, name) for name in names if _is_image_name(name)]
    files = sorted(file for file in files if os.path.isfile(file))  # a link may lead nowhere
    if not files:
        raise DataError(f"{folder} holds no images; put some there, or remove the folder if it is no class.")
    return files


def _refuse(error: OSError) -> None:
    """What cannot be entered may hold images: without a word they would be missing from the class."""
    raise DataError(f"{error.filename} cannot be read: {error.strerror}.") from error


def _is_image_name(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in _EXTENSIONS


def _validation_files(root: Path, classes: tuple[str, ...]) -> Files:
    extra = [folder.name for folder in class_folders(root) if folder.name not in classes]
    if extra:
        raise DataError(f'{root} has the class "{extra[0]}", which the training images lack; remove or rename it.')
    for name in classes:
        if not os.path.isdir(root / name):
            raise DataError(f'{root} lacks the class "{name}" of the training images; put images of it there.')
    return [_images_of(root / name) for name in classes]


def _hold_out_tenth(files: Files, folders: Sequence[Path]) -> tuple[Files, Files]:
    """A tenth of every class, at least one image; the same for every seed of a run."""
    train, validation = [], []
    for members, folder in zip(files, folders, strict=True):
        if len(members) < 2:
            raise DataError(f"{folder} holds one image, but training and validation need one each; add images.")
        count = max(1, len(members) // 10)
        order = np.random.RandomState(_HOLDOUT_SEED).permutation(len(members))  # frozen by NEP 19
        train.append([members[index] for index in sorted(order[:-count])])
        validation.append([members[index] for index in sorted(order[-count:])])
    return train, validation


class _Progress:
    def __init__(self, total: int, report: Callable[[str], None]) -> None:
        self._total, self._report, self._done = total, report, 0
        self._reported = time.monotonic()

    def advance(self) -> None:
        self._done += 1
        is_due = self._done % -(-self._total // _NUM_REPORTS) == 0
        if self._done == self._total or (is_due and time.monotonic() >= self._reported + _REPORT_SECONDS):
            self._report(f"read {self._done:,} of {self._total:,} images")
            self._reported = time.monotonic()


def _read(files: Files, side: int, progress: _Progress, unreadable: list[DataError]) -> Part:
    paths = [path for members in files for path in members]
    labels = torch.repeat_interleave(torch.tensor([len(members) for members in files]))
    images = torch.empty((len(paths), 3, side, side), dtype=torch.uint8)
    # Pillow decodes and scales without the interpreter lock; more threads than this wait for the disk.
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for index, pixels in enumerate(pool.map(lambda path: read_image(path, side), paths)):
            if isinstance(pixels, DataError):
                unreadable.append(pixels)
            else:
                images[index] = torch.from_numpy(pixels).permute(2, 0, 1)
            progress.advance()
    return images, labels


def read_image(path: Path, side: int) -> npt.NDArray[np.uint8] | DataError:
    """An image file as uint8 side×side×3, made so as `load_folder` says; or why it cannot be, without a full stop."""
    try:
        with open_plain(path) as file, Image.open(file) as image:
            image.draft("RGB", (2 * side, 2 * side))  # lets a JPEG be decoded at a fraction of its size
            # Pillow makes 0 to 65535 of any PGM of more than 8 bits.
            is_16_bit = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")
            upright = _to_rgb(ImageOps.exif_transpose(image), is_16_bit)
            fitted = ImageOps.fit(upright, (side, side), Image.Resampling.BILINEAR)
    except (FileNotFoundError, NotADirectoryError):
        return DataError(f"{path} does not exist; check its name")
    except IsADirectoryError:
        return DataError(f"{path} is a folder; name the images in it")
    except UnidentifiedImageError:  # its text is the path once more
        return DataError(f"{path} cannot be read as an image (it is empty or of a format that is not known)")
    except Exception as error:  # noqa: BLE001 - of a damaged file Pillow raises anything
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        return DataError(f"{path} cannot be read as an image ({reason})")
    return np.array(fitted)


def _to_rgb(image: Image.Image, is_16_bit: bool) -> Image.Image:
    if is_16_bit:  # Pillow would cut them off at 255 and show white
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:  # on white, as a page shows it
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")
