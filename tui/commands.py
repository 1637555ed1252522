"""Commands that look at runs and steer them from a shell. None of them loads PyTorch, except `doctor`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from core.codec import to_json
from core.compare import setting_differences
from core.errors import StorageError, UsageError
from core.headless import accuracies, confusion_lines, duration, printable
from core.reader import EventReader
from core.runfolder import DEFAULT_RUNS_DIR, RunFolder, command_line, find_run, list_runs, newest
from core.runindex import RunIndex
from core.runsummary import as_json, condition, death, has_died, lock_is_held, summarize
from core.state import RunState
from core.steered import steered
from tui.cli import AsciiOnly, AsJson, Color, RunName, RunsDir, Target, app
from tui.plain_table import table_lines

_POLL_SECONDS = 0.05


@app.command()
def recipes(json: AsJson = False) -> None:
    """List what can be trained, with the published results."""
    from core.recipes import RECIPES

    if json:
        _print_json(list(RECIPES.values()))
        return
    rows = [
        (name, recipe.config.data.dataset, str(recipe.config.epochs), recipe.title) for name, recipe in RECIPES.items()
    ]
    _print_table(("recipe", "data set", "epochs", "what it is"), rows)


@app.command()
def runs(runs_dir: RunsDir = DEFAULT_RUNS_DIR, json: AsJson = False) -> None:
    """List all runs, oldest first."""
    if not print_runs(runs_dir, json=json):
        start = command_line("demo", runs_dir)
        typer.echo(f"no runs in {runs_dir} yet: start one with `{start}`", err=True)


def print_runs(runs_dir: Path, *, json: bool = False) -> bool:
    """Print all runs, as JSON even where there are none; whether there was anything to print or to complain of.

    Raises:
        StorageError: the folder cannot be read.
    """
    index = RunIndex(runs_dir)
    index.scan()
    index.read()
    index.save()
    if index.problem:
        raise StorageError(index.problem)
    now, rows, described = time.time(), [], []
    for one in sorted(index.summaries.values(), key=lambda one: (one.created, one.id)):
        name, folder = one.id, index.folder(one.id)
        if one.problem:  # one broken folder never hides the others
            typer.echo(printable(f"{name}: {one.problem}"), err=True)
            continue
        state = condition(one, folder, now)
        described.append(as_json(one, state, folder))
        rows.append(
            (
                name,
                state,
                f"{one.epoch}/{one.num_epochs or '–'}",
                f"{one.best:.2%}" if one.best is not None else "–",
                f"{one.last:.2%}" if one.last is not None else "–",
                duration(one.training_seconds),
                one.device_name or "–",
            )
        )
    if json:
        _print_json(described)
    elif described:
        _print_table(("run", "state", "epoch", "best", "last", "trained", "device"), rows)
    return json or bool(index.summaries)


@app.command()
def show(run: RunName, runs_dir: RunsDir = DEFAULT_RUNS_DIR, json: AsJson = False) -> None:
    """Show how a run stands or ended."""
    folder = find_run(runs_dir, run)
    reader, state = EventReader(folder.events_file), RunState()
    for record in reader.follow():
        state.apply(record)
    one = summarize(folder, state, reader.num_corrupt)
    if one.problem:
        raise StorageError(one.problem)
    how = condition(one, folder, time.time())
    facts = as_json(one, how, folder)
    if json:
        _print_json(facts)
        return
    reason = f": {state.ended.reason}" if state.ended else f": {death(folder)}" if how == "died" else ""
    lines = [
        facts["id"],
        f"recipe     {facts['recipe']} on {facts['dataset']}",
        f"state      {how}{reason}",
        f"progress   epoch {state.epoch}/{state.num_epochs or '–'}, step {state.step:,}/{state.num_steps:,}",
    ]
    if state.run:
        lines.append(f"device     {state.run.device.title} ({state.run.device.name}), {state.run.device.precision}")
    if state.best and facts["last"]:
        last, validation = facts["last"], state.epochs[-1].validation
        lines += [
            f"best       top-1 {state.best.top1:.2%} (epoch {state.best.epoch})",
            f"last       top-1 {accuracies(validation)}, validation loss {validation.loss:.4f}, "
            f"training accuracy {last['train_accuracy']:.2%}",
            *confusion_lines(state),
        ]
    if state.mean_images_per_second:
        lines.append(
            f"speed      {state.mean_images_per_second:,.0f} img/s, {duration(state.training_seconds)} of training"
        )
    if state.run:
        changes = setting_differences([state.run.config, steered(state.run.config, state)])
        lines += [f"steered    {key} {after}" for key, (_, after) in changes]
    if one.num_corrupt:
        lines.append(f"damaged    {'1 line' if one.num_corrupt == 1 else f'{one.num_corrupt:,} lines'} of its log")
    lines.append(f"folder     {facts['path']}")
    for line in lines:
        typer.echo(printable(line))


@app.command()
def attach(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="An id, a unique part of one, a path, or `last`.")
    ] = "last",
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    ascii: AsciiOnly = False,
    color: Color = "auto",
    ghost: Annotated[
        str | None, typer.Option(metavar="RUN|published", help="Race against an earlier run or the published curve.")
    ] = None,
) -> None:
    """Watch and steer a run in the dashboard; as many terminals as you like can watch the same run."""
    from tui.attach import has_terminal, watch

    if not has_terminal():
        raise UsageError("attach needs a terminal; `cifar-tui show RUN` prints how a run stands")
    folder = _find_trained(runs_dir.absolute(), run)
    raise typer.Exit(int(watch(folder, ascii=ascii, color=color, ghost=ghost)))


@app.command()
def replay(
    run: RunName,
    at: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="12 (epoch), 'step 5000', 1:30 or 90s (time), 50%, best, end. Holds there."),
    ] = None,
    speed: Annotated[str | None, typer.Option(metavar="×N", help="×1, ×4, ×16, ×64 or max; plays.")] = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    ascii: AsciiOnly = False,
    color: Color = "auto",
) -> None:
    """Watch a recorded run again in the dashboard: play, step, seek."""
    from tui.attach import has_terminal
    from tui.attach import replay as watch_again

    if not has_terminal():
        raise UsageError("replay needs a terminal; `cifar-tui show RUN` prints how a run stands")
    folder = find_run(runs_dir.absolute(), run)
    raise typer.Exit(int(watch_again(folder, at=at, speed=speed, ascii=ascii, color=color)))


@app.command()
def compare(
    run: Annotated[list[str], typer.Argument(metavar="RUN RUN…", help="Two runs or more.")],
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    ascii: AsciiOnly = False,
    color: Color = "auto",
) -> None:
    """Set runs side by side: curves, settings that differ, confusion, classes, images.

    Without a terminal results and settings are printed.
    """
    from tui.attach import compare as side_by_side

    if len(run) < 2:
        raise UsageError("compare takes two runs or more")
    folders = [find_run(runs_dir.absolute(), name) for name in run]
    raise typer.Exit(int(side_by_side(folders, ascii=ascii, color=color)))


@app.command()
def seeds(
    run: Annotated[list[str], typer.Argument(metavar="RUN RUN…", help="Runs that differ in their seed.")],
    target: Target = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    json: AsJson = False,
) -> None:
    """Sum up runs that differ in their seed: mean, sample standard deviation and range of the last accuracy."""
    from core.seeds import summarize_seeds
    from tui.seeds import summary_lines

    summary = summarize_seeds([find_run(runs_dir, name) for name in run], target)
    if json:
        _print_json(summary.as_json())
        return
    for line in summary_lines(summary):
        typer.echo(printable(line))


@app.command(context_settings={"ignore_unknown_options": True})
def control(
    run: RunName,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND", help="pause, unpause, checkpoint, evaluate, stop \\[discard], lr ×FACTOR, epochs NUMBER."
        ),
    ],
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the trainer's answer; 0 does not wait.")] = 60.0,
) -> None:
    """Steer a running trainer: pause, unpause, checkpoint, evaluate, stop, lr ×F, epochs N."""
    from core.control import parse_command, send

    folder = _find_trained(runs_dir, run)
    command = parse_command(words)
    reader, state = EventReader(folder.events_file), RunState()
    for record in reader.poll():
        state.apply(record)
    if state.ended is not None:
        raise StorageError(f"run {folder.id} has ended ({state.ended.status}): there is no trainer to take commands")
    dead = StorageError(f"run {folder.id} has died: {death(folder)}")
    if has_died(folder, state, time.time()):
        raise dead
    identifier = send(folder.control, command)
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        for record in reader.poll():
            state.apply(record)
        answer = state.answer(identifier)
        if answer is not None:
            typer.echo(printable(f"{answer.status}: {answer.message}"))
            raise typer.Exit(0 if answer.status == "done" else 2)
        if state.ended is not None:
            raise StorageError(f"run {folder.id} ended ({state.ended.status}) before it took the command")
        if has_died(folder, state, time.time()):
            raise dead
        time.sleep(_POLL_SECONDS)
    if wait > 0:
        raise StorageError(f"no answer within {wait:g} s; the command waits in {folder.control}")


@app.command()
def doctor(
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    data_dir: Annotated[Path | None, typer.Option(envvar="CIFAR_TUI_DATA_DIR")] = None,
) -> None:
    """Check this machine: PyTorch, devices, terminal, data sets, folders."""
    from core.doctor import examine

    findings = examine(runs_dir, data_dir)
    width = max(len(name) for name, _ in findings) + 2
    for name, finding in findings:
        typer.echo(f"{name:<{width}}{finding}")


def _find_trained(runs_dir: Path, name: str) -> RunFolder:
    """As `find_run`; but `last` is the newest run that is being trained, where there is one."""
    trained = [run for run in list_runs(runs_dir) if lock_is_held(run)] if name == "last" else []
    return newest(trained) if trained else find_run(runs_dir, name)


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.format(to_json(value), indent=2).decode())


def _print_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    for line in table_lines(head, rows):
        typer.echo(printable(line))
