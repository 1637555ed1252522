"""Tables of plain text, for what is piped on."""

from __future__ import annotations

from collections.abc import Iterable


def table_lines(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """A line for the head and one for each row, the columns below each other."""
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
