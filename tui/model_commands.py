"""Commands that use the weights of a run: `evaluate` and `predict`. PyTorch is loaded within them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from core.codec import to_json
from core.errors import DataError, ExitCode, StorageError
from core.headless import accuracies, printable
from core.runfolder import DEFAULT_RUNS_DIR, find_run
from tui.cli import AsJson, RunName, RunsDir, app
from tui.export_command import CheckpointName

Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps, instead of the run's setting.")]
DataDir = Annotated[
    Path | None,
    typer.Option(envvar="CIFAR_TUI_DATA_DIR", help="Where data sets are kept, instead of the run's setting."),
]
Moved = Annotated[
    str | None, typer.Option(metavar="folder:PATH", help="Where the run's images are now, if their folder has moved.")
]


@app.command()
def evaluate(
    run: RunName,
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    checkpoint: CheckpointName = "best",
    device: Device = None,
    data_dir: DataDir = None,
    dataset: Moved = None,
    json: AsJson = False,
) -> None:
    """Evaluate a checkpoint of a run on its validation set again."""
    folder = find_run(runs_dir.absolute(), run)
    from core import predict as prediction
    from core.fold import fold

    started = None
    with contextlib.suppress(StorageError):  # a checkpoint says the same without its log
        started = fold(folder.events_file).run
    found = prediction.evaluate_checkpoint(
        folder, checkpoint, started=started, device=device, data_dir=data_dir, dataset=dataset, say=_say
    )
    validation = found.evaluation
    if json:
        # In the words of `show --json`; NaN, which JSON lacks, becomes null.
        facts = {
            "id": folder.id,
            "checkpoint": found.checkpoint,
            "epoch": found.meta.epoch,
            "step": found.meta.step,
            "validation_loss": validation.loss,
            "top1": validation.top1,
            "top5": validation.top5,
            "top1_test_time": validation.top1_test_time,
            "num_images": found.num_images,
            "confusion": validation.confusion,
            "device": found.device,
            "precision": found.precision,
            "seconds": validation.seconds,
        }
        typer.echo(to_json(facts).decode())
        return
    typer.echo(
        printable(
            f"{found.checkpoint} (epochs completed: {found.meta.epoch}): validation loss {validation.loss:.4f}, "
            f"top-1 {accuracies(validation)} on {found.num_images:,} images"
        )
    )


@app.command()
def predict(
    run: RunName,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files of any size.")],
    runs_dir: RunsDir = DEFAULT_RUNS_DIR,
    checkpoint: CheckpointName = "best",
    device: Device = None,
    data_dir: DataDir = None,
    dataset: Moved = None,
    json: AsJson = False,
) -> None:
    """Classify image files: the five most probable classes of each.

    Images are scaled and cropped to the size of the run's images. MNIST's digits are light on dark.
    """
    folder = find_run(runs_dir.absolute(), run)
    from core import predict as prediction
    from core.export.gather import gather

    started = gather(folder).started()
    answers = []
    unreadable = 0
    for image, guesses in prediction.predict(
        folder, started, images, checkpoint, device=device, data_dir=data_dir, dataset=dataset, say=_say
    ):
        if isinstance(guesses, DataError):
            unreadable += 1
            _say(f"{guesses}.")
            continue
        classes = [{"class": guess.label, "probability": guess.probability} for guess in guesses]
        answers.append({"image": printable(str(image)), "predictions": classes})
        if not json:
            typer.echo(printable(str(image)))
            for guess in guesses:
                typer.echo(printable(f"  {guess.probability:7.2%}  {guess.label}"))
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(answers), indent=2).decode())
    if unreadable:
        raise typer.Exit(int(ExitCode.DATA))


def _say(text: str) -> None:
    typer.echo(printable(text), err=True)
