"""Hypothesis strategies for events and whole histories of runs, and what it means that two of them are the same."""

from __future__ import annotations

import math
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import numpy as np
from hypothesis import strategies as st

from core import events as ev
from core.columns import Columns
from core.state import RunState

EVENT_TYPES: tuple[type[ev.EventBase], ...] = get_args(ev.Event)
KINDS: dict[str, type[ev.EventBase]] = {str(kind.__struct_config__.tag): kind for kind in EVENT_TYPES}

_SIZE = 3  # elements of a list: enough to be empty, single or several
_WORDS = st.one_of(st.text(max_size=8), st.sampled_from(["null", "NaN", "Infinity", '","crc":"', "\x1b[31m\n\r\x00"]))
_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        _WORDS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=_SIZE), st.dictionaries(_WORDS, inner, max_size=_SIZE)),
    max_leaves=8,
)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of an annotated type, as it may stand in an event."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return _JSON
    if kind is NoneType:
        return st.none()
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(-(2**63), 2**64 - 1)
    if kind is float:
        return st.floats()
    if kind is str:
        return _WORDS
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.one_of(*map(values, arguments))
    if origin is list:
        return st.lists(values(arguments[0]), max_size=_SIZE)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=_SIZE)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=_SIZE).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, arguments))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = {field.name: values(field.type) for field in msgspec.structs.fields(kind)}
        return st.fixed_dictionaries(fields).map(lambda given: kind(**_matched(kind, given)))
    raise NotImplementedError(f"no strategy for {kind}: add one, so that new fields are tested too")


