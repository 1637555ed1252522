"""Arrays that grow at their end and can be forked: the store behind the per-batch values of a run.

A replay keeps hundreds of earlier states of a run. They share one set of arrays: each sees its first rows only, and
whoever would write something else where another one's rows are gets a copy first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Expand = Callable[[list[Any]], dict[str, Floats]]
"""From chunks that were put off to their rows, column by column."""

_MOST_WAITING = 4096
"""Rows put off at most: where nobody ever reads, as in a trainer, chunks must not pile up."""


@dataclass
class _Store:
    arrays: dict[str, Floats]
    used: int = 0
    """Rows that hold something for anyone who shares it."""

    def reserve(self, length: int) -> None:
        for name, array in self.arrays.items():
            if length > len(array):
                grown = np.empty(max(length, 2 * len(array)))
                grown[: self.used] = array[: self.used]
                self.arrays[name] = grown

    def copied(self, length: int, room: int) -> _Store:
        arrays = {}
        for name, array in self.arrays.items():
            arrays[name] = np.empty(max(length + room, 1024))
            arrays[name][:length] = array[:length]
        return _Store(arrays, length)


class Columns:
    """Columns of equal length; appending is amortised O(1), reading gives views without a copy.

    Args:
        names: of the columns.
        expand: makes rows of what `put_off` was given. Many small chunks cost a tenth of the time when they become
            rows together, which they do as soon as anyone reads.
    """

    def __init__(self, *names: str, expand: Expand) -> None:
        self._store = _Store({name: np.empty(1024) for name in names})
        self._length = 0
        self._expand = expand
        self._waiting: list[Any] = []
        self._num_waiting = 0

    def __len__(self) -> int:
        return self._length + self._num_waiting

    def __getitem__(self, name: str) -> Floats:
        self._write_waiting()
        return self._store.arrays[name][: self._length]

    def put_off(self, count: int, chunk: Any) -> None:
        """Append `count` rows that are made when somebody reads."""
        self._waiting.append(chunk)
        self._num_waiting += count
        if self._num_waiting >= _MOST_WAITING:
            self._write_waiting()

    def truncate(self, length: int) -> None:
        """Keep the first `length` rows."""
        if length < len(self):
            self._write_waiting()
            self._length = length

    def fork(self) -> Columns:
        """The same rows, independent from here on."""
        self._write_waiting()
        other = Columns(expand=self._expand)
        other._store, other._length = self._store, self._length
        return other

    def _write_waiting(self) -> None:
        if self._waiting:
            waiting, count = self._waiting, self._num_waiting
            self._waiting, self._num_waiting = [], 0
            self._append(count, self._expand(waiting))

    def _append(self, count: int, values: dict[str, Floats]) -> None:
        start, end, store = self._length, self._length + count, self._store
        if start < store.used:
            if end <= store.used and all(
                array[start:end].tobytes() == values[name].tobytes() for name, array in store.arrays.items()
            ):
                self._length = end  # the same history as that of the one who wrote it
                return
            store = self._store = store.copied(start, count)
        store.reserve(end)
        for name, array in store.arrays.items():
            array[start:end] = values[name]
        self._length = store.used = end
