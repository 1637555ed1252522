"""How fast a run trains at the moment."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

RATE_WINDOW_SECONDS = 10.0
"""The rate shown is that of the last so many seconds of training."""


@dataclass
class RecentRate:
    """Steps and images of the last seconds of training; pauses and evaluation are left out."""

    _chunks: deque[tuple[int, int, float]] = field(default_factory=deque)
    _seconds: float = 0.0
    """Of all chunks, to about a nanosecond: it only decides which of them are old."""

    def add(self, count: int, num_images: int, seconds: float) -> None:
        """Steps that were trained together; those of a damaged log that took no finite time tell nothing."""
        if not math.isfinite(seconds):
            return
        chunks = self._chunks
        chunks.append((count, num_images, seconds))
        self._seconds += seconds
        while self._seconds - chunks[0][2] > RATE_WINDOW_SECONDS and len(chunks) > 1:
            self._seconds -= chunks.popleft()[2]

    def copy(self) -> RecentRate:
        """The same, independent from here on."""
        return RecentRate(self._chunks.copy(), self._seconds)

    @property
    def images_per_second(self) -> float | None:
        """None before the first steps."""
        seconds = sum(part for _, _, part in self._chunks)
        return sum(images for _, images, _ in self._chunks) / seconds if seconds > 0 else None

    @property
    def step_seconds(self) -> float | None:
        """Mean seconds of a step; None before the first ones."""
        steps = sum(count for count, _, _ in self._chunks)
        return sum(seconds for _, _, seconds in self._chunks) / steps if steps else None
