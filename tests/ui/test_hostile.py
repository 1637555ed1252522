"""Names and texts that would like to be more than text, odd sizes, and broken run folders."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from core import events as ev
from tests.ui.canned import Canned, live
from tests.ui.watching import watching

HOSTILE = [
    "[bold red]markup[/]",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "x" * 300,
    "漢字漢字漢字漢字漢字",
    "e\u0301" * 40,
    "\u202egnp.exe",
    "tab\tnew\nline",
    "",
    "[/nonsense",
]


def test_hostile_names_draw_as_harmless_text_in_every_pane(tmp_path: Path) -> None:
    run = live(tmp_path, classes=HOSTILE, with_images=True)
    run.emit(ev.Notice(level="error", text="\x1b[2J[bold]" + "wide 漢字 " * 50))
    run.folder.log_file.write_bytes(b"\x1b[2J\xff\xfe printed [red]\n")

    async def act() -> list[str]:
        async with watching(run) as watched:
            return [await watched.press(key) for key in "1234567"]

    for text in asyncio.run(act()):
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "\u202e" not in text
        lines = text.split("\n")
        assert len(lines) == 40


def test_hostile_answer_of_a_trainer_is_shown_as_text(tmp_path: Path) -> None:
    run = live(tmp_path)

    async def act() -> None:
        async with watching(run) as watched:
            await watched.press("c")
            [(identifier, _)] = watched.commands()
            run.command("checkpoint", status="refused", message="[red]no[/red] [/]", identifier=identifier)
            await watched.catch_up()
            await watched.see("[red]no[/red] [/]")

    asyncio.run(act())


@pytest.mark.parametrize("size", [(60, 20), (61, 21), (75, 20), (79, 50), (100, 30), (164, 22), (300, 90)])
def test_every_pane_draws_at_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    run = live(tmp_path, 100, with_images=True)

    async def act() -> None:
        async with watching(run, size) as watched:
            for key in "1234567":
                lines = (await watched.press(key)).split("\n")
                assert len(lines) == size[1]
                assert lines[0].startswith(" c100-resnet26-sgd")
                assert "? Help" in lines[-1]

    asyncio.run(act())


@pytest.mark.parametrize("size", [(59, 30), (100, 19), (20, 5)])
def test_too_small_a_window_says_so_calmly_and_recovers(tmp_path: Path, size: tuple[int, int]) -> None:
    run = live(tmp_path)

    async def act() -> None:
        async with watching(run, size) as watched:
            assert "at least 60 columns" in " ".join(watched.text.split())
            assert "Loss" not in watched.text
            await watched.pilot.resize_terminal(120, 40)
            await watched.settle()
            assert "Loss" in watched.text
            assert "Please" not in watched.text

    asyncio.run(act())


def test_resizing_reflows(tmp_path: Path) -> None:
    run = live(tmp_path)

    async def act() -> None:
        async with watching(run, (120, 40)) as watched:
            at_first = watched.text
            for size in ((80, 24), (200, 60), (120, 40)):
                await watched.pilot.resize_terminal(*size)
                await watched.settle()
            assert watched.text == at_first

    asyncio.run(act())


def test_run_without_any_event_says_what_it_waits_for(tmp_path: Path) -> None:
    async def act() -> None:
        async with watching(Canned(tmp_path)) as watched:
            for key, sign in (
                ("1", "The first steps draw this curve"),
                ("2", "class"),
                ("3", "The first evaluation fills this map"),
                ("4", "The images come with the run's start"),
                ("5", "layer"),
                ("6", "The first sample"),
                ("7", "Nothing yet"),
            ):
                assert sign in await watched.press(key)

    asyncio.run(act())


def test_missing_images_and_predictions_are_named(tmp_path: Path) -> None:
    run = live(tmp_path, with_images=True)
    for path in run.folder.predictions.iterdir():
        path.write_bytes(b"not a zip")

    async def act() -> None:
        async with watching(run) as watched:
            assert "The predictions of epoch 4 cannot be read" in await watched.press("4")

    asyncio.run(act())


def test_a_run_folder_deleted_under_its_viewer_is_told_of_until_it_is_back(tmp_path: Path) -> None:
    run = live(tmp_path)
    elsewhere = tmp_path / "elsewhere"

    async def act() -> None:
        async with watching(run) as watched:
            run.folder.path.rename(elsewhere)
            assert "is gone: it was deleted or moved" in " ".join((await watched.catch_up()).split())
            elsewhere.rename(run.folder.path)
            assert "is gone" not in await watched.catch_up()
            assert "epoch 5/10" in watched.text
            run.folder.path.rename(elsewhere)
            await watched.catch_up()
            await watched.pilot.press("q")
            await watched.pilot.pause()
            assert not watched.app.is_running or watched.app._exit

    asyncio.run(act())


@pytest.mark.parametrize("bytes_left", [0, 100])
def test_damaged_predictions_are_told_of_where_their_images_would_be(bytes_left: int, tmp_path: Path) -> None:
    run = live(tmp_path, with_images=True)
    for file in run.folder.predictions.iterdir():
        os.truncate(file, bytes_left)

    async def act() -> None:
        async with watching(run) as watched:
            said = "".join((await watched.press("4")).split())  # the path may be wrapped anywhere
            assert "Thepredictionsofepoch4cannotberead:" in said
            assert "epoch-004.npzisdamaged" in said
            assert "img/s" in await watched.press("1")

    asyncio.run(act())


def test_newer_schema_is_refused_with_a_sentence(tmp_path: Path) -> None:
    run = live(tmp_path)
    line = run.folder.events_file.read_bytes().splitlines()[0].rpartition(b',"crc":')[0].replace(b'"v":1', b'"v":99')
    import zlib

    with run.folder.events_file.open("ab") as file:
        file.write(line + b',"crc":"%08x"}\n' % zlib.crc32(line))

    async def act() -> None:
        async with watching(run) as watched:
            assert "was written by a newer cifar-tui" in " ".join(watched.text.split())

    asyncio.run(act())


def test_viewer_imports_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, tui.app, tui.attach, tui.launch, tui.commands; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_settings_that_this_version_cannot_read_do_not_end_the_dashboard(tmp_path: Path) -> None:
    run = Canned(tmp_path)
    run.config = msgspec.structs.replace(run.config, recipe=3)  # type: ignore[arg-type]
    run.start().train(10)

    async def act() -> None:
        async with watching(run) as watched:
            assert "of another version" in await watched.press("n", "3", "0", "enter")
            assert watched.commands() == []

    asyncio.run(act())
