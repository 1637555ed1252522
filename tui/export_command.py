"""The command `export`: a run as files for other programs and for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from core.errors import CifarTuiError, UsageError
from core.headless import printable
from core.paths import expanded
from core.runfolder import DEFAULT_RUNS_DIR, find_run
from tui.cli import RunName, RunsDir, app

Export = Callable[[], list[Path]]
CheckpointName = Annotated[
    str, typer.Option("--checkpoint", metavar="NAME", help="last, best, or the name of one, as step-00012345.")
]


@app.command()
def export(
    run: RunName,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    csv: Annotated[bool, typer.Option("--csv", help="batches, epochs, classes and confusion as CSV.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The same and the settings in one JSON document.")] = False,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Event files for TensorBoard.")] = False,
    html: Annotated[bool, typer.Option("--html", help="A report in one HTML file.")] = False,
    svg: Annotated[bool, typer.Option("--svg", help="A picture of the dashboard.")] = False,
    weights: Annotated[bool, typer.Option("--weights", help="A checkpoint as safetensors, with a model card.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder to write to; by default `export` in the run's folder.")
    ] = None,
    checkpoint: CheckpointName = "best",
) -> None:
    """Write a run as CSV, JSON, TensorBoard files, HTML report, picture or weights; prints the path of each file.

    With one of --json, --html and --svg, --output may be a file that ends in it.
    """
    wanted = [
        name
        for name, is_wanted in {
            "csv": csv, "json": json, "tensorboard": tensorboard, "html": html, "svg": svg, "weights": weights
        }.items()
        if is_wanted
    ]  # fmt: skip
    if not wanted:
        raise UsageError(
            "say what to export: --csv, --json, --tensorboard, --html, --svg, --weights, or several of them"
        )
    if output == Path("-"):
        raise UsageError("--output names a folder or a file: standard output has the paths of what was written")
    from core.export.gather import gather

    folder = find_run(runs_dir.absolute(), run)
    data = gather(folder)
    for warning in data.warnings:
        _note(warning)
    target = expanded(output) if output else folder.path / "export"
    is_file = output is not None and len(wanted) == 1 and target.suffix == f".{wanted[0]}" and not target.is_dir()

    def file(name: str) -> Path:
        return target if is_file else target / name

    def write_csv() -> list[Path]:
        from core.export.plain_files import write_csv

        return write_csv(data, target)

    def write_json() -> list[Path]:
        from core.export.plain_files import write_json

        return [write_json(data, file("run.json"))]

    def write_tensorboard() -> list[Path]:
        from core.export.tensorboard_files import write_tensorboard

        return write_tensorboard(data, target / "tensorboard")

    def write_html() -> list[Path]:
        from core.export.report import write_report

        path, left_out = write_report(data, file("report.html"))
        for sentence in left_out:
            _note(sentence)
        return [path]

    def write_svg() -> list[Path]:
        from tui.screenshot import write_screenshot

        if data.state.epochs:
            data.started()  # without it the dashboard has no names for the classes of an epoch
        return [write_screenshot(folder, file("dashboard.svg"))]

    def write_weights() -> list[Path]:
        from core.export.weights import write_weights

        return write_weights(data, checkpoint, target / "weights", _note)

    writers: dict[str, Export] = {
        "csv": write_csv,
        "json": write_json,
        "tensorboard": write_tensorboard,
        "html": write_html,
        "svg": write_svg,
        "weights": write_weights,
    }
    _write_all([writers[name] for name in wanted])


def _write_all(exports: list[Export]) -> None:
    """Write all that can be written; then the first problem is the command's."""
    problems: list[CifarTuiError] = []
    for write in exports:
        try:
            for path in write():
                typer.echo(printable(str(path)))
        except CifarTuiError as error:
            problems.append(error)
    for problem in problems[1:]:
        _note(str(problem))
    if problems:
        raise problems[0]


def _note(text: str) -> None:
    typer.echo(printable(text), err=True)
