"""The data sets that have a name: classes, sizes, and where their files are kept. Imports no PyTorch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from core.errors import UsageError, nearest
from core.paths import expanded

FOLDER_PREFIX = "folder:"


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before any file is opened."""

    name: str
    classes: tuple[str, ...]
    """In the official label order."""
    superclasses: tuple[str, ...]
    """Empty where there are none."""
    superclass_of: tuple[int, ...]
    """For each class the index of its superclass; empty where there are none."""
    image_shape: tuple[int, int, int]
    """Channels, height, width."""
    num_train: int
    num_test: int


_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# Each superclass with its five classes. The official fine labels are the alphabetical order of all hundred names and
# the official coarse labels that of the twenty, so both label orders follow from this table.
_CIFAR100 = {
    "aquatic_mammals": ("beaver", "dolphin", "otter", "seal", "whale"),
    "fish": ("aquarium_fish", "flatfish", "ray", "shark", "trout"),
    "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
    "food_containers": ("bottle", "bowl", "can", "cup", "plate"),
    "fruit_and_vegetables": ("apple", "mushroom", "orange", "pear", "sweet_pepper"),
    "household_electrical_devices": ("clock", "keyboard", "lamp", "telephone", "television"),
    "household_furniture": ("bed", "chair", "couch", "table", "wardrobe"),
    "insects": ("bee", "beetle", "butterfly", "caterpillar", "cockroach"),
    "large_carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
    "large_man-made_outdoor_things": ("bridge", "castle", "house", "road", "skyscraper"),
    "large_natural_outdoor_scenes": ("cloud", "forest", "mountain", "plain", "sea"),
    "large_omnivores_and_herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
    "medium_mammals": ("fox", "porcupine", "possum", "raccoon", "skunk"),
    "non-insect_invertebrates": ("crab", "lobster", "snail", "spider", "worm"),
    "people": ("baby", "boy", "girl", "man", "woman"),
    "reptiles": ("crocodile", "dinosaur", "lizard", "snake", "turtle"),
    "small_mammals": ("hamster", "mouse", "rabbit", "shrew", "squirrel"),
    "trees": ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
    "vehicles_1": ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
    "vehicles_2": ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
}
_COARSE = tuple(_CIFAR100)
_SUPERCLASS_OF_NAME = {fine: index for index, members in enumerate(_CIFAR100.values()) for fine in members}
_FINE = tuple(sorted(_SUPERCLASS_OF_NAME))

_FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
_SHAPES = ("circle", "ellipse", "square", "rectangle", "triangle", "pentagon", "hexagon", "star", "cross", "ring")

DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo("cifar10", _CIFAR10, (), (), (3, 32, 32), 50_000, 10_000),
        DatasetInfo(
            "cifar100",
            _FINE,
            _COARSE,
            tuple(_SUPERCLASS_OF_NAME[fine] for fine in _FINE),
            (3, 32, 32),
            50_000,
            10_000,
        ),
        DatasetInfo("cifar100-coarse", _COARSE, (), (), (3, 32, 32), 50_000, 10_000),
        DatasetInfo("mnist", tuple("0123456789"), (), (), (1, 28, 28), 60_000, 10_000),
        DatasetInfo("fashion-mnist", _FASHION, (), (), (1, 28, 28), 60_000, 10_000),
        DatasetInfo("shapes", _SHAPES, (), (), (3, 32, 32), 10_000, 2_000),
    )
}

_FOLDERS = {
    "cifar10": "cifar-10-batches-py",
    "cifar100": "cifar-100-python",
    "cifar100-coarse": "cifar-100-python",
    "mnist": "MNIST/raw",
    "fashion-mnist": "FashionMNIST/raw",
}
"""Where torchvision unpacks the official files, below the data directory."""


def short_name(dataset: str) -> str:
    """For where there is little room: `folder:pets` of `folder:/home/me/pets`."""
    if not dataset.startswith(FOLDER_PREFIX):
        return dataset
    path = dataset.removeprefix(FOLDER_PREFIX)
    return f"{FOLDER_PREFIX}{Path(path).name or path}"


def data_dir(dir: str | None) -> Path:
    """The folder in which data sets are kept: `dir` with `~` expanded, or the user's cache directory.

    Raises:
        UsageError: it begins with the home of nobody.
    """
    return expanded(dir) if dir is not None else user_cache_path("cifar-tui") / "data"


def is_on_disk(name: str, root: Path) -> bool:
    """Whether a data set of `DATASETS` needs no download: it is embedded, or its folder lies below `root`."""
    return name not in _FOLDERS or os.path.isdir(root / _FOLDERS[name])


def check_dataset_name(name: str) -> None:
    """Accept a name of `DATASETS` or `folder:PATH`.

    Raises:
        UsageError: anything else; the message holds the nearest known name, or how a folder that is there is spelt.
    """
    if name in DATASETS:
        return
    if name.startswith(FOLDER_PREFIX):
        if name == FOLDER_PREFIX:
            raise UsageError('Data set "folder:" lacks its path; write folder:PATH.')
        return
    hint = f' Did you mean "{FOLDER_PREFIX}{name}"?' if os.path.isdir(name) else nearest(name, DATASETS)
    raise UsageError(f'Unknown data set "{name}".{hint} Known: {", ".join(DATASETS)}, folder:PATH.')
