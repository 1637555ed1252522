"""The worst mistakes of a run: images the network was surest of and wrong about."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.predictions import Images, Predictions


@dataclass(frozen=True)
class Mistake:
    """A validation image that was taken for something else."""

    index: int
    """In the validation set."""
    actual: str
    predicted: str
    confidence: float
    """Softmax probability of the predicted class."""
    data_url: str
    """The image as PNG in a data: URL."""


def worst_mistakes(images: Images, said: Predictions, classes: list[str], limit: int) -> tuple[list[Mistake], int]:
    """The `limit` wrong answers of the highest confidence, and how many wrong ones there are."""
    wrong = np.flatnonzero(said.predicted != images.labels)
    confidence = np.nan_to_num(said.confidence[wrong], nan=-1.0)
    worst = wrong[np.argsort(-confidence, kind="stable")[:limit]]
    mistakes = [
        Mistake(
            index=index,
            actual=classes[images.labels[index]],
            predicted=classes[said.predicted[index]],
            confidence=float(said.confidence[index]),
            data_url=data_url(np.asarray(images.pixels[index])),
        )
        for index in worst.tolist()
    ]
    return mistakes, len(wrong)


def data_url(pixels: NDArray[np.uint8]) -> str:
    """An image (uint8 H×W×C with one or three channels) as a PNG in a data: URL."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
