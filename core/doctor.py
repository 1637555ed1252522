"""What this machine offers: shown by `cifar-tui doctor`, and the first thing to look at when something is odd."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import torch

from core.data.catalog import DATASETS, data_dir, is_on_disk
from core.device import computes_in_bfloat16, processor_name
from core.session import code_version, versions


def examine(runs_dir: Path, data: Path | None) -> list[tuple[str, str]]:
    """(name, finding) lines, in the order in which one would look."""
    packages = "  ".join(f"{name} {version}" for name, version in versions().items())
    findings = [
        ("cifar-tui", code_version()),
        ("versions", packages),
        ("processor", _processor()),
        *_gpus(),
        ("terminal", _terminal()),
        ("runs", _folder(runs_dir.absolute())),
    ]
    root = data_dir(None if data is None else str(data))
    findings.append(("data", _folder(root)))
    findings += [(f"  {name}", _dataset(root, name)) for name in DATASETS]
    return findings


def _processor() -> str:
    precision = "bfloat16" if computes_in_bfloat16(torch.device("cpu")) else "float32"
    threads = torch.get_num_threads()
    return f"{processor_name()}, {os.cpu_count()} cores, {threads} threads, fastest in {precision}"


def _gpus() -> list[tuple[str, str]]:
    if not torch.cuda.is_available():
        why = "no CUDA device was found" if torch.version.cuda else "this PyTorch is built without CUDA"
        return [("gpu", f"{why}: training runs on the CPU")]
    lines = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        memory = properties.total_memory / 2**30
        lines.append((f"cuda:{index}", f"{properties.name}, {memory:.0f} GiB, CUDA {torch.version.cuda}"))
    return lines


def _terminal() -> str:
    if not sys.stdout.isatty():
        return "standard output is not a terminal: plain lines, no colours"
    size = shutil.get_terminal_size()
    colours = os.environ.get("COLORTERM") or os.environ.get("TERM", "unknown")
    return f"{size.columns}×{size.lines}, {colours}, encoding {sys.stdout.encoding}"


def _folder(path: Path) -> str:
    nearest = path
    while not os.path.exists(nearest) and nearest != nearest.parent:
        nearest = nearest.parent
    try:
        # Tried, since os.access knows nothing of file systems in which nobody can make anything, as /proc.
        with tempfile.TemporaryDirectory(prefix=".cifar-tui-", dir=nearest):
            pass
    except OSError as error:
        return f"{path}: {'not writable' if nearest == path else 'cannot be made'} ({error.strerror})"
    free = shutil.disk_usage(nearest).free / 2**30
    return f"{path}{'' if nearest == path else ' (will be made)'}, {free:.0f} GiB free"


def _dataset(root: Path, name: str) -> str:
    if name == "shapes":
        return "embedded"
    return "there" if is_on_disk(name, root) else "not there yet: downloaded at its first use"
