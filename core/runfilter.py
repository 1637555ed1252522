"""What one types to find runs: words, and terms such as `state:running acc>70 recipe:c10* tag:keep`."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from core.errors import UsageError, nearest
from core.runnotes import Notes
from core.runsummary import LIVE, Condition, RunSummary


@dataclass(frozen=True)
class Row:
    """A run as it is listed."""

    summary: RunSummary
    condition: Condition
    notes: Notes

    @property
    def is_live(self) -> bool:
        """Whether a trainer works on it."""
        return self.condition in LIVE


Test = Callable[[Row], bool]

_TEXTS: dict[str, Callable[[Row], tuple[str, ...]]] = {
    "state": lambda row: (row.condition, "live" if row.is_live else "ended"),
    "recipe": lambda row: (row.summary.recipe,),
    "data": lambda row: (row.summary.dataset,),
    "device": lambda row: (row.summary.device,),
    "host": lambda row: (row.summary.host,),
    "tag": lambda row: row.notes.tags,
    "id": lambda row: (row.summary.id,),
    "note": lambda row: (row.notes.note,),
}
_NUMBERS: dict[str, Callable[[Row], float | None]] = {
    "acc": lambda row: _percent(row.summary.best),
    "last": lambda row: _percent(row.summary.last),
    "epoch": lambda row: row.summary.epoch,
    "epochs": lambda row: row.summary.num_epochs,
    "seed": lambda row: row.summary.seed,
    "minutes": lambda row: row.summary.seconds / 60,
}
TERMS = (*_TEXTS, *_NUMBERS)
_TERM = re.compile(r"(?P<key>[a-z]+)(?P<sign>:|=|>=|<=|>|<)(?P<value>.+)", re.IGNORECASE)


def parse_filter(text: str) -> Test:
    """A test for rows. All words and terms must hold; `-` in front of one turns it round.

    Raises:
        UsageError: a term is unknown or compares with something that is no number.
    """
    tests = [_negated(word[1:]) if word.startswith("-") and len(word) > 1 else _test(word) for word in text.split()]
    return lambda row: all(test(row) for test in tests)


def _negated(word: str) -> Test:
    test = _test(word)
    return lambda row: not test(row)


def _test(word: str) -> Test:
    found = _TERM.fullmatch(word)
    if found is None:
        wanted = word.casefold()
        return lambda row: wanted in _all_text(row)
    key, sign, value = found["key"].lower(), found["sign"], found["value"]
    if key in _TEXTS:
        if sign not in ":=":
            raise UsageError(f"{key} is a text: write {key}:WORD")
        texts, pattern = _TEXTS[key], value.casefold()
        pattern = pattern if any(sign in pattern for sign in "*?[") else f"*{pattern}*"
        return lambda row: any(fnmatch.fnmatchcase(text.casefold(), pattern) for text in texts(row))
    if key in _NUMBERS:
        try:
            bound = float(value.rstrip("%"))
        except ValueError:
            bound = math.nan
        if math.isnan(bound):
            raise UsageError(f"{key} is a number: write {key}>70")
        return _comparison(_NUMBERS[key], sign, bound)
    raise UsageError(f'there is no term "{key}".{nearest(key, TERMS)} Terms: {", ".join(TERMS)}')


def _comparison(number: Callable[[Row], float | None], sign: str, bound: float) -> Test:
    def test(row: Row) -> bool:
        value = number(row)
        if value is None:
            return False
        match sign:
            case ">":
                return value > bound
            case "<":
                return value < bound
            case ">=":
                return value >= bound
            case "<=":
                return value <= bound
        return value == bound

    return test


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 9)  # 100 * 0.57 is a little less than 57


def _all_text(row: Row) -> str:
    one, tags = row.summary, (f"#{tag}" for tag in row.notes.tags)  # as lists show them
    parts = (one.id, one.recipe, one.dataset, one.device, row.condition, *tags, row.notes.note, one.problem)
    return "\n".join(parts).casefold()
