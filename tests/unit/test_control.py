"""Commands as files: taken in order, once, and whatever else lies in the folder does no harm."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import control as control_module
from core.control import COMMANDS, Command, parse_command, parse_epochs, parse_factor, send, take
from core.errors import StorageError, UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "control").mkdir()
    return tmp_path / "control"


def waiting(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_command_arrives_once_and_as_it_was_sent(folder: Path) -> None:
    command = parse_command(["lr", "×0.5"])
    identifier = send(folder, command)
    (received,) = take(folder)
    assert (received.id, received.command, received.problem) == (identifier, command, "")
    assert take(folder) == []
    assert waiting(folder) == []


def test_commands_are_taken_in_the_order_in_which_they_were_sent(folder: Path) -> None:
    words = [["pause"], ["lr", "2"], ["unpause"], ["epochs", "7"], ["checkpoint"], ["evaluate"], ["stop"]]
    sent = [send(folder, parse_command(each)) for each in words]
    received = take(folder)
    assert [each.id for each in received] == sent
    assert [each.command.name for each in received if each.command] == [each[0] for each in words]


def test_a_command_says_who_sent_it_and_when(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_module.time, "time", lambda: 1.5e9)
    monkeypatch.setattr(control_module.getpass, "getuser", lambda: "ada")
    monkeypatch.setattr(control_module.socket, "gethostname", lambda: "gpu7")
    command = parse_command(["pause"])
    assert (command.sender, command.created) == ("ada@gpu7", 1.5e9)


@pytest.mark.parametrize("error", [KeyError, OSError], ids=["before Python 3.13", "since"])
def test_a_sender_without_a_name_is_known_by_the_host(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise error("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(control_module.getpass, "getuser", nameless)
    monkeypatch.setattr(control_module.socket, "gethostname", lambda: "gpu7")
    assert parse_command(["pause"]).sender == "gpu7"


def test_half_a_command_is_never_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way has a name that the trainer passes over."""
    seen: list[list[str]] = []
    rename = Path.rename

    def spy(self: Path, target: Path) -> Path:
        seen.append([each.id for each in take(folder)])
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", spy)
    send(folder, parse_command(["pause"]))
    assert seen == [[]]
    assert len(take(folder)) == 1


def test_temporary_and_foreign_files_are_passed_over_and_stay(folder: Path) -> None:
    for name in (".123.tmp", ".hidden.json", "notes.txt", "json"):
        (folder / name).write_bytes(msgspec.json.encode(Command(name="stop")))
    assert take(folder) == []
    assert waiting(folder) == [".123.tmp", ".hidden.json", "json", "notes.txt"]


def write(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def fifo_with_a_writer(path: Path) -> None:
    os.mkfifo(path)
    os.open(path, os.O_RDWR | os.O_NONBLOCK)  # held open: an empty pipe of which no end is in sight


def link_to_a_command(path: Path) -> None:
    target = path.parent / "target"
    target.write_bytes(msgspec.json.encode(Command(name="stop")))
    path.symlink_to(target)


NOT_COMMANDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "an empty file": (write(b""), "not a command: "),
    "garbage": (write(b"\x80\xff{{{"), "not a command: "),
    "other JSON": (write(b"[1, 2]"), "not a command: "),
    "a thousand brackets": (write(b'{"name":"stop","x":' + b"[" * 2000 + b"]" * 2000 + b"}"), "not a command: "),
    "an unknown command": (write(b'{"name":"explode"}'), "not a command: .*explode"),
    "a field of another type": (write(b'{"name":"lr","argument":2}'), "not a command: .*argument"),
    "a file that is too large": (write(b'{"name":"stop"}' + b" " * 5000), "the file is too large for a command"),
    "a pipe": (os.mkfifo, "unreadable: not a plain file"),
    "a pipe that somebody holds": (fifo_with_a_writer, "unreadable: not a plain file"),
    "a link, even to a command": (link_to_a_command, "unreadable: .*symbolic link"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "unreadable: .*symbolic link"),
}


@pytest.mark.parametrize(("make", "problem"), NOT_COMMANDS.values(), ids=NOT_COMMANDS.keys())
@pytest.mark.timeout(20)  # a pipe that is waited for would hold up the trainer for ever
def test_what_is_no_command_is_taken_away_with_its_reason(
    make: Callable[[Path], None], problem: str, folder: Path
) -> None:
    make(folder / "0.json")
    good = send(folder, parse_command(["pause"]))
    first, second = take(folder)
    assert (first.id, first.command) == ("0", None)
    assert re.match(problem, first.problem), first.problem
    assert (second.id, second.problem) == (good, "")
    assert [name for name in waiting(folder) if name.endswith(".json")] == []


