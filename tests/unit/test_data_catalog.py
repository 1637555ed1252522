"""Names, classes and places of the data sets."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.data.catalog import DATASETS, check_dataset_name, data_dir, short_name
from core.errors import UsageError


@pytest.mark.parametrize("name", [*DATASETS, "folder:/some/where", "folder:relative"])
def test_known_names_are_accepted(name: str) -> None:
    check_dataset_name(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("cifar-10", 'Did you mean "cifar10"?'), ("CIFAR10", 'Did you mean "cifar10"?'),
     ("minst", 'Did you mean "mnist"?'), ("folder:", "lacks its path")],
)  # fmt: skip
def test_other_names_are_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_dataset_name(name)
    assert hint in str(caught.value)


def test_a_folder_without_its_prefix_is_told_how_it_is_spelt(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(f'Did you mean "folder:{tmp_path}"?')):
        check_dataset_name(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "short"),
    [("cifar10", "cifar10"), ("folder:/home/me/pets", "folder:pets"), ("folder:pets", "folder:pets"),
     ("folder:/", "folder:/"), ("folder:", "folder:")],
)  # fmt: skip
def test_of_a_folder_the_last_part_says_which(name: str, short: str) -> None:
    assert short_name(name) == short


@pytest.mark.parametrize("info", DATASETS.values(), ids=DATASETS)
def test_superclasses_fit_the_classes(info: object) -> None:
    dataset = DATASETS[info.name]  # type: ignore[attr-defined]
    assert len(set(dataset.classes)) == len(dataset.classes)
    assert len(dataset.superclass_of) == (len(dataset.classes) if dataset.superclasses else 0)
    assert set(dataset.superclass_of) == set(range(len(dataset.superclasses)))


def test_cifar100_has_five_classes_in_each_of_its_twenty_superclasses() -> None:
    info = DATASETS["cifar100"]
    assert len(info.classes) == 100
    assert len(info.superclasses) == 20
    assert all(info.superclass_of.count(index) == 5 for index in range(20))
    assert info.superclasses[info.superclass_of[info.classes.index("maple_tree")]] == "trees"
    assert DATASETS["cifar100-coarse"].classes == info.superclasses


def test_data_lie_in_the_directory_given_or_in_the_user_s_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert data_dir("~/sets") == Path("/home/somebody/sets")
    assert data_dir(None).parts[-2:] == ("cifar-tui", "data")


def test_catalogue_loads_without_pytorch() -> None:
    program = "import core.data.catalog, sys; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
