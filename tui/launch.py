"""From the options of `train` to a running trainer."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import msgspec
import typer

from core import layers
from core.config import TrainConfig
from core.data.catalog import check_dataset_name, data_dir
from core.data.class_folders import whole_name
from core.errors import ExitCode, UsageError
from core.headless import JsonReport, LineReport, Report
from core.models import check_model_name
from core.paths import expanded
from core.recipes import RECIPES, Recipe, default_recipe, get_recipe
from core.resume import Origin, differences, find_origin, is_finished, stored_config
from core.runfolder import RunFolder
from core.session import ReportTo, Request, train_run
from tui.attach import Color, has_terminal, home, start_and_watch, wants_ascii
from tui.ghost import find_ghost


@dataclass(frozen=True)
class TrainOptions:
    """What the command line of `train` says."""

    recipe: str | None
    flags: layers.Tree
    """Settings, nested as in `TrainConfig`; None where a flag was not given."""
    config_file: Path | None
    assignments: list[str]
    runs_dir: Path
    run_id: str | None
    resume: str | None
    fork: bool
    no_ui: bool
    dry_run: bool
    json: bool
    ascii: bool
    color: Color
    ghost: str | None = None
    """A run to race against, or `published`."""
    seeds: int | None = None
    """So many runs in a row, each with a seed of its own."""
    target: float | None = None
    """With `seeds`: validation top-1 whose time is asked for."""


def launch(options: TrainOptions) -> ExitCode:
    """Resolve the settings, then train.

    Raises:
        CifarTuiError: nothing was started.
    """
    if _asks_for_nothing(options):
        if has_terminal():
            return home(options.runs_dir.absolute(), ascii=options.ascii, color=options.color)
        if not _environment_says_what():
            return _list_runs(options.runs_dir)
    if options.seeds is not None:
        from tui.seeds import train_seeds

        return train_seeds(options, options.seeds)
    if options.target is not None:
        raise UsageError("--target goes with --seeds, or with `cifar-tui seeds RUN RUN…`")
    request = make_request(options)
    if options.dry_run:
        typer.echo(msgspec.json.format(msgspec.json.encode(request.config), indent=2).decode())
        return ExitCode.DONE
    if (
        request.origin is not None
        and not request.fork
        and is_finished(request.origin.folder, request.config, epochs_asked=request.epochs_asked)
    ):
        typer.echo(f"run {request.origin.folder.id} is already finished; more --epochs would go on with it", err=True)
        return ExitCode.DONE
    if options.ghost is not None and not options.no_ui:
        find_ghost(request.runs_dir, options.ghost)  # a wrong name is said before anything is started
    if not options.no_ui and not options.json:
        if has_terminal():
            return start_and_watch(request, ascii=options.ascii, color=options.color, ghost=options.ghost)
        typer.echo("no terminal: training without the dashboard, as with --no-ui", err=True)

    return train_run(request, reporter(options))


def reporter(options: TrainOptions) -> ReportTo:
    """What makes the report of a run without a dashboard: JSON lines, a progress bar, or lines."""

    def report_to(folder: RunFolder, out: TextIO, talk: TextIO) -> Report:
        if options.json:
            return JsonReport(out, talk)
        if talk.isatty():
            from tui.progress import ProgressReport

            ascii = options.ascii or wants_ascii()
            return ProgressReport(folder, out, talk, ascii=ascii, color=options.color)
        return LineReport(folder, out, talk)

    return report_to


def _asks_for_nothing(options: TrainOptions) -> bool:
    """Bare `cifar-tui`, which shows all runs: in the dashboard, or as a list where there is no terminal."""
    # "" is a wish too: a variable that a script has not set.
    wishes = (options.recipe, options.config_file, options.assignments or None, options.run_id, options.resume)
    switches = (options.fork, options.no_ui, options.dry_run, options.json, options.seeds is not None,
                options.target is not None)  # fmt: skip
    return all(wish is None for wish in wishes) and not any(switches) and not _without_none(options.flags)


def _environment_says_what() -> bool:
    """Whether a batch job's environment names what to train: then a bare `cifar-tui` in it is meant to."""
    tree = layers.read_environment(os.environ)
    data = tree.get("data")
    return "recipe" in tree or (isinstance(data, dict) and "dataset" in data)


def _list_runs(runs_dir: Path) -> ExitCode:
    from tui.commands import print_runs

    if not print_runs(runs_dir):
        raise UsageError("the dashboard needs a terminal; `cifar-tui --no-ui -r RECIPE` trains without one")
    return ExitCode.DONE


