"""What holds for every test."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

# Threads of PyTorch that wait by spinning would take the time of everything that runs beside the tests. It has to be
# said before PyTorch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# As many tests as cores run side by side: with a thread each they take less of the cores in all.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import HealthCheck, settings

from core.data import shapes
from tests.training import image_folder

# No deadline: a test that fails because the machine was busy says nothing.
settings.register_profile(
    "tests", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("tests")

# Under nohup it is ignored, and so it would be in every program that a test starts, as if in a terminal of its own.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def shapes_are_drawn_once() -> Iterator[None]:
    """In each process: it takes two cores a second, and a hundred tests train on them."""
    drawn = functools.cache(shapes.render_shapes)

    def copies(part: str) -> tuple[torch.Tensor, ...]:
        return tuple(tensor.clone() for tensor in drawn(part))

    with mock.patch("core.data.shapes.render_shapes", copies):
        yield


@pytest.fixture(autouse=True, scope="session")
def the_environment_holds_no_settings() -> Iterator[None]:
    """Those of whoever runs the tests would override what a test sets. Modules read before where the real data lie."""
    with mock.patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("CIFAR_TUI_")]:
            del os.environ[name]
        yield


@pytest.fixture(autouse=True)
def random_numbers_are_a_test_s_own() -> None:
    """They do not depend on the tests that the process ran before."""
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder of images to train on; see `tests.training.image_folder`."""
    return image_folder(tmp_path_factory.mktemp("images"))
