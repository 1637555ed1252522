"""Validation images with what the model said of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from core.predictions import Images, Predictions
from tui.gallery import Gallery, Indices, Show, Subject
from tui.render import numbers
from tui.render.image import Tile, draw_grid, grid
from tui.render.plot import message
from tui.render.safe import safe
from tui.widgets.drawn import EPOCHS, Drawn, Scene
from tui.widgets.filter import FilterInput, classes_matching
from tui.widgets.frame import Title, head
from tui.widgets.pane import Pane

KEYS = [
    Binding("m", "next_show", "Mistakes/right/all", tooltip="Show mistakes, the doubtful right ones, or all"),
    Binding("slash", "filter", "Filter", key_display="/", tooltip="Images of a class, or cat>dog"),
    Binding("left_square_bracket", "epoch(-1)", "Epoch", key_display="[", tooltip="What was said an epoch earlier"),
    Binding("right_square_bracket", "epoch(1)", "", show=False, key_display="]", tooltip="An epoch later"),
    Binding("pagedown", "page(1)", "Page", key_display="PgDn", tooltip="The next images"),
    Binding("pageup", "page(-1)", "", show=False, key_display="PgUp", tooltip="The ones before"),
    Binding("left", "move(-1, 0)", "", show=False, key_display="←", tooltip="The image to the left"),
    Binding("right", "move(1, 0)", "", show=False, key_display="→", tooltip="The image to the right"),
    Binding("up", "move(0, -1)", "", show=False, key_display="↑", tooltip="The image above"),
    Binding("down", "move(0, 1)", "", show=False, key_display="↓", tooltip="The image below"),
]


class ImageGrid(Drawn, can_focus=True):
    """As many images as fit, from `first` on."""

    WATCHES = EPOCHS
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self, scene: Scene, **kwargs: Any) -> None:
        super().__init__(scene, **kwargs)
        self.gallery = Gallery(scene.source.folder)
        self.subject = Subject()
        self.showing = Show.MISTAKES
        self.epoch: int | None = None
        """None follows the last epoch."""
        self.cursor = 0
        self.first = 0
        self._across, self._capacity, self._found = 1, 1, 0

    def _selected(self) -> tuple[Images, Predictions, Indices] | None:
        state = self.scene.state
        images = self.gallery.images(state)
        said = self.gallery.predictions(state, images, self._shown_epoch) if images else None
        if images is None or said is None:
            return None
        return images, said, self.subject.select(images, said, self.showing)

    def draw(self, width: int, height: int) -> list[Strip]:
        """The images, or why there are none."""
        look, state = self.scene.look, self.scene.state
        inner_height = height - 1
        selected = self._selected()
        title = self._title()
        if selected is None or not len(selected[2]):
            why = self.gallery.problem if selected is None else "No such images: " + self._what()
            return [head(title, width, look), *message(why, width, inner_height, look)]
        images, said, found = selected
        side = images.pixels.shape[1], images.pixels.shape[2]
        plan = grid(width, inner_height, *side, len(found))
        self._across, self._capacity, self._found = max(plan.columns, 1), max(plan.capacity, 1), len(found)
        self.cursor = min(self.cursor, len(found) - 1)
        while self.cursor >= self.first + self._capacity:
            self.first += self._across
        while self.cursor < self.first:
            self.first = max(0, self.first - self._across)
        if plan.capacity == 0:
            return [head(title, width, look), *message("Too small for an image", width, inner_height, look)]
        names = [safe(name) for name in state.classes]
        tiles = [
            Tile(
                images.pixels[number],
                names[int(images.labels[number])],
                names[int(said.predicted[number])],
                float(said.confidence[number]),
            )
            for number in found[self.first : self.first + self._capacity].tolist()
        ]
        margin = max(0, (width - plan.columns * plan.tile_width + 2) // 2)
        body = draw_grid(tiles, width - margin, inner_height, look, cursor=self.cursor - self.first)
        body = [Strip.join([Strip.blank(margin), line]) for line in body]
        last = min(self.first + self._capacity, len(found))
        number = int(found[self.cursor])
        right = Text(f"#{number}  {self.first + 1}–{last} of {numbers.count(len(found))}", look.style("muted"))
        return [head(replace(title, right=right), width, look), *body]

    def _what(self) -> str:
        return f"{self.showing.value}{', ' + self.subject.title if self.subject.title else ''}"

    @property
    def _shown_epoch(self) -> int | None:
        """The epoch chosen, unless the run has been rewound to before it; the last one otherwise."""
        known = [ended.epoch for ended in self.scene.state.epochs]
        return self.epoch if self.epoch in known else known[-1] if known else None

    def _title(self) -> Title:
        """What is shown and of which epoch; where there is no room for all of it, whose images they are."""
        look, epoch = self.scene.look, self._shown_epoch
        when = f"   epoch {epoch}" if epoch else ""
        whole, part = (safe(what, 60, ascii=look.ascii) for what in (self._what(), self.subject.title or self._what()))
        legend, *shorter = (
            Text(what, look.style("text"), no_wrap=True, end="").append(more, look.style("muted"))
            for what, more in ((whole, when), (whole, ""), (part, when), (part, ""))
        )
        return Title("Images", legend=legend, shorter=tuple(shorter))

    def show_images(self, subject: Subject) -> None:
        """Show other images, from the first on."""
        self.subject, self.epoch, self.cursor, self.first = subject, subject.epoch, 0, 0
        if subject.is_right:
            self.showing = Show.DOUBTFUL
        elif self.showing is Show.DOUBTFUL and subject.predicted is not None:
            self.showing = Show.MISTAKES
        self.redraw()

    def action_next_show(self) -> None:
        """Mistakes, doubtful, all."""
        kinds = list(Show)
        self.showing = kinds[(kinds.index(self.showing) + 1) % len(kinds)]
        self.cursor = self.first = 0
        self.redraw()

    def action_epoch(self, direction: int) -> None:
        """Another epoch; past the last one it follows the run."""
        epochs = [ended.epoch for ended in self.scene.state.epochs if ended.validation.predictions]
        if not epochs:
            return
        at = epochs.index(self.epoch) if self.epoch in epochs else len(epochs) - 1
        at = max(at + direction, 0)
        self.epoch = epochs[at] if at < len(epochs) - 1 else None
        self.redraw()

    def action_page(self, direction: int) -> None:
        """A screenful on."""
        self._go(self.cursor + direction * self._capacity)

    def action_move(self, right: int, down: int) -> None:
        """The next image in a direction."""
        self._go(self.cursor + right + down * self._across)

    def _go(self, cursor: int) -> None:
        self.cursor = min(max(cursor, 0), max(self._found - 1, 0))
        self.redraw()

    def action_filter(self) -> None:
        """Ask for a class."""
        self.post_message(FilterInput.Wanted())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves by a row."""
        self.action_move(0, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves by a row."""
        self.action_move(0, -1)


class ImagesPane(Pane):
    """The images and a line to filter them."""

    KEYS = KEYS

    def compose(self) -> ComposeResult:
        """Images, and the filter below them."""
        yield ImageGrid(self.scene)
        yield FilterInput(placeholder="class, or actual>predicted, as in cat>dog")

    def first_focus(self) -> Widget | None:
        """The images."""
        return self.query_one(ImageGrid)

    def show_subject(self, subject: object) -> None:
        """Show what another pane chose, in the place of what was filtered by."""
        if isinstance(subject, Subject):
            with self.prevent(Input.Changed):  # an emptied line asks for all images
                self.query_one(FilterInput).close()
            self.query_one(ImageGrid).show_images(subject)

    def back(self) -> bool:
        """Close the filter; then show all classes again."""
        if self.query_one(FilterInput).close():
            return True
        images = self.query_one(ImageGrid)
        narrowed = images.subject != Subject()
        if narrowed:
            images.show_images(Subject())
        return narrowed

    def on_filter_input_wanted(self, message: FilterInput.Wanted) -> None:
        """Open the filter."""
        self.query_one(FilterInput).open()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        event.stop()
        images = self.query_one(ImageGrid)
        images.show_images(replace(parse_subject(event.value, self.scene.state.classes), epoch=images.epoch))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and give the keys back."""
        event.stop()
        self.query_one(FilterInput).close(keep=True)
        self.query_one(ImageGrid).focus()


def parse_subject(text: str, classes: list[str]) -> Subject:
    """`cat`: images of cats. `cat>dog`: cats taken for dogs. `>dog`: whatever was taken for a dog."""
    actual, arrow, predicted = text.partition(">")
    title = text.strip().replace(">", " → ")
    return Subject(
        classes_matching(actual, classes) if actual.strip() else None,
        classes_matching(predicted, classes) if arrow and predicted.strip() else None,
        title,
    )
