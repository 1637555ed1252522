"""Which runs a filter finds, and in which order they are listed."""

from __future__ import annotations

import pytest

from core.errors import UsageError
from core.runfilter import Row, parse_filter
from core.runnotes import Notes
from core.runsummary import RunSummary
from tui.home.table import arranged


def row(**more: object) -> Row:
    notes = Notes(tuple(more.pop("tags", ())), "Wide")  # type: ignore[arg-type]
    state = more.pop("state", "finished")
    fields: dict[str, object] = {"id": "x", "recipe": "c10-lenet", "dataset": "cifar10", "best": 0.71, "epoch": 3}
    fields |= {"last": 0.65, "problem": "Torn", "seconds": 60.0}
    return Row(RunSummary(**(fields | more)), state, notes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["", "lenet", "LENET cifar", "acc>70", "acc>=71 acc<72", "acc=71", "recipe:c10*", "state:fin", "state:ended",
     "-state:live", "tag:keep", "keep", "epoch>2", "acc>70%", "last=65",
     "state:FIN", "note:WIDE", "wide", "torn", "-", "minutes<=1", "minutes=1", "ACC>=70", "epoch<=4", "#keep"],
)  # fmt: skip
def test_a_filter_that_fits(text: str) -> None:
    assert parse_filter(text)(row(tags=("keep",)))


@pytest.mark.parametrize(
    "text",
    ["resnet", "acc>72", "recipe:lenet*", "state:live", "-lenet", "-tag:keep", "tag:k?p", "minutes>1", "minutes<1"],
)
def test_a_filter_that_does_not_fit(text: str) -> None:
    assert not parse_filter(text)(row(tags=("keep",)))


@pytest.mark.parametrize("text", ["acc=57", "acc>=57", "last<=0.57", "last=.57%"])
def test_an_accuracy_is_what_the_list_shows_of_it(text: str) -> None:
    assert parse_filter(text)(row(best=0.57, last=0.0057))


def test_a_run_without_accuracy_fits_no_bound() -> None:
    assert not parse_filter("acc<100")(row(best=None))
    assert not parse_filter("last>0")(row(last=None))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ac>70", r'no term "ac"\. Did you mean "acc"'),
        ("acc>high", "is a number"),
        ("acc>nan", "is a number"),
        ("state>live", "write state:WORD"),
    ],
)
def test_a_wrong_term_is_named(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_filter(text)


def test_live_runs_come_first_and_missing_values_last() -> None:
    rows = [
        row(id="none", best=None),
        row(id="low", best=0.1),
        row(id="high", best=0.9),
        row(id="live", best=0.5, state="running"),
    ]
    for descending, wanted in ((True, ["live", "high", "low", "none"]), (False, ["live", "low", "high", "none"])):
        assert [one.summary.id for one in arranged(rows, "best", descending, 0.0)] == wanted
