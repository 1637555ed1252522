"""What a person chose about the dashboard, kept between sessions in the user's configuration directory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal

import msgspec
from platformdirs import user_config_path

from core.codec import UNDECODABLE
from core.errors import StorageError
from core.paths import expanded, read_plain
from core.runfolder import write_atomically
from tui.render.palettes import NAMES

MAX_FRAMES_PER_SECOND = 10.0


class Settings(msgspec.Struct, kw_only=True):
    """Choices that outlive a session."""

    palette: str = NAMES[0]
    theme: Literal["dark", "light"] = "dark"
    frames_per_second: float = 4.0
    x_unit: Literal["step", "epoch", "time"] = "step"
    smoothing: float = 0.9
    log_y: bool = False

    def __post_init__(self) -> None:
        if self.palette not in NAMES:
            self.palette = NAMES[0]
        self.smoothing = min(max(self.smoothing, 0.0), 0.999)
        self.frames_per_second = min(max(self.frames_per_second, 0.2), MAX_FRAMES_PER_SECOND)


def settings_file() -> Path:
    """Where the settings are: `$CIFAR_TUI_CONFIG_DIR`, or the platform's place for configuration."""
    folder = os.environ.get("CIFAR_TUI_CONFIG_DIR")
    return (expanded(folder) if folder else user_config_path("cifar-tui")) / "dashboard.json"


def load_settings(path: Path) -> Settings:
    """The settings of a file; the defaults where it is missing or cannot be read."""
    try:
        return msgspec.json.decode(read_plain(path), type=Settings)
    except (OSError, *UNDECODABLE):
        return Settings()


def save_settings(path: Path, settings: Settings) -> None:
    """Keep the settings; a home that cannot be written is no reason to bother anyone."""
    with contextlib.suppress(OSError, StorageError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n")