def make_request(options: TrainOptions) -> Request:
    """What to train, checked.

    Raises:
        CifarTuiError: a name, key or value cannot be used, or there is no such run to resume.
    """
    runs_dir = options.runs_dir.absolute()
    origin = None
    if options.resume is not None:
        origin = find_origin(runs_dir, options.resume, options.run_id, fork=options.fork)
    if options.fork and origin is None:
        raise UsageError("--fork goes with --resume RUN: it says where to go on from")
    chosen: Recipe | None
    if origin is None:
        chosen, config = resolve(options)
    else:
        chosen, config = resolve_resumed(origin, options)
    check_dataset_name(config.data.dataset)
    check_model_name(config.model.name)
    published = chosen.published if chosen and config.data.dataset == chosen.config.data.dataset else None
    set_now, flags = layers.read_assignments(options.assignments), _without_none(options.flags)
    return Request(
        config=config,
        runs_dir=runs_dir,
        published=published,
        run_id=options.run_id,
        command=tuple(sys.argv),
        origin=origin,
        fork=options.fork,
        epochs_asked=_epochs_asked(options),
        lr_asked=options.fork and any("lr" in tree.get("optimizer", {}) for tree in (set_now, flags)),
    )


def _epochs_asked(options: TrainOptions) -> bool:
    """Whether somebody has just asked for a number of epochs. A command line with `auto` is the same every time, and
    says nothing new."""
    said = (layers.read_assignments(options.assignments), _without_none(options.flags))
    return options.resume != "auto" and any("epochs" in tree for tree in said)


def resolve(options: TrainOptions) -> tuple[Recipe, TrainConfig]:
    """The recipe and the settings of a new run: flag > --set > environment > file > recipe.

    Raises:
        UsageError: a name, key or value cannot be used.
    """
    sources = _sources(options)
    name, dataset, device = options.recipe, None, None
    for _, source in reversed(sources):
        name = name if name is not None else source.get("recipe")
        device = device or source.get("device")
        data = source.get("data")
        dataset = dataset or (data.get("dataset") if isinstance(data, dict) else None)
    if not all(isinstance(setting, str | None) for setting in (name, dataset, device)):
        raise UsageError("recipe, data.dataset and device are names, as in --recipe c10-lenet")
    chosen = get_recipe(default_recipe(dataset or "cifar10", device or "auto") if name is None else name)
    return chosen, from_anywhere(layers.resolve(chosen.config, _without_recipe(sources)))


def resolve_resumed(origin: Origin, options: TrainOptions) -> tuple[Recipe | None, TrainConfig]:
    """The settings of a run that goes on: its own, with what the command line changes.

    Raises:
        UsageError: a change would make it another run, and `--fork` was not given.
        StorageError: the run cannot be read.
    """
    before = from_anywhere(stored_config(origin.folder.read_manifest()))
    sources = _sources(options)
    named = options.recipe or next((tree["recipe"] for _, tree in reversed(sources) if "recipe" in tree), None)
    if named not in (None, before.recipe):
        raise UsageError(f"run {origin.folder.id} is of recipe {before.recipe}, not {named}: leave --recipe out")
    after = from_anywhere(layers.resolve(before, _without_recipe(sources)))
    if _epochs_asked(options) and not any("max_steps" in tree for _, tree in sources):
        after = msgspec.structs.replace(after, max_steps=None)  # or they would be asked for in vain
    changes = differences(before, after)
    if changes and not options.fork:
        raise UsageError(
            f"with these settings it would be another run ({'; '.join(changes)}): leave them out, or add --fork to "
            "go on in a new run"
        )
    return RECIPES.get(before.recipe), after


def from_anywhere(config: TrainConfig) -> TrainConfig:
    """The settings with whole paths: a run may be resumed, evaluated or looked at from another working directory.

    Raises:
        UsageError: a path begins with the home of nobody, or its name is no Unicode.
    """
    data = msgspec.structs.replace(config.data, dataset=whole_name(config.data.dataset))
    if data.dir is not None:
        data = msgspec.structs.replace(data, dir=str(data_dir(data.dir).absolute()))
    for path in (data.dataset, data.dir or ""):
        if not path.isascii() and path != path.encode("utf-8", "replace").decode():
            raise UsageError(f"{path} cannot be used: settings are kept as text, and this name is not UTF-8")
    return msgspec.structs.replace(config, data=data)


def _sources(options: TrainOptions) -> list[tuple[str, layers.Tree]]:
    file = layers.read_config_file(expanded(options.config_file)) if options.config_file else {}
    return [
        (f"config file {options.config_file}", file),
        ("environment", layers.read_environment(os.environ)),
        ("--set", layers.read_assignments(options.assignments)),
        ("command line", _without_none(options.flags)),
    ]


def _without_recipe(sources: list[tuple[str, layers.Tree]]) -> list[tuple[str, layers.Tree]]:
    """The recipe's name is settled by now: what a source says of it must not contradict the stored settings."""
    return [(source, {key: value for key, value in tree.items() if key != "recipe"}) for source, tree in sources]


def _without_none(tree: dict[str, Any]) -> dict[str, Any]:
    kept = {key: _without_none(value) if isinstance(value, dict) else value for key, value in tree.items()}
    return {key: value for key, value in kept.items() if value is not None and value != {}}
