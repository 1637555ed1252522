"""README.md beside exported weights: what they are, how good, how to load them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.data.catalog import short_name
from core.events import Evaluation
from core.headless import printable

_CODE = """\
```python
from safetensors import safe_open
from core.models import build_model  # cifar-tui

with safe_open("model.safetensors", "pt") as file:
    weights = {name: file.get_tensor(name) for name in file.keys()}
model = build_model(%s, num_classes=%d, image_shape=%r, args=%r)
model.load_state_dict(weights)
model.eval()  # takes float images N×C×H×W, normalised as below, and gives logits
```"""


def model_card(
    described: dict[str, str], evaluation: Evaluation | None, num_images: int, steering: Sequence[str] = ()
) -> str:
    """The card as Markdown.

    Args:
        described: the metadata of the weights.
        evaluation: of these weights, if the run has evaluated them.
        num_images: images of the validation set.
        steering: what was changed while they were trained, a sentence each.
    """
    classes: list[str] = msgspec.json.decode(described["classes"])
    shape = tuple(msgspec.json.decode(described["image_shape"]))
    args = msgspec.json.decode(described["model_args"])
    normalize = msgspec.json.decode(described["normalize"])
    lines = [
        f"# {inline(described['recipe'])} on {inline(short_name(described['dataset']))}",
        "",
        f"{inline(described['model'])} with {len(classes)} classes, trained by cifar-tui in the run "
        f"{inline(described['run'])}; checkpoint {inline(described['checkpoint'])}, after step {described['step']} "
        f"(epochs completed: {described['epoch']}).",
        "",
    ]
    if steering:
        lines += [f"Changed while it was trained: {', '.join(map(inline, steering))}.", ""]
    if evaluation is not None:
        lines += [
            f"| on {num_images:,} validation images | |",
            "| --- | ---: |",
            f"| top-1 | {evaluation.top1:.2%} |",
            *([f"| top-1 over views | {views:.2%} |"] if (views := evaluation.top1_test_time) is not None else []),
            *([f"| top-5 | {evaluation.top5:.2%} |"] if evaluation.top5 is not None else []),
            f"| loss | {evaluation.loss:.4f} |",
            "",
        ]
    else:
        lines += ["The run has not evaluated these weights.", ""]
    lines += ["## Loading", "", _CODE % (repr(described["model"]), len(classes), shape, args), ""]
    lines += ["## Input", "", f"Images of {shape[1]}×{shape[2]} pixels, {_channels(shape[0])}. {_normalize(normalize)}"]
    lines += ["", "## Classes", "", "In the order of the logits: " + ", ".join(map(inline, classes)) + ".", ""]
    lines += [f"SHA-256 of the checkpoint: `{described['checkpoint_sha256']}`", ""]
    return "\n".join(lines)


def inline(text: str) -> str:
    """A name as Markdown code, so that nothing in it is taken for markup."""
    clean = printable(text)
    fence = "`" * (1 + max(map(len, "".join(c if c == "`" else " " for c in clean).split()), default=0))
    pad = " " if "`" in clean else ""
    return f"{fence}{pad}{clean}{pad}{fence}".replace("|", "\\|") if clean.strip() else "(unnamed)"


def _channels(number: int) -> str:
    return {1: "one channel (grey)", 3: "three channels (red, green, blue)"}.get(number, f"{number} channels")


def _normalize(normalize: dict[str, list[float]] | str | None) -> str:
    if isinstance(normalize, dict):
        mean, std = (", ".join(f"{value:.6g}" for value in normalize[key]) for key in ("mean", "std"))
        return f"Scale to 0–1, subtract the mean ({mean}) and divide by the standard deviation ({std}) of each channel."
    if normalize is None:
        return "Scale to 0–1."
    return "Scale to 0–1, then normalise by the mean and standard deviation of the training images."
