"""The command line. Heavy imports stay inside the commands: `--help`, `runs` and `show` never load PyTorch."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TextIO

import typer

from core.errors import CifarTuiError, ExitCode, UsageError
from core.paths import expanded
from core.runfolder import DEFAULT_RUNS_DIR, RUNS_DIR_VARIABLE

app = typer.Typer(
    name="cifar-tui",
    help="Train image classifiers on CIFAR-10, CIFAR-100 and MNIST and watch them live in the terminal.",
    epilog="`cifar-tui` alone opens the list of runs; `cifar-tui OPTIONS` is `cifar-tui train OPTIONS`.",
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
)

RunsDir = Annotated[
    Path,
    typer.Option(
        "--runs-dir", envvar=RUNS_DIR_VARIABLE, callback=expanded, help="Where run folders are kept.", show_default=True
    ),
]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="An id, a unique part of one, a path, or `last`.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
AsciiOnly = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")]
Color = Annotated[Literal["auto", "always", "never"], typer.Option(help="Colours.")]
Target = Annotated[
    float | None,
    typer.Option(metavar="TOP-1", help="Also say how long training took to this validation accuracy, as .94."),
]
# What its parser raises: the base of all such errors, which Typer has no public name for.
_PARSER_ERROR: Any = typer.BadParameter.__bases__[0]


def main() -> None:
    """Entry point: run the command and turn errors into one sentence and an exit code."""
    _fill_standard_streams()
    # Imported here, since they register their commands with `app`.
    from tui import bench_command, commands, explain_command, export_command, model_commands  # noqa: F401

    try:
        _run(with_default_command(sys.argv[1:]))
    except typer.Exit as done:
        sys.exit(done.exit_code)
    except KeyboardInterrupt:
        sys.exit(int(ExitCode.INTERRUPTED))
    except CifarTuiError as error:
        _fail(str(error), error.exit_code)
    except _PARSER_ERROR as error:
        _fail(error.format_message() + _more_help(error), ExitCode.USAGE)
    except BrokenPipeError:  # the reader of a pipe (`cifar-tui runs | head`) has left
        drop_output(sys.stdout)
    except SystemExit as left:  # rich, which writes the help, has dropped its output by itself then
        if not isinstance(left.__context__, BrokenPipeError):
            raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        drop_output(sys.stdout)
        _fail(f"cannot write all of the output: {error.strerror}", ExitCode.STORAGE)


def _run(arguments: list[str]) -> None:
    """Parse and run a command. Typer's own way would frame errors and end with 1 where a pipe's reader has left."""
    command = typer.main.get_command(app)
    with command.make_context("cifar-tui", arguments) as context:
        command.invoke(context)


def _more_help(error: Any) -> str:
    """Where the parser's sentence ends and what it is of: ". See `cifar-tui train --help`." """
    stop = "" if error.format_message().endswith((".", "?")) else "."
    return f"{stop} See `{error.ctx.command_path if error.ctx else 'cifar-tui'} --help`."


def _fail(sentence: str, code: ExitCode) -> NoReturn:
    from core.headless import printable

    with contextlib.suppress(OSError):  # the exit code tells of it still
        print(f"cifar-tui: {printable(sentence)}", file=sys.stderr)  # noqa: T201
    sys.exit(int(code))


def drop_output(stream: TextIO) -> None:
    """Lead a stream nowhere that cannot be written to: what its buffer still holds would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fill_standard_streams() -> None:
    """Make standard streams that can be used.

    The null device goes where the caller closed one (`cifar-tui … >&-`): otherwise the next file opened, as likely as
    not the event log, would be standard output, and be written over.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):  # "×" and "–" are no reason to fail where the locale has none
        sys.stdout.reconfigure(errors="replace")


def with_default_command(arguments: list[str]) -> list[str]:
    """Put `train` in front of arguments that begin with an option, so that `cifar-tui --no-ui` works."""
    if arguments and (not arguments[0].startswith("-") or arguments[0] in ("--help", "--version")):
        return arguments
    return ["train", *arguments]


