"""Lay the sources of a configuration over each other: flag > `--set` > environment > file > recipe.

Each source becomes a nested dictionary; the merged one is checked key by key, so that a misspelt key is named with the
nearest known one and the source it came from, and then converted to `TrainConfig`, which checks the values.
"""

from __future__ import annotations

import contextlib
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from core.codec import UNDECODABLE
from core.config import DEVICES, DEVICES_TEXT, ON_NAN, ON_NAN_TEXT, Section, TrainConfig
from core.errors import UsageError, nearest

ENVIRONMENT_PREFIX = "CIFAR_TUI_"
# These choose where things lie, and are not part of a run's configuration.
ENVIRONMENT_OTHER = frozenset({"CIFAR_TUI_RUNS_DIR", "CIFAR_TUI_CONFIG_DIR"})
_NUMBER = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""Also .01, 1. and 07, which `bc` and `seq -w` print; TOML has none of them."""
_SHORT = {"CIFAR_TUI_DATA_DIR": ["data", "dir"]}
"""Variables with a name of their own."""

Tree = dict[str, Any]


def read_config_file(path: Path) -> Tree:
    """The settings of a TOML file, or of a JSON file: what `--dry-run` prints, or the `run.json` of a run.

    Raises:
        UsageError: it is missing or neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
        if text.lstrip().startswith("{"):  # no TOML file does
            tree = msgspec.json.decode(text, type=Tree)
            of_run = tree.get("config")
            return of_run if isinstance(of_run, dict) else tree
        return tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read the config file {path}: {error.strerror}") from error
    except RecursionError as error:
        raise UsageError(f"the config file {path} is no configuration: {error}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"the config file {path} is not JSON: {error}") from error
    except ValueError as error:  # of the encoding too, and of numbers of thousands of digits
        raise UsageError(f"the config file {path} is not TOML: {error}") from error


def read_environment(environ: Mapping[str, str]) -> Tree:
    """Settings from variables: CIFAR_TUI_EPOCHS=5, CIFAR_TUI_OPTIMIZER__LR=0.01 (two underscores for a dot)."""
    tree: Tree = {}
    for name, text in sorted(environ.items()):
        if name in _SHORT:
            if text:  # an empty one is as good as none, as for CIFAR_TUI_RUNS_DIR
                _put(tree, _SHORT[name], text)
        elif name.startswith(ENVIRONMENT_PREFIX) and name not in ENVIRONMENT_OTHER:
            path = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
            _put(tree, path, parse_value(text))
    return tree


def read_assignments(assignments: list[str]) -> Tree:
    """Settings from `--set a.b=value` arguments; values are TOML where they parse as such, else text.

    Raises:
        UsageError: an argument has no `=`.
    """
    tree: Tree = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator or not key.strip():
            raise UsageError(f'--set takes key=value, as in --set optimizer.lr=0.01, but got "{assignment}"')
        _put(tree, key.strip().split("."), parse_value(text))
    return tree


def parse_value(text: str) -> Any:
    """A TOML value (number, boolean, list, inline table, quoted text), JSON, a number as flags take it, or the text."""
    text = text.strip()
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # no TOML, or a number of thousands of digits, or a thousand brackets
        if text.startswith(("{", "[")):
            with contextlib.suppress(*UNDECODABLE):
                return msgspec.json.decode(text)
        if not _NUMBER.fullmatch(text):
            return text
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    return parsed["value"] if len(parsed) == 1 else text  # several lines may be several settings


def resolve(base: TrainConfig, sources: list[tuple[str, Tree]]) -> TrainConfig:
    """`base` with each named source laid over it, the later ones on top.

    Raises:
        UsageError: a key is unknown or a value cannot be used; the message names the source.
    """
    config, tree = base, msgspec.to_builtins(base)
    for source, overlay in sources:
        tree = _merge(tree, overlay)
        _check_keys(tree, TrainConfig, (), source)
        if not re.fullmatch(ON_NAN, str(tree["on_nan"])):  # in words: msgspec would show the pattern
            raise UsageError(f'{source}: on_nan cannot be "{tree["on_nan"]}": {ON_NAN_TEXT}')
        try:
            # Not strict, so that an environment variable's text can become a number; checked after each source, so that
            # the message can name it.
            config = msgspec.convert(tree, TrainConfig, strict=False)
        except msgspec.ValidationError as error:
            raise UsageError(f"{source}: {_explain(error)}") from error
        _check_numbers(msgspec.to_builtins(config), (), source)
        if not re.fullmatch(DEVICES, config.device):
            raise UsageError(f'{source}: unknown device "{config.device}": {DEVICES_TEXT}')
    return config


def _merge(below: Tree, above: Tree) -> Tree:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and value.get("type", old.get("type")) == old.get("type"):
            merged[key] = _merge(old, value)
        else:  # a table of another type (schedule) shares no keys with the old one
            merged[key] = value
    return merged


def _put(tree: Tree, path: list[str], value: Any) -> None:
    for key in path[:-1]:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            raise UsageError(f"{'.'.join(path)}: {key} is set to a value already and cannot also be a table")
        tree = child
    tree[path[-1]] = value


def _check_numbers(value: Any, path: tuple[str, ...], source: str) -> None:
    """What `run.json` and the log can hold: JSON has no infinity, and other readers have 64 bits."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_numbers(item, (*path, key), source)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_numbers(item, path, source)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{source}: {'.'.join(path)}: expected a finite number")
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise UsageError(f"{source}: {'.'.join(path)}: expected a number below 2^63")


def _check_keys(value: Any, kind: Any, path: tuple[str, ...], source: str) -> None:
    choices = _choices(kind)
    if isinstance(value, str) and choices and value not in choices:
        here = ".".join(path)
        raise UsageError(f'{source}: {here} cannot be "{value}".{nearest(value, choices)} Known: {", ".join(choices)}')
    if get_origin(kind) is tuple and isinstance(value, str) and (tags := _structs_by_tag(get_args(kind)[0])):
        raise UsageError(f'{source}: {".".join(path)} is a list of tables, as [{{type="{next(iter(tags))}"}}]')
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        for item in value:
            _check_keys(item, get_args(kind)[0], path, source)
    by_tag = _structs_by_tag(kind)
    if isinstance(value, str) and value in by_tag:
        raise UsageError(f'{source}: {".".join(path)} is a table: set {".".join(path)}.type to "{value}"')
    if not isinstance(value, dict):
        return
    if get_origin(kind) in (Union, UnionType):
        kind = _member(kind, value.get("type"), path, source)
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, item in value.items():
        here = ".".join((*path, key))
        if key not in fields and key != kind.__struct_config__.tag_field:
            known = [".".join((*path, name)) for name in fields]
            types = " or ".join(f'"{tag}"' for tag, struct in by_tag.items() if key in struct.__struct_fields__)
            goes_with = f" It goes with {'.'.join(path)}.type {types}." if types else ""
            raise UsageError(f'{source}: unknown key "{here}".{goes_with or _elsewhere(here) or nearest(here, known)}')
        _check_keys(item, fields.get(key), (*path, key), source)


def _elsewhere(key: str) -> str:
    """` Did you mean "optimizer.lr"?` for lr, data.lr and optimizer_lr: a setting's name in another place."""
    wanted = key.rpartition(".")[2]
    for field in msgspec.structs.fields(TrainConfig):
        if wanted == field.name:
            return f' Did you mean "{wanted}"?'
        if isinstance(field.type, type) and issubclass(field.type, Section):
            for name in field.type.__struct_fields__:
                if wanted in (name, f"{field.name}_{name}"):
                    return f' Did you mean "{field.name}.{name}"?'
    return ""


def _structs_by_tag(union: Any) -> dict[str, Any]:
    kinds = get_args(union) if get_origin(union) in (Union, UnionType) else ()
    structs = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    return {str(struct.__struct_config__.tag): struct for struct in structs}


def _member(union: Any, tag: Any, path: tuple[str, ...], source: str) -> Any:
    """The struct of a union that a table's `type` names; a union with one struct needs no `type`."""
    by_tag = _structs_by_tag(union)
    if len(by_tag) <= 1:
        return next(iter(by_tag.values()), None)
    if tag not in by_tag:
        here = ".".join(path)
        raise UsageError(
            f'{source}: {here}.type "{tag}" is unknown.{nearest(str(tag), by_tag)} Known: {", ".join(by_tag)}'
        )
    return by_tag[tag]


def _choices(kind: Any) -> tuple[str, ...]:
    """The names that a setting may have, "null" for none; empty where it takes other text."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        names = tuple(name for member in get_args(kind) for name in _choices(member))
        if names and bool in get_args(kind):
            names = ("true", "false", *names)
        return (*names, "null") if names and type(None) in get_args(kind) else names
    return ()


def _explain(error: msgspec.ValidationError) -> str:
    """msgspec's "Expected `int` >= 1 - at `$.data.batch_size`" as a sentence that begins with the key."""
    text, separator, path = str(error).partition(" - at `$.")
    return f"{path.rstrip('`')}: {text[0].lower()}{text[1:]}".replace("`", "") if separator else text
