"""The HTML report: complete, alone in its file, and deaf to what names would have it do."""

from __future__ import annotations

import base64
import hashlib
import io
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from PIL import Image

from core import events as ev
from core.export import words
from core.export.chart import columns, log_ticks, path, ticks, widened
from core.export.gather import gather
from core.export.heatmap import LEVELS, level_of, ramp_css
from core.export.report import report
from tests.export_runs import (
    CONFUSIONS,
    WALL,
    batches,
    epoch_ended,
    make_run,
    over_views,
    started,
    steered_epochs,
    two_epochs,
)

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\" onload='alert(1)' x=\"{{ 7 * 7 }}",
]


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and data.strip():
            self.scripts.append(data)
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def _html(tmp_path: Path, events: list[ev.Event], name: str = "run", **kwargs: bool) -> str:
    return report(gather(make_run(tmp_path / "runs" / name, events, **kwargs)))[0]


@pytest.fixture
def html(tmp_path: Path) -> str:
    return _html(tmp_path, two_epochs())


def test_it_fetches_nothing_and_runs_its_own_script_only(html: str) -> None:
    page = _Page(html)
    assert not page.all("link")
    assert not page.all("iframe")
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in page.all("img"))
    assert not re.findall(r"(?:https?:)?//[\w.-]+|@import|url\((?!#)", html)
    assert len(page.all("script")) == len(page.scripts) == 1
    policy = page.all("meta")[1]["content"] or ""
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"script-src 'sha256-{digest}'" in policy


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    plain = _Page(_html(tmp_path, two_epochs(classes=["a", "b", "c"]), "plain"))
    name = "<script>alert(1)<"
    events = two_epochs(classes=HOSTILE, run_id=HOSTILE[0])
    start = events[0]
    assert isinstance(start, ev.RunStarted)
    events[0] = msgspec.structs.replace(
        start, recipe=HOSTILE[0], dataset=HOSTILE[1], config={HOSTILE[1]: HOSTILE[2]}, versions={"x": HOSTILE[0]}
    )
    hostile = _Page(_html(tmp_path, events, name))
    assert len(hostile.all("script")) == 1
    assert len(hostile.all("img")) == len(plain.all("img"))
    assert not any(key.startswith("on") for _, attributes in hostile.tags for key in attributes)
    assert "49" not in "".join(hostile.text).split("onload")[1][:40]
    assert {tag for tag, _ in hostile.tags} <= {tag for tag, _ in plain.tags}
    assert HOSTILE[1] in "".join(hostile.text)


def test_it_says_what_the_run_says(html: str) -> None:
    text = " ".join("".join(_Page(html).text).split())
    assert "75.00%" in text, "the best accuracy"
    assert "+5.0 points against 70.00% published" in text
    assert "the 3 surest of 3 wrong answers" in text
    assert "+10.0" in text, "cat against its published accuracy"
    assert "the <disk> is slow" in text
    assert "stopped: asked to" in text
    assert "horizontal_flip(p=0.5)" in text


def test_it_says_the_accuracy_over_views(tmp_path: Path) -> None:
    assert "after epoch 2; 80.00% over views" in _html(tmp_path, over_views(two_epochs(), 0.8))


def test_settings_are_those_that_steering_has_left(tmp_path: Path) -> None:
    text = " ".join("".join(_Page(_html(tmp_path, steered_epochs())).text).split())
    assert "2 since step 4 (3 at the start)" in text
    assert "0.1 (×2 at step 4)" in text


def test_mistakes_come_with_their_images_the_surest_first(html: str) -> None:
    pictures = [image["src"] or "" for image in _Page(html).all("img")]
    values = [
        int(np.array(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))[0, 0, 0])
        for source in pictures
    ]
    # Image i is all of value i, and confidence rises with i: of the twelve, 4, 8 and 9 are wrong.
    assert values == [9, 8, 4]


def test_every_drawing_is_well_formed(html: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawings) >= 4 + 3
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("viewBox")
        assert "nan" not in drawing.lower().replace("nana", "")
    assert 'class="line ghost"' in html


def test_a_hundred_classes_are_grouped_and_come_the_hardest_first(tmp_path: Path) -> None:
    counts = np.diag(np.arange(100))
    counts[:, 0] += 100 - np.arange(100)
    names = [f"class{index}" for index in range(100)]
    html = _html(tmp_path, [started(names, superclasses=True), epoch_ended(1, counts.tolist())], images=False)
    rows = re.findall(r'<th scope="row">(class\d+)</th>', html)
    assert rows[:3] == ["class1", "class2", "class3"]
    assert "By superclass" in html
    assert len(html) < 400_000


def test_a_run_without_an_epoch_says_so(tmp_path: Path) -> None:
    html = _html(tmp_path, [started(), batches(1, [math.nan] * 4)], images=False)
    assert "has not finished an epoch" in html
    assert "Confusion" not in html