def _misplaced(word: str, arguments: list[str]) -> str:
    """What to say of a word that is no option of `train`; most likely a command that comes after options."""
    commands: Any = typer.main.get_command(app)
    if word in commands.commands and arguments[0].startswith("-"):
        arguments.remove(word)
        return f"the command comes first: `{shlex.join(['cifar-tui', word, *arguments])}`"
    return f'"{word}" is no option. See `cifar-tui train --help`.'


def _print_version(wanted: bool) -> None:
    if wanted:
        from core.session import code_version

        typer.echo(f"cifar-tui {code_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command(context_settings={"allow_extra_args": True})
def train(
    ctx: typer.Context,
    recipe: Annotated[
        str | None, typer.Option("-r", "--recipe", help="What to train; see `cifar-tui recipes`.")
    ] = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Train in the foreground, without the dashboard.")] = False,
    dataset: Annotated[
        str | None,
        typer.Option(help="cifar10, cifar100, cifar100-coarse, mnist, fashion-mnist, shapes or folder:PATH."),
    ] = None,
    data_dir: Annotated[
        # Not envvar=…: that would make a flag of the variable, and a flag goes before --set.
        Path | None, typer.Option(help="Where data sets are kept; CIFAR_TUI_DATA_DIR is the same.")
    ] = None,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training set.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Training images in a step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Base (one-cycle: maximum) learning rate.")] = None,
    validation: Annotated[
        str | None,
        typer.Option(metavar="test|holdout", help="Validate on the test set, or on held-out training images."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Decides initial weights, order, augmentation and dropout.")] = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="With --no-ui: N runs in a row, with seeds from --seed on.")
    ] = None,
    target: Target = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.")] = None,
    compile: Annotated[bool | None, typer.Option(help="Compile the network with torch.compile.")] = None,
    deterministic: Annotated[bool | None, typer.Option(help="Only deterministic kernels.")] = None,
    on_nan: Annotated[str | None, typer.Option(help="When training diverges: stop, or rollback:N.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="End after this many steps; the schedule spans them.")] = None,
    run_id: Annotated[str | None, typer.Option(help="Name of the run folder; made up where none is given.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="WHICH", help="Go on: auto, last, best, a run, or a checkpoint's path.")
    ] = None,
    fork: Annotated[bool, typer.Option("--fork", help="With --resume: go on in a new run, with any settings.")] = False,
    config: Annotated[Path | None, typer.Option(help="A TOML file, what --dry-run printed, or a run.json.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any setting, as optimizer.lr=0.01."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved settings and stop.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="With --no-ui: events as JSON lines on standard output.")
    ] = False,
    ascii: AsciiOnly = False,
    color: Annotated[
        # The three words in the place of WHEN would leave other options too little room on 80 columns.
        Literal["auto", "always", "never"], typer.Option(metavar="WHEN", help="Colours: auto, always or never.")
    ] = "auto",
    ghost: Annotated[
        str | None, typer.Option(metavar="RUN", help="Race against an earlier run, or the `published` curve.")
    ] = None,
) -> None:
    """Train a network. In a terminal this opens the dashboard; --no-ui trains in the foreground."""
    if ctx.args:
        raise UsageError(_misplaced(ctx.args[0], sys.argv[1:]))
    flags: dict[str, Any] = {
        "data": {
            "dataset": dataset,
            "dir": None if data_dir is None else str(data_dir),
            "batch_size": batch_size,
            "validation": validation,
        },
        "optimizer": {"lr": lr},
        "epochs": epochs,
        "seed": seed,
        "device": device,
        "precision": precision,
        "compile": compile,
        "deterministic": deterministic,
        "on_nan": on_nan,
        "max_steps": max_steps,
    }
    from tui.launch import TrainOptions, launch

    code = launch(
        TrainOptions(
            recipe=recipe,
            flags=flags,
            config_file=config,
            assignments=assignments or [],
            runs_dir=runs_dir,
            run_id=run_id,
            resume=resume,
            fork=fork,
            no_ui=no_ui,
            dry_run=dry_run,
            json=json,
            ascii=ascii,
            color=color,
            ghost=ghost,
            seeds=seeds,
            target=target,
        )
    )
    raise typer.Exit(int(code))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def demo(ctx: typer.Context) -> None:
    """Train a small network on the embedded data set in under a minute on two CPU cores; takes `train`'s options."""
    _run(["train", "--recipe", "shapes-small", *ctx.args])
