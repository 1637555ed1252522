"""The home screen with 10, 1,000 and 5,000 runs: python tests/bench/bench_home.py

For each: reading all logs for the first time, opening with what was kept, until the list is on the screen (Textual
without a terminal), one look while nothing has changed, a key, and peak memory.
"""

import asyncio
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from core.runfolder import RunFolder
from core.runindex import RunIndex
from tests.ui.canned import Canned
from tui.app import DashboardApp
from tui.home.list import RunList
from tui.screens.home import HomeScreen
from tui.source import LiveSource


def make(runs_dir: Path, count: int) -> None:
    """So many copies of a run of ten epochs, 60 kB each."""
    first = Canned(runs_dir, run_id="run-00000").start().epochs(10).end().folder
    for number in range(1, count):
        shutil.copytree(first.path, runs_dir / f"run-{number:05}")


async def open_home(runs_dir: Path, config: Path) -> tuple[float, float, float]:
    """Seconds until the list is there, of a look at the folder, of a key."""
    begun = time.perf_counter()
    app = DashboardApp(LiveSource(RunFolder(runs_dir)), "", config, first=lambda app: HomeScreen(app, runs_dir))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, HomeScreen)
        assert len(screen.query_one(RunList).listing.rows) == len(list(runs_dir.glob("run-*")))
        opened = time.perf_counter() - begun
        begun = time.perf_counter()
        screen._next_scan = 0.0
        screen.refresh_runs()
        looked = time.perf_counter() - begun
        begun = time.perf_counter()
        await pilot.press("down")
        await pilot.pause()
        return opened, looked, time.perf_counter() - begun


def main() -> None:
    for count in (10, 1_000, 5_000):
        with tempfile.TemporaryDirectory() as folder:
            runs_dir = Path(folder) / "runs"
            make(runs_dir, count)
            begun = time.perf_counter()
            index = RunIndex(runs_dir)
            index.scan()
            index.read()
            first = time.perf_counter() - begun
            index.save()
            begun = time.perf_counter()
            RunIndex(runs_dir).scan()
            again = time.perf_counter() - begun
            opened, looked, key = asyncio.run(open_home(runs_dir, Path(folder) / "settings.json"))
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{count:>5,} runs: first reading {first:.2f} s, list known again {again:.3f} s, on the screen "
                f"{opened:.2f} s, a look {1e3 * looked:.0f} ms, a key {1e3 * key:.0f} ms, memory {memory:.0f} MiB"
            )


if __name__ == "__main__":
    main()