def _matched(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    """The same values where any make such a struct, else cut so that they fit together."""
    if kind in (ev.LrPlan, ev.Curve):
        points = {name: value for name, value in given.items() if name != "metric"}
        length = min(map(len, points.values()))
        return given | {name: value[:length] for name, value in points.items()}
    if kind is ev.Evaluation:
        size = min([len(given["confusion"]), *map(len, given["confusion"])])
        return given | {"confusion": [row[:size] for row in given["confusion"][:size]] or [[0]]}
    if kind is ev.RunStarted:
        classes, groups = given["classes"] or [""], len(given["superclasses"])
        of = [index % groups for index in given["superclass_of"]] if groups else []
        steps = max(given["steps_per_epoch"], 1)
        return given | {
            "classes": classes, "superclass_of": of if len(of) == len(classes) else [], "steps_per_epoch": steps
        }  # fmt: skip
    return given


def events() -> st.SearchStrategy[ev.Event]:
    """Any event at all."""
    return st.one_of(*map(values, EVENT_TYPES))


def records(event: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[ev.Record]:
    """Any record."""
    return st.builds(
        ev.Record,
        seq=st.integers(0, 2**63),
        wall=st.floats(),
        mono=st.floats(),
        attempt=st.integers(0, 2**31),
        event=events() if event is None else event,
    )


def same(left: Any, right: Any) -> bool:
    """Equal in value and type all the way down; a NaN equals a NaN, and -0.0 is not 0.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return math.isnan(left) == math.isnan(right) and (math.isnan(left) or repr(left) == repr(right))
    if isinstance(left, msgspec.Struct):
        return all(same(getattr(left, name), getattr(right, name)) for name in left.__struct_fields__)
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def snapshot(state: RunState) -> Any:
    """Everything a state holds or derives, as values that compare with ==, whatever attributes it may get."""
    derived = {
        name: getattr(state, name) for name, member in vars(RunState).items() if isinstance(member, property)
    } | {"liveness": [state.liveness(wall) for wall in (0.0, 1e9, 1e12)]}
    return _plain(vars(state) | derived)


def _plain(value: Any) -> Any:
    if isinstance(value, Columns):
        return {name: _plain(value[name]) for name in value._store.arrays}
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.shape, [_plain(item) for item in value.ravel().tolist()]]
    if isinstance(value, float):
        return repr(value)  # so that a NaN equals a NaN
    if isinstance(value, msgspec.Struct):
        return [type(value).__name__, *(_plain(getattr(value, name)) for name in value.__struct_fields__)]
    if isinstance(value, dict):
        return [[_plain(key), _plain(item)] for key, item in value.items()]
    if isinstance(value, str | int | NoneType):
        return value
    if hasattr(value, "__dataclass_fields__"):
        return [type(value).__name__, _plain(vars(value))]
    return [type(value).__name__, *map(_plain, value)]  # lists, tuples, deques


@st.composite
def histories(draw: st.DrawFn, *, max_attempts: int = 3) -> list[ev.Record]:
    """What a trainer could have recorded: attempts that begin, train, pause, save, go back and end, or are cut off."""
    story = _Story(draw)
    for attempt in range(1, draw(st.integers(1, max_attempts)) + 1):
        story.attempt(attempt)
    return story.records


class _Story:
    """A trainer that draws what happens next."""

    steps_per_epoch = 4
    num_epochs = 3

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.records: list[ev.Record] = []
        self.number = 0
        self.step = self.epoch = 0
        self.checkpoints: list[tuple[int, int]] = []
        self.mono = self.wall = 0.0

    def emit(self, event: ev.Event) -> None:
        self.mono += self.draw(st.sampled_from([0.0, 0.125, 0.5, 7.0]))
        self.wall += self.draw(st.sampled_from([0.0, 1.0, -3.0]))  # clocks are set back now and then
        record = ev.Record(seq=len(self.records), wall=self.wall, mono=self.mono, attempt=self.number, event=event)
        self.records.append(record)

    def attempt(self, number: int) -> None:
        self.number = number
        self.mono, self.wall = self.draw(st.floats(0, 1e6)), 1.8e9 + 1000.0 * number
        self.emit(ev.PhaseChanged(phase="starting"))
        if number > 1:
            self.step, self.epoch = self.draw(st.sampled_from([(0, 0), *self.checkpoints]))
            self.emit(
                ev.Resumed(attempt=number, from_step=self.step, from_epoch=self.epoch, checkpoint=f"step-{self.step}")
            )
        self.emit(run_started(num_epochs=self.num_epochs, steps_per_epoch=self.steps_per_epoch))
        self.emit(ev.PhaseChanged(phase="training"))
        train = [self.train] * 3
        for _ in range(self.draw(st.integers(0, 12))):
            self.draw(st.sampled_from([*train, self.pause, self.save, self.roll_back, self.command, self.talk]))()
            if self.step >= self.num_epochs * self.steps_per_epoch:
                break
        if self.draw(st.booleans()):
            status = self.draw(st.sampled_from(["finished", "stopped", "preempted", "diverged", "failed"]))
            self.emit(ev.RunEnded(status=status, step=self.step, epoch=self.epoch, seconds=self.mono))

    def train(self) -> None:
        left = self.steps_per_epoch * (self.epoch + 1) - self.step
        count = self.draw(st.integers(1, left)) if left else 0
        if count:
            numbers = st.lists(st.floats(width=32), min_size=count, max_size=count)
            self.emit(
                ev.Batches(
                    epoch=self.epoch + 1,
                    first_step=self.step,
                    loss=self.draw(numbers),
                    lr=[0.1] * count,
                    accuracy=[0.5] * count,
                    gradient_norm=self.draw(numbers),
                    num_images=8 * count,
                    seconds=self.draw(st.sampled_from([0.0, 0.25, 4.0])),
                )
            )
            self.step += count
        if count == left:
            self.epoch += 1
            self.emit(epoch_ended(self.epoch, self.step, top1=self.draw(st.sampled_from([0.1, 0.5, 0.5, math.nan]))))

    def pause(self) -> None:
        self.emit(ev.Paused(step=self.step))
        if self.draw(st.booleans()):
            self.emit(ev.Unpaused(step=self.step, seconds=1.0))

    def save(self) -> None:
        self.checkpoints.append((self.step, self.epoch))
        self.emit(
            ev.CheckpointSaved(
                step=self.step, epoch=self.epoch, path=f"checkpoints/step-{self.step:08d}", reason="command"
            )
        )

    def roll_back(self) -> None:
        self.step, self.epoch = self.draw(st.sampled_from([(0, 0), *self.checkpoints]))
        plan = ev.LrPlan(steps=[self.step, 11], lr=[0.05, 0.0])
        self.emit(ev.RolledBack(from_step=self.step, from_epoch=self.epoch, reason="the loss became nan", plan=plan))

    def command(self) -> None:
        status = self.draw(st.sampled_from(["received", "done", "refused"]))
        plan = ev.LrPlan(steps=[0, 9], lr=[0.2, math.inf]) if status == "done" else None
        self.emit(
            ev.CommandHandled(
                command_id=self.draw(st.sampled_from(["a", "b"])), name="lr", status=status, step=self.step, plan=plan,
                num_epochs=4 if plan else None, num_steps=16 if plan else None,
            )
        )  # fmt: skip

    def talk(self) -> None:
        self.emit(
            self.draw(
                st.sampled_from(
                    [
                        ev.Notice(level="warning", text="naïve\n\x1b[1m ☃"),
                        ev.Heartbeat(step=self.step, last_step_age_seconds=90.0),
                        ev.SystemSampled(cpu_percent=math.nan, memory_bytes=2**40),
                        ev.PlanChanged(step=self.step, reason="plateau", plan=ev.LrPlan(steps=[1], lr=[0.01])),
                        ev.Evaluated(epoch=self.epoch + 1, step=self.step, validation=evaluation()),
                    ]
                )
            )
        )


def run_started(*, num_epochs: int = 3, steps_per_epoch: int = 4, **changes: Any) -> ev.RunStarted:
    """A run of two classes on the CPU."""
    event = ev.RunStarted(
        run_id="r", recipe="shapes-small", dataset="shapes", config={"seed": 1, "augment": [{"p": 0.5}]},
        classes=["cat", "dog"], num_train_images=32, num_validation_images=4, image_shape=(3, 8, 8), batch_size=8,
        steps_per_epoch=steps_per_epoch, num_epochs=num_epochs, num_steps=num_epochs * steps_per_epoch,
        plan=ev.LrPlan(steps=[0, num_epochs * steps_per_epoch - 1], lr=[0.1, 0.0]),
        device=ev.DeviceInfo(name="cpu", title="CPU", reason="asked for", precision="float32"),
    )  # fmt: skip
    return msgspec.structs.replace(event, **changes)


def evaluation(top1: float = 0.5, *, seconds: float = 2.0, confusion: list[list[int]] | None = None) -> ev.Evaluation:
    """An evaluation on four images of two classes."""
    return ev.Evaluation(loss=1.25, top1=top1, top5=None, confusion=confusion or [[1, 1], [0, 2]], seconds=seconds)


def batches(first_step: int, count: int, *, epoch: int = 1, seconds: float = 1.0, loss: float = 1.0) -> ev.Batches:
    """`count` steps of 8 images."""
    return ev.Batches(
        epoch=epoch, first_step=first_step, loss=[loss] * count, lr=[0.1] * count, accuracy=[0.5] * count,
        gradient_norm=[2.0] * count, num_images=8 * count, seconds=seconds,
    )  # fmt: skip


def epoch_ended(epoch: int, step: int, *, top1: float = 0.5, seconds: float = 2.0) -> ev.EpochEnded:
    """The end of an epoch."""
    return ev.EpochEnded(
        epoch=epoch, step=step, train_loss=1.0, train_accuracy=0.5, validation=evaluation(top1, seconds=seconds),
        lr=0.1, seconds=4.0, images_per_second=8.0,
    )  # fmt: skip
