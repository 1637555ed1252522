"""Settings from several sources: which one counts, and what is said of those that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import Constant, Cosine, Cutout, HorizontalFlip, MultiStep, OneCycle, TrainConfig
from core.errors import UsageError
from core.layers import Tree, parse_value, read_assignments, read_config_file, read_environment, resolve
from core.recipes import RECIPES, get_recipe
from core.runfolder import Manifest

BASE = get_recipe("shapes-small").config


def overlaid(*sources: tuple[str, Tree]) -> TrainConfig:
    return resolve(BASE, list(sources))


def with_set(*assignments: str) -> TrainConfig:
    return overlaid(("--set", read_assignments(list(assignments))))


SOURCES = ["config file run.toml", "environment", "--set", "command line"]


@pytest.mark.parametrize("winner", range(4), ids=SOURCES)
def test_the_strongest_source_that_speaks_counts(winner: int) -> None:
    sources = [(name, {"epochs": 10 + index}) for index, name in enumerate(SOURCES[: winner + 1])]
    assert overlaid(*sources).epochs == 10 + winner
    assert overlaid(*sources, *[(name, {}) for name in SOURCES[winner + 1 :]]).epochs == 10 + winner


def test_the_recipe_counts_where_nothing_else_speaks() -> None:
    assert overlaid(*[(name, {}) for name in SOURCES]) == BASE


def test_sources_are_laid_over_each_other_key_by_key() -> None:
    config = overlaid(
        ("config file run.toml", {"optimizer": {"lr": 0.5, "momentum": 0.25}, "seed": 9}),
        ("environment", {"optimizer": {"lr": 0.25}}),
        ("--set", {"data": {"batch_size": 32}}),
    )
    assert (config.optimizer.lr, config.optimizer.momentum, config.seed, config.data.batch_size) == (0.25, 0.25, 9, 32)
    assert config.optimizer.name == BASE.optimizer.name
    assert config.data.dataset == BASE.data.dataset


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_survives_being_resolved_and_stored(recipe: str) -> None:
    config = RECIPES[recipe].config
    assert resolve(config, []) == config
    stored = msgspec.json.decode(msgspec.json.encode(config))
    assert msgspec.convert(stored, TrainConfig) == config
    assert resolve(config, [("environment", stored)]) == config


def test_a_file_is_toml(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('epochs = 40\n[optimizer]\nlr = 0.05\n[schedule]\ntype = "cosine"\nwarmup = 0.05\n')
    config = overlaid((f"config file {path}", read_config_file(path)))
    assert (config.epochs, config.optimizer.lr, config.schedule) == (40, 0.05, Cosine(warmup=0.05))


def test_a_byte_order_mark_and_the_line_ends_of_windows_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(b"\xef\xbb\xbfepochs = 40\r\n[optimizer]\r\nlr = 0.05\r\n")
    assert read_config_file(path) == {"epochs": 40, "optimizer": {"lr": 0.05}}


@pytest.mark.parametrize("recipe", ["shapes-small", "c100-resnet26-sgd-plateau"])
def test_what_a_dry_run_printed_is_a_file_of_the_same_settings_and_so_is_run_json(recipe: str, tmp_path: Path) -> None:
    config = msgspec.structs.replace(RECIPES[recipe].config, max_steps=None, seed=3)
    manifest = Manifest(id="a", recipe=recipe, created=1.0, config=msgspec.to_builtins(config))
    path, base = tmp_path / "run.json", msgspec.structs.replace(BASE, max_steps=7)
    for printed in (config, manifest):
        path.write_bytes(msgspec.json.format(msgspec.json.encode(printed), indent=2))
        assert resolve(base, [(f"config file {path}", read_config_file(path))]) == config


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the config file .*: No such file or directory"),
        (b"epochs = ", "the config file .* is not TOML: Invalid value"),
        (b"epochs = 3\nepochs = 4", "the config file .* is not TOML: Cannot overwrite a value"),
        (b"\xff\xfe", "the config file .* is not TOML: .*utf-8"),
        (b"epochs = " + b"9" * 5000, "the config file .* is not TOML: Exceeds the limit"),
        (b'{"epochs": ', "the config file .* is not JSON: Input data was truncated"),
        (b'{"epochs": ' + b"[" * 3000, "the config file .* is no configuration: maximum recursion depth"),
    ],
    ids=["missing", "half a line", "a key twice", "not text", "a number without end", "half an object", "brackets"],
)
def test_a_file_that_is_no_toml(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_config_file(path)


def test_the_environment_gives_settings() -> None:
    environment = {
        "CIFAR_TUI_EPOCHS": "5",
        "CIFAR_TUI_OPTIMIZER__LR": "1e-2",
        "CIFAR_TUI_COMPILE": "true",
        "CIFAR_TUI_SEED": "7",
        "CIFAR_TUI_DEVICE": "cpu",
        "CIFAR_TUI_DATA__AUGMENT": "[{type='cutout', size=4}]",
        "EPOCHS": "6",
        "HOME": "/root",
    }
    config = overlaid(("environment", read_environment(environment)))
    assert (config.epochs, config.optimizer.lr, config.compile, config.seed) == (5, 0.01, True, 7)
    assert (config.device, config.data.augment) == ("cpu", (Cutout(size=4),))


def test_the_data_directory_has_a_variable_of_its_own() -> None:
    assert read_environment({"CIFAR_TUI_DATA_DIR": "/data/7"}) == {"data": {"dir": "/data/7"}}
    assert read_environment({"CIFAR_TUI_DATA_DIR": "7"}) == {"data": {"dir": "7"}}, "a path is text"
    assert read_environment({"CIFAR_TUI_DATA_DIR": ""}) == {}, "an empty path is none"


def test_variables_that_say_where_things_lie_are_no_settings() -> None:
    assert read_environment({"CIFAR_TUI_RUNS_DIR": "/r", "CIFAR_TUI_CONFIG_DIR": "/c"}) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("3.5", 3.5), ("1e-3", 0.001), ("true", True), ("[1, 2]", [1, 2]), ("{a=1}", {"a": 1}),
        ("'quoted'", "quoted"), ("plain", "plain"), (" padded ", "padded"), ("folder:/a/b c", "folder:/a/b c"),
        ("", ""), ("a = b", "a = b"), ("1\nx = 2", "1\nx = 2"), ("9" * 5000, "9" * 5000), ("[" * 5000, "[" * 5000),
        (".01", 0.01), ("-.5", -0.5), ("1.", 1.0), ("1.e-3", 0.001), (" 07 ", 7), (".", "."), ("1.2.3", "1.2.3"),
        ('{"type": "cosine", "warmup": null}', {"type": "cosine", "warmup": None}), ("{brace", "{brace"), ("[", "["),
    ],
)  # fmt: skip
def test_a_value_is_toml_or_a_number_where_it_can_be_and_else_text(text: str, value: Any) -> None:
    assert parse_value(text) == value


def test_assignments_name_keys_with_dots() -> None:
    tree = read_assignments(["optimizer.lr=0.5", " seed = 3", "data.dataset=folder:/a=b", "optimizer.momentum=0.9"])
    assert tree == {
        "optimizer": {"lr": 0.5, "momentum": 0.9}, "seed": 3, "data": {"dataset": "folder:/a=b"}
    }  # fmt: skip


def test_the_last_of_two_assignments_counts() -> None:
    assert with_set("epochs=3", "epochs=4").epochs == 4


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["epochs"], '--set takes key=value, as in --set optimizer.lr=0.01, but got "epochs"'),
        (["=3"], '--set takes key=value, .* but got "=3"'),
        (["optimizer=3", "optimizer.lr=1"], "optimizer.lr: optimizer is set to a value already"),
    ],
    ids=["no value", "no key", "a value and a table"],
)
def test_what_is_no_assignment(assignments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_assignments(assignments)


# -- tables of several types ------------------------------------------------------------------------------------------


def test_another_type_of_schedule_starts_from_its_own_defaults() -> None:
    assert isinstance(BASE.schedule, OneCycle)
    assert with_set("schedule.type=cosine").schedule == Cosine()
    assert with_set("schedule.type=multi_step", "schedule.epochs=[2, 4]").schedule == MultiStep(epochs=(2, 4))
    assert with_set("schedule.type=constant").schedule == Constant()


def test_the_same_type_of_schedule_keeps_what_is_not_named() -> None:
    base = msgspec.structs.replace(BASE, schedule=OneCycle(rise=0.4, start_divisor=7.0))
    overlay = {"schedule": {"type": "one_cycle", "rise": 0.1}}
    assert resolve(base, [("--set", overlay)]).schedule == OneCycle(rise=0.1, start_divisor=7.0)
    assert resolve(base, [("--set", {"schedule": {"rise": 0.1}})]).schedule == OneCycle(rise=0.1, start_divisor=7.0)


def test_a_list_is_replaced_and_not_merged() -> None:
    assert BASE.data.augment
    assert with_set("data.augment=[]").data.augment == ()
    config = with_set("data.augment=[{type='horizontal_flip', p=0.25}, {type='cutout'}]")
    assert config.data.augment == (HorizontalFlip(p=0.25), Cutout())


def test_a_setting_can_be_taken_away() -> None:
    assert with_set("data.normalize=null").data.normalize is None
    base = msgspec.structs.replace(BASE, max_steps=10)
    assert resolve(base, [("--set", read_assignments(["max_steps=null"]))]).max_steps is None


# -- what cannot be used ----------------------------------------------------------------------------------------------

REFUSED = {
    "a misspelt key": (
        ["optimizer.leraning_rate=1", 'unknown key "optimizer.leraning_rate". Did you mean "optimizer.']
    ),
    "a key in no table": (["lr_=1", 'unknown key "lr_".']),
    "a key of another table": (["lr=1", 'unknown key "lr". Did you mean "optimizer.lr"?']),
    "a key in the wrong table": (["data.epochs=1", 'unknown key "data.epochs". Did you mean "epochs"?']),
    "one underscore where a variable takes two": (
        ["optimizer_weight_decay=1", 'unknown key "optimizer_weight_decay". Did you mean "optimizer.weight_decay"?']
    ),
    "a misspelt table": (["optimiser.lr=1", 'unknown key "optimiser". Did you mean "optimizer"?']),
    "a key of another schedule": (
        ["schedule.patience=3", 'unknown key "schedule.patience". It goes with', '"plateau".']
    ),
    "a key of two other schedules": (["schedule.factor=3", 'It goes with schedule.type "multi_step" or "plateau".']),
    "a key of another augmentation": (
        ["data.augment=[{type='cutout', sise=3}]", 'unknown key "data.augment.sise". Did you mean "data.augment.size"?']
    ),
    "an unknown schedule": (
        ["schedule.type=cosin", 'schedule.type "cosin" is unknown. Did you mean "cosine"? Known: constant, multi_step']
    ),
    "the type for the table": (["schedule=cosine", 'schedule is a table: set schedule.type to "cosine"']),
    "a name for a list of tables": (["data.augment=[cutout]", 'data.augment is a list of tables, as [{type="']),
    "an augmentation without a type": (["data.augment=[{size=3}]", 'data.augment.type "None" is unknown.']),
    "an unknown name": (
        ["precision=bf16", 'precision cannot be "bf16". Did you mean "bfloat16"? Known: auto, float32, bfloat16']
    ),
    "an unknown name that may be absent": (
        ["data.normalize=non", 'data.normalize cannot be "non".', "Known: train, null"]
    ),
    "an unknown name beside a truth": (["compile=maybe", 'compile cannot be "maybe". Known: true, false, auto']),
    "a name within a list": (
        [
            "data.augment=[{type='random_crop', mode='mirror'}]",
            'data.augment.mode cannot be "mirror". Known: zeros, mean, ref',
        ]
    ),
    "text for a number": (["optimizer.lr=fast", "optimizer.lr: expected float, got str"]),
    "a fraction for a count": (["epochs=2.5", "epochs: expected int, got float"]),
    "a truth for a count": (["epochs=true", "epochs: expected int, got bool"]),
    "no epochs": (["epochs=0", "epochs: expected int >= 1"]),
    "no images in a batch": (["data.batch_size=0", "data.batch_size: expected int >= 1"]),
    "a negative rate": (["optimizer.lr=-0.1", "optimizer.lr: expected float >= 0.0"]),
    "more than all": (["optimizer.momentum=1.5", "optimizer.momentum: expected float <= 1.0"]),
    "an infinite rate": (["optimizer.lr=inf", "optimizer.lr: expected a finite number"]),
    "an infinite rate as text": (["optimizer.lr='Infinity'", "optimizer.lr: expected a finite number"]),
    "an infinite number in a list": (
        ["data.normalize={mean=[inf], std=[1.0]}", "data.normalize.mean: expected a finite number"]
    ),
    "a seed of 64 bits": (["seed=9223372036854775808", "seed: expected a number below 2^63"]),
    "a device with more after it": (["device=cpus", 'unknown device "cpus": use auto, cpu, cuda, cuda:N or mps']),
    "a device of three digits": (["device=cuda:256", 'unknown device "cuda:256"']),
    "no way back": (["on_nan=rollback:0", 'on_nan cannot be "rollback:0": use stop, or rollback:N']),
    "a deviation of nothing": (
        ["data.normalize={mean=[0.5], std=[0.0]}", "data.normalize.std[0]: expected float > 0.0"]
    ),
    "no checkpoint": (["checkpoint.keep=0", "checkpoint.keep: expected int >= 1"]),
    "a square of nothing": (["data.augment=[{type='cutout', size=0}]", "data.augment[0].size: expected int >= 1"]),
    "a drop before the first epoch": (
        ["schedule={type='multi_step', epochs=[0]}", "schedule.epochs[0]: expected int >= 1"]
    ),
    "a rate that is no number": (["optimizer.lr=nan", "optimizer.lr: expected"]),
    "a value for a table": (["optimizer=3", "optimizer: expected object, got int"]),
    "a table for a value": (["epochs.a=3", "epochs: expected int, got object"]),
    "a table that lacks a key": (["schedule.type=multi_step", "schedule: object missing required field epochs"]),
    "a list that is too short": (["optimizer.betas=[0.9]", "optimizer.betas: expected array of length 2, got 1"]),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_names_source_key_and_reason_in_one_sentence(case: list[str]) -> None:
    assignment, *parts = case
    with pytest.raises(UsageError) as raised:
        overlaid(("config file run.toml", {}), ("environment", read_assignments([assignment])), ("--set", {}))
    message = str(raised.value)
    assert message.startswith("environment: ")
    for part in parts:
        assert part in message
    assert "\n" not in message
    assert "`" not in message
    assert "$" not in message


def test_the_source_named_is_the_one_that_is_wrong_and_not_a_later_one() -> None:
    with pytest.raises(UsageError, match=r"^config file run\.toml: epochs: expected int >= 1"):
        overlaid(("config file run.toml", {"epochs": 0}), ("--set", {"epochs": 3}))


@given(key=st.text(max_size=10), value=st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()))
def test_any_setting_is_used_or_refused(key: str, value: Any) -> None:
    try:
        config = overlaid(("--set", {key: value}))
    except UsageError:
        return
    assert msgspec.json.decode(msgspec.json.encode(config), type=TrainConfig) == config
