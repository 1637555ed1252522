"""Mean and standard deviation of the channels of images, exactly and of any number of images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.pipeline import channel_statistics


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.sampled_from([1, 3]), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_channel_statistics_are_those_of_numpy_in_float64(count: int, channels: int, side: int, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (count, channels, side, side), dtype=np.uint8)
    mean, std = channel_statistics(torch.from_numpy(images))
    unit = images.astype(np.float64) / 255
    assert mean == pytest.approx(unit.mean((0, 2, 3)), abs=1e-12)
    assert std == pytest.approx(np.maximum(unit.std((0, 2, 3)), 1 / 255), abs=1e-9)


def test_channel_statistics_cover_the_images_of_all_chunks() -> None:
    images = torch.zeros((2001, 1, 2, 2), dtype=torch.uint8)
    images[2000] = 255
    assert channel_statistics(images)[0] == (pytest.approx(1 / 2001),)


def test_a_channel_without_contrast_is_not_divided_by_zero() -> None:
    assert channel_statistics(torch.full((3, 1, 2, 2), 7, dtype=torch.uint8))[1] == (pytest.approx(1 / 255),)
