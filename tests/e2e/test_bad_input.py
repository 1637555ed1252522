"""Whatever cannot be used is told in one sentence, with what to do, and with the exit code of its kind."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.data.official import CIFAR10
from tests.e2e.cli import SHAPES, cifar_tui, only_run
from tests.training import image_folder

Prepare = Callable[[Path], list[str]]
"""Given a folder, puts things into it and returns the options that use them."""
Outcome = tuple[subprocess.CompletedProcess[str], list[str]]
"""A process that has ended, and the runs that it has left."""


def options(*arguments: str) -> Prepare:
    return lambda root: list(arguments)


def misspelt_config(root: Path) -> list[str]:
    (root / "run.toml").write_text("[optimizer]\nleraning_rate = 1\n")
    return [*SHAPES, "--config", str(root / "run.toml")]


def damaged_files(root: Path) -> list[str]:
    folder = root / "data" / CIFAR10.folder
    folder.mkdir(parents=True)
    for name in CIFAR10.train | CIFAR10.test:
        (folder / name).write_bytes(b"these are no images")
    return ["--no-ui", "-r", "c10-lenet", "--data-dir", str(root / "data")]


def no_files(root: Path) -> list[str]:
    return ["--no-ui", "-r", "c10-lenet", "--data-dir", str(root / "data")]


def data_below_a_file(root: Path) -> list[str]:
    (root / "taken").write_text("a file")
    return ["--no-ui", "-r", "c10-lenet", "--data-dir", str(root / "taken")]


def one_class(root: Path) -> list[str]:
    images = image_folder(root / "images")
    for name in ("noon", "dusk"):
        for part in ("train", "test"):
            (images / part / name).rename(root / f"{part}-{name}")
    return [*SHAPES, "--dataset", f"folder:{images}"]


def empty_folder(root: Path) -> list[str]:
    (root / "images").mkdir()
    return [*SHAPES, "--dataset", f"folder:{root / 'images'}"]


def broken_image(root: Path) -> list[str]:
    images = image_folder(root / "images")
    (images / "train" / "dawn" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return [*SHAPES, "--dataset", f"folder:{images}"]


def file_in_the_way(root: Path) -> list[str]:
    (root / "taken").write_text("a file")
    return [*SHAPES, "--runs-dir", str(root / "taken")]


def damaged_checkpoint(root: Path) -> list[str]:
    runs = root / "runs"
    done = cifar_tui(*SHAPES, "--dataset", f"folder:{image_folder(root / 'images')}", "--max-steps", "1", runs=runs)
    assert done.returncode == 0, done.stderr
    folder = only_run(runs)
    for state in folder.checkpoints.glob("*/state.pt"):
        state.write_bytes(b"damaged")
    return ["--no-ui", "--resume", str(folder.path), "--epochs", "9", "--max-steps", "9"]


@dataclass(frozen=True)
class Case:
    """What is wrong, and what must be said of it."""

    prepare: Prepare
    code: int
    says: str
    runs_folder: bool = False
    """Whether it is noticed only by a trainer at work, which leaves a run folder that tells of it."""


CASES: dict[str, Case] = {
    "an unknown recipe": Case(
        options("--no-ui", "-r", "c10-lenett"), 2, r'There is no recipe "c10-lenett"\. Did you mean "c10-lenet"\?'
    ),
    "a recipe from a variable that is not set": Case(options("-r", ""), 2, 'There is no recipe ""'),
    "an unknown data set": Case(
        options(*SHAPES, "--dataset", "cifar11"), 2, r'Unknown data set "cifar11"\. Did you mean "cifar10"\?'
    ),
    "an unknown network, though nothing is trained": Case(
        options(*SHAPES, "--set", "model.name=lenett", "--dry-run"), 2, r'no model "lenett"\. Did you mean "lenet"\?'
    ),
    "an unknown key in a config file": Case(
        misspelt_config,
        2,
        r'config file .*run\.toml: unknown key "optimizer\.leraning_rate"\. Did you mean "optimizer\.',
    ),
    "batch size 0": Case(
        options(*SHAPES, "--batch-size", "0"), 2, r"command line: data\.batch_size: expected int >= 1"
    ),
    "a way with NaN that there is not": Case(
        options(*SHAPES, "--on-nan", "rollback:x"),
        2,
        r'command line: on_nan cannot be "rollback:x": use stop, or rollback:N with a whole number',
    ),
    "an unknown option": Case(
        options(*SHAPES, "--epoch", "3"),
        2,
        r"^cifar-tui: No such option: --epoch .*--epochs.* See `cifar-tui train --help`\.$",
    ),
    "an unknown command": Case(
        options("trian"), 2, r"^cifar-tui: No such command 'trian'\. Did you mean 'train'\? See `cifar-tui --help`\.$"
    ),
    "a command after options": Case(
        options("--no-ui", "--runs-dir", "a b", "show", "last"),
        2,
        r"^cifar-tui: the command comes first: `cifar-tui show --no-ui --runs-dir 'a b' last`$",
    ),
    "a word among options": Case(
        options("demo", "c10-lenet"), 2, r'^cifar-tui: "c10-lenet" is no option\. See `cifar-tui train --help`\.$'
    ),
    "text for a number": Case(
        options("demo", "--lr", "fast"), 2, r"^cifar-tui: Invalid value for '--lr': .*number.* See `cifar-tui train"
    ),
    "a command without its run": Case(options("show"), 2, r"^cifar-tui: Missing argument 'RUN'\. See `cifar-tui show"),
    "a run that does not exist": Case(options("show", "last"), 2, r"there are no runs in .* yet"),
    "a run id that is no name": Case(
        options(*SHAPES, "--run-id", "../outside"),
        2,
        r'"\.\./outside" cannot be a run id: use .*128 characters',
    ),
    "a file where runs should be": Case(
        file_in_the_way, 6, r"cannot create a run in .*/taken: (File exists|Not a directory); choose a writable folder"
    ),
    "a place where nothing can be written": Case(
        options(*SHAPES, "--runs-dir", "/proc/runs"),
        6,
        r"cannot create a run in /proc/runs: .*; choose a writable folder",
    ),
    "a runs directory in the home of nobody": Case(
        options("runs", "--runs-dir", "~no-such-user/runs"), 2, r"~no-such-user/runs cannot be used: no home"
    ),
    "a run in the home of nobody": Case(
        options("--resume", "~no-such-user/runs/a"), 2, r"~no-such-user/runs/a cannot be used: no home"
    ),
    "an unknown device": Case(
        options(*SHAPES, "--device", "gpu9"), 2, r'unknown device "gpu9": use auto, cpu, cuda, cuda:N or mps'
    ),
    "a device with a number that PyTorch would take for another": Case(
        options(*SHAPES, "--device", "cuda:256"), 2, r'unknown device "cuda:256": use auto, cpu, cuda, cuda:N or mps'
    ),
    "a device with a number that PyTorch refuses": Case(
        options(*SHAPES, "--device", "cuda:01"), 2, r'unknown device "cuda:01": use auto, cpu, cuda, cuda:N or mps'
    ),
    "missing data without network": Case(
        no_files,
        5,
        r"/cifar-10-batches-py lacks the official files and they could not be downloaded \(.*refused.*\); put them",
        True,
    ),
    "missing data where nothing can be written": Case(
        data_below_a_file,
        5,
        r"/cifar-10-batches-py lacks the official files and cannot be written \(.*\); choose another --data-dir",
        True,
    ),
    "a data directory in the home of nobody": Case(
        options(*SHAPES, "--data-dir", "~no-such-user/data"),
        2,
        r"~no-such-user/data cannot be used: no home directory is known for ~no-such-user",
    ),
    "a damaged data file": Case(
        damaged_files, 5, r"/cifar-10-batches-py/\w+_batch\w* is damaged; delete it and start again", True
    ),
    "a device that is not there": Case(
        options(*SHAPES, "--device", "cuda:99"),
        2,
        r'^failed: device "cuda:99" is not there: (no CUDA device|this machine has)',
    ),
    "an argument that the network lacks": Case(
        options(*SHAPES, "--set", "model.args.width=2"), 2, r'^failed: Model shapes-small has no argument "width"'
    ),
    "a folder of images that is not there": Case(
        options(*SHAPES, "--dataset", "folder:/nowhere/images"), 5, r"/nowhere/images is not a folder; give the folder"
    ),
    "a folder of images whose name is too long": Case(
        options(*SHAPES, "--dataset", f"folder:{'x' * 300}"), 5, r"xxx cannot be read: File name too long"
    ),
    "a folder of images in the home of nobody": Case(
        options(*SHAPES, "--dataset", "folder:~no-such-user/images"), 2, r"~no-such-user/images cannot be used: no home"
    ),
    "a folder of images with none in it": Case(
        empty_folder, 5, r"/images holds no folders of images; put the images of each class into a folder"
    ),
    "a folder with one class": Case(one_class, 5, r"images.*class", True),
    "a folder with a broken image": Case(broken_image, 5, r"train/dawn/0\.png", True),
    "a damaged checkpoint": Case(damaged_checkpoint, 8, r"no checkpoint in .* is whole; .*checksum does not fit"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Outcome]]]:
    """All of them, two at a time."""
    root = tmp_path_factory.mktemp("bad-input")

    def run(name: str, case: Case) -> Outcome:
        own = root / name
        own.mkdir()
        done = cifar_tui(*case.prepare(own), runs=own / "runs")
        return done, [path.name for path in (own / "runs").glob("[!.]*")]

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(run, name, case) for name, case in CASES.items()}


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES.keys())
def test_bad_input(name: str, case: Case, outcomes: dict[str, Future[Outcome]]) -> None:
    done, runs = outcomes[name].result()
    assert done.returncode == case.code, done.stderr
    said = [line for line in done.stderr.splitlines() if re.search(case.says, line)]
    assert len(said) == 1, f"one sentence on standard error, but it was: {done.stderr}"
    assert "Usage: " not in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    if case.runs_folder:
        assert said[0].startswith("failed: ")
        assert re.fullmatch(r"run folder: \S.*\n", done.stdout)
    else:
        assert ("run folder: " in done.stdout) == (case.code == 8)
    assert len(runs) == (case.runs_folder or case.code == 8), "a run that could not be begun is in nobody's way"