@given(content=st.binary(max_size=300))
def test_no_content_makes_it_fail(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-content"
    folder.mkdir(exist_ok=True)
    (folder / "1.json").write_bytes(content)
    (received,) = take(folder)
    assert (received.command is None) == bool(received.problem)


@pytest.mark.parametrize("what", ["a folder", "a file that cannot be removed"])
def test_what_cannot_be_removed_is_not_obeyed_again_and_again(
    what: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what == "a folder":
        (folder / "1.json").mkdir()
    else:
        (folder / "1.json").write_bytes(msgspec.json.encode(Command(name="lr", argument="0.5")))

        def refuse(self: Path, missing_ok: bool = False) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(Path, "unlink", refuse)
    before = len(os.listdir("/proc/self/fd"))
    assert [take(folder) for _ in range(3)] == [[], [], []]
    assert len(os.listdir("/proc/self/fd")) == before, "no look may leave a descriptor behind"


def test_a_name_that_is_not_unicode_is_taken_too(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.json")).write_bytes(msgspec.json.encode(Command(name="pause")))
    (received,) = take(folder)
    assert received.command == Command(name="pause")


def test_a_folder_that_is_missing_has_no_commands(tmp_path: Path) -> None:
    assert take(tmp_path / "nowhere") == []


def test_a_command_that_cannot_be_left_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=f"cannot leave a command in {tmp_path}/nowhere: No such file or directory"):
        send(tmp_path / "nowhere", parse_command(["pause"]))


# -- the words of a command line --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "name", "argument"),
    [
        (["pause"], "pause", ""),
        (["unpause"], "unpause", ""),
        (["checkpoint"], "checkpoint", ""),
        (["evaluate"], "evaluate", ""),
        (["stop"], "stop", ""),
        (["stop", "discard"], "stop", "discard"),
        (["lr", "0.5"], "lr", "0.5"),
        (["lr", "×.5"], "lr", "0.5"),
        (["lr", "x2"], "lr", "2.0"),
        (["lr", "*", "1e-3"], "lr", "0.001"),
        (["epochs", "40"], "epochs", "40"),
        (["epochs", " 40 "], "epochs", "40"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_words_make_a_command(words: list[str], name: str, argument: str) -> None:
    command = parse_command(words)
    assert (command.name, command.argument) == (name, argument)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "say what to do: pause, unpause"),
        (["puase"], 'unknown command "puase". Did you mean "pause"\\? Commands: pause, unpause'),
        (["dance"], 'unknown command "dance". Commands: pause'),
        (["pause", "now"], 'pause takes no argument, but got "now"'),
        (["stop", "please"], 'stop takes discard or no argument, but got "please"'),
        (["lr"], 'lr takes a positive factor, as in `lr ×0.5`, but got ""'),
        (["lr", "fast"], 'lr takes a positive factor, .* but got "fast"'),
        (["lr", "0"], "lr takes a positive factor"),
        (["lr", "-1"], "lr takes a positive factor"),
        (["lr", "nan"], "lr takes a positive factor"),
        (["lr", "inf"], "lr takes a positive factor"),
        (["lr", "1e999"], "lr takes a positive factor"),
        (["epochs"], 'epochs takes a positive whole number, as in `epochs 40`, but got ""'),
        (["epochs", "0"], "epochs takes a positive whole number"),
        (["epochs", "2.5"], "epochs takes a positive whole number"),
        (["epochs", "99999999999999999999"], "epochs takes at most 1,000,000, but got 99999999999999999999"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_words_that_make_none(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_command(words)


@given(text=st.text(max_size=12))
def test_any_text_is_a_good_factor_or_refused(text: str) -> None:
    try:
        factor = parse_factor(text)
    except UsageError:
        return
    assert 0 < factor < float("inf")
    assert parse_factor(str(factor)) == factor


@given(text=st.one_of(st.text(max_size=12), st.integers().map(str)))
def test_any_text_is_a_good_number_of_epochs_or_refused(text: str) -> None:
    try:
        epochs = parse_epochs(text)
    except UsageError:
        return
    assert 1 <= epochs <= 1_000_000


def test_every_command_has_its_words() -> None:
    arguments = {"lr": ["2"], "epochs": ["3"]}
    assert [parse_command([name, *arguments.get(name, [])]).name for name in COMMANDS] == list(COMMANDS)
