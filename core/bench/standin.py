"""Random images in the place of a data set that is not on this machine: a step takes as long with any pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from core.config import TrainConfig
from core.data.catalog import DATASETS, data_dir, is_on_disk

_NUM_TRAIN, _NUM_TEST = 10_000, 2_000


def is_missing(config: TrainConfig) -> bool:
    """Whether the data set would have to be downloaded first."""
    return config.data.dataset in DATASETS and not is_on_disk(config.data.dataset, data_dir(config.data.dir))


def with_random_images(config: TrainConfig, folder: Path) -> TrainConfig:
    """`config` on random images of as many classes and as large as its data set's, written into `folder`.

    They are in colour, whatever the data set's are.
    """
    info = DATASETS[config.data.dataset]
    _, height, width = info.image_shape
    random = np.random.default_rng(0)
    header = f"P6 {width} {height} 255\n".encode()  # of a PPM file: nothing has to be compressed
    for part, count in (("train", _NUM_TRAIN), ("test", _NUM_TEST)):
        for index in range(count):
            path = folder / part / f"{index % len(info.classes):03}" / f"{index}.ppm"
            if index < len(info.classes):
                path.parent.mkdir(parents=True)
            path.write_bytes(header + random.bytes(3 * height * width))
    tree: dict[str, Any] = msgspec.to_builtins(config)
    tree["data"] |= {"dataset": f"folder:{folder}", "image_size": height, "normalize": "train"}
    return msgspec.convert(tree, TrainConfig)