def test_a_run_whose_start_is_lost_is_still_shown(tmp_path: Path) -> None:
    html = _html(tmp_path, two_epochs()[1:], manifest=False)
    assert "75.00%" in html


def test_missing_images_are_told_and_left_out(tmp_path: Path) -> None:
    html, left_out = report(gather(make_run(tmp_path / "runs" / "run", two_epochs(), images=False)))
    assert "Worst mistakes" not in html
    assert len(left_out) == 1
    assert "missing" in left_out[0]


def test_a_run_whose_trainer_was_killed_has_died(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "runs" / "run", two_epochs()[:-1])
    assert '<span class="status running">running</span>' in report(gather(folder, WALL + 10))[0]
    html, _ = report(gather(folder, WALL + 3600))
    assert '<span class="status died">died</span>' in html
    assert "died: its trainer is gone without a last word" in html


def test_a_run_that_went_to_nan_is_drawn(tmp_path: Path) -> None:
    epoch = epoch_ended(1, CONFUSIONS[0])
    broken = msgspec.structs.replace(
        epoch, train_loss=math.nan, validation=msgspec.structs.replace(epoch.validation, loss=math.inf)
    )
    html = _html(tmp_path, [started(), batches(1, [1.0, math.nan, math.inf, -math.inf]), broken])
    assert "–" in html


def test_ticks_are_round_and_within_the_axis() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(0.91, 1.01) == [0.92, 0.94, 0.96, 0.98, 1.0]
    assert ticks(0, 3, whole=True) == [0, 1, 2, 3]
    assert log_ticks(0.01, 2) == [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]
    low, high = widened(0.31, 0.78, floor=0, ceiling=1)
    assert (low, high) == pytest.approx((0.3, 0.8))
    assert widened(0.5, 0.5)[0] < 0.5 < widened(0.5, 0.5)[1]


def test_a_gap_in_a_curve_lifts_the_pen() -> None:
    assert path(np.array([0.0, 1, 2, 3]), np.array([5.0, 6, math.nan, 7])) == "M0.0 5.0L1.0 6.0M3.0 7.0"


def test_a_long_curve_keeps_its_extremes() -> None:
    y = np.sin(np.arange(100_000) / 50)
    y[777], y[778] = 40.0, math.nan
    x, low, mean, high = columns(np.arange(100_000, dtype=float), y, 200)
    assert len(x) == 200
    assert high.max() == 40
    assert low.min() == pytest.approx(-1)
    assert mean.mean() == pytest.approx(np.nanmean(y), abs=1e-4)
    assert (np.diff(x) > 0).all()


def test_cells_have_a_level_as_soon_as_they_have_a_share() -> None:
    shares = np.array([[1.0, 0.0, 0.0], [0.001, 0.9, 0.2], [0.05, 0.0, 0.0]])
    levels = level_of(shares)
    assert levels.max() == LEVELS
    assert levels[0].tolist() == [LEVELS, 0, 0]
    assert levels[1, 2] == LEVELS
    assert 1 <= levels[1, 0] < levels[2, 0] < LEVELS
    assert levels[2, 2] == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_can_be_read_on_every_colour(theme: str) -> None:
    colors = dict(re.findall(r"--([\w-]+):(#\w+);", ramp_css(theme)))

    def luminance(color: str) -> float:
        digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
        parts = [part / 255 for part in bytes.fromhex(digits)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for name, color in colors.items():
        if not name.startswith("on-"):
            dark, light = sorted((luminance(color), luminance(colors[f"on-{name}"])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, name


def test_numbers_read_well() -> None:
    assert words.percent(0.9996) == "99.96%", "nearly all is not all"
    assert words.percent(1.0) == "100.0%"
    assert words.percent(math.nan) == words.percent(None) == "–"
    assert words.points(-0.0301) == "−3.0"
    assert words.points(-0.0001) == "0.0"
    assert words.number(0.0) == "0.00"
    assert words.number(12345.678) == "12346"
    assert words.number(math.inf) == "–"
    assert words.span(59.7) == "1 min 00 s"
    assert words.span(3725) == "1 h 02 min"
    assert words.plain_name("aquarium_fish\x1b[31m") == "aquarium fish�[31m"


@pytest.mark.parametrize("rate", [math.inf, -math.inf, math.nan])
def test_a_learning_rate_beyond_all_numbers_leaves_the_others_drawn(rate: float, tmp_path: Path) -> None:
    events = two_epochs()
    plan = ev.LrPlan(steps=[8, 12], lr=[rate, rate])
    events.insert(-1, ev.CommandHandled(command_id="a", name="lr", argument="1e308", status="done", step=8, plan=plan))
    events.insert(-1, msgspec.structs.replace(batches(3, [1.0] * 4), lr=[rate] * 4))
    html, _ = report(gather(make_run(tmp_path / "runs" / "run", events)))
    _, _, chart = html.partition("Learning rate")
    assert ">0.1<" in chart.partition("</svg>")[0]
