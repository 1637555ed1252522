"""From the options of `train` to a running trainer."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec
import typer

from core import layers
from core.config import TrainConfig
from core.errors import ExitCode, UsageError
from core.headless import JsonReport, LineReport
from core.recipes import Recipe, default_recipe, get_recipe
from core.recorder import Subscriber
from core.runfolder import RunFolder
from core.session import Request, train_run

Color = Literal["auto", "always", "never"]


def launch(
    *,
    recipe: str | None,
    flags: layers.Tree,
    config_file: Path | None,
    assignments: list[str],
    runs_dir: Path,
    run_id: str | None,
    no_ui: bool,
    dry_run: bool,
    json: bool,
    ascii: bool,
    color: Color,
) -> ExitCode:
    """Resolve the settings, then train.

    Raises:
        CifarTuiError: nothing was started.
    """
    chosen, config = resolve(recipe, flags, config_file, assignments)
    if dry_run:
        typer.echo(msgspec.json.format(msgspec.json.encode(config), indent=2).decode())
        return ExitCode.DONE
    if not no_ui and not (sys.stdin.isatty() and sys.stdout.isatty()):
        typer.echo("no terminal: training without the dashboard, as with --no-ui", err=True)
    request = Request(
        config=config,
        runs_dir=runs_dir.expanduser().absolute(),
        published=chosen.published if config.data.dataset == chosen.config.data.dataset else None,
        run_id=run_id,
        command=tuple(sys.argv),
    )

    def report_to(folder: RunFolder, out: TextIO, talk: TextIO) -> Subscriber:
        if json:
            return JsonReport(out)
        if talk.isatty():
            from tui.progress import ProgressReport

            return ProgressReport(folder, out, talk, ascii=ascii, color=color)
        return LineReport(folder, out, talk)

    return train_run(request, report_to)


def resolve(
    recipe: str | None, flags: layers.Tree, config_file: Path | None, assignments: list[str]
) -> tuple[Recipe, TrainConfig]:
    """The recipe and the settings: flag > --set > environment > file > recipe.

    Raises:
        UsageError: a name, key or value cannot be used.
    """
    file = layers.read_config_file(config_file.expanduser()) if config_file else {}
    environment = layers.read_environment(os.environ)
    given = layers.read_assignments(assignments)
    flags = _without_none(flags)
    sources = [
        (f"config file {config_file}", file),
        ("environment", environment),
        ("--set", given),
        ("command line", flags),
    ]
    name, dataset = recipe, None
    for _, source in reversed(sources):
        name = name or source.get("recipe")
        data = source.get("data")
        dataset = dataset or (data.get("dataset") if isinstance(data, dict) else None)
    if not isinstance(name, str | None) or not isinstance(dataset, str | None):
        raise UsageError("recipe and data.dataset are names, as in --recipe c10-lenet")
    chosen = get_recipe(name or default_recipe(dataset or "cifar10"))
    # The recipe's name is settled; what a source says of it must not contradict `recipe` in the stored settings.
    overlays = [(source, {key: value for key, value in tree.items() if key != "recipe"}) for source, tree in sources]
    return chosen, layers.resolve(chosen.config, overlays)


def _without_none(tree: dict[str, Any]) -> dict[str, Any]:
    kept = {key: _without_none(value) if isinstance(value, dict) else value for key, value in tree.items()}
    return {key: value for key, value in kept.items() if value is not None and value != {}}
