"""Which half of the program loads what: training without a terminal library, looking at runs without PyTorch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import events as ev
from core.recorder import Recorder
from core.runfolder import Manifest, create_run_folder
from tests.strategies import batches, epoch_ended, run_started

ROOT = Path(__file__).parents[2]

# A name that is None in sys.modules cannot be imported, whoever asks for it.
IMPORT_ALL = """
import importlib, pkgutil, sys

package, forbidden = sys.argv[1], sys.argv[2].split()
for name in forbidden:
    sys.modules[name] = None
module = importlib.import_module(package)
found = [package, *(each.name for each in pkgutil.walk_packages(module.__path__, f"{package}."))]
for name in found:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(*found, sep="\\n")
"""


def import_all(package: str, *forbidden: str) -> list[str]:
    """Import every module of a package in a process where `forbidden` cannot be imported; their names."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, package, " ".join(forbidden)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def modules_of(package: str) -> list[str]:
    """Names of the modules that lie below a package's folder."""
    names = []
    for path in (ROOT / package).rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def test_no_part_of_core_imports_a_terminal_library() -> None:
    found = import_all("core", "textual", "rich", "plotext", "typer", "click", "tui")
    assert sorted(found) == sorted(modules_of("core")), "every module was tried"


def test_no_part_of_tui_imports_pytorch() -> None:
    found = import_all("tui", "torch", "torchvision")
    assert sorted(found) == sorted(modules_of("tui")), "every module was tried"


@pytest.mark.parametrize("package", ["core", "tui"])
def test_the_packages_themselves_import_nothing(package: str) -> None:
    program = f"import sys; before = set(sys.modules); import {package}; print(*set(sys.modules) - before)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [package]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run that has ended."""
    runs = tmp_path_factory.mktemp("runs")
    folder = create_run_folder(runs, "shapes-small", "done")
    folder.write_manifest(
        Manifest(id="done", recipe="shapes-small", created=1.5e9, config={"data": {"dataset": "shapes"}})
    )
    recorder = Recorder(folder.events_file)
    for event in (run_started(), batches(0, 4), epoch_ended(1, 4), ev.RunEnded(status="finished", step=4, epoch=1)):
        recorder.emit(event)
    recorder.close()
    return runs


# Runs the command line as its entry point does, and says at the very end which of the heavy modules are loaded.
COMMAND = """
import atexit, os, sys

def tell():
    with open(os.environ["LOADED"], "w") as file:
        print(*(name for name in ("torch", "torchvision", "textual", "plotext") if name in sys.modules), file=file)

atexit.register(tell)
from tui.cli import main
main()
"""

LIGHT = {
    "--help": 0,
    "train --help": 0,
    "recipes": 0,
    "explain": 0,
    "explain --kernel 1 --stride 2 --at 3,0": 2,
    "runs --json": 0,
    "show done --json": 0,
    "show nowhere": 2,
    "control done pause": 6,
    "--no-ui -r shapes-small --dry-run": 0,
    "--no-ui -r shapes-smal": 2,
    "--no-ui --batch-size 0": 2,
}


@pytest.mark.parametrize(("arguments", "code"), LIGHT.items(), ids=LIGHT.keys())
def test_without_pytorch_runs(arguments: str, code: int, runs: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CIFAR_TUI_")}
    environment |= {"LOADED": str(tmp_path / "loaded"), "CIFAR_TUI_RUNS_DIR": str(runs), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments.split()],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    assert (tmp_path / "loaded").read_text().split() == []
