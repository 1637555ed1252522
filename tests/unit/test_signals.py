"""Signals in a process of their own: the first sets a flag, the second ends it at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

# Says what it was asked after each signal. The pipe wakes it: signal.pause() would miss a signal that comes before it.
PROGRAM = """
import os, signal
from core.signals import Signals

reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
signals = Signals()
signals.install()
print("ready", flush=True)
while os.read(reader, 1):
    print(signals.request, signals.name, flush=True)
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def send(process: subprocess.Popen[str], name: str) -> str:
    """Send a signal and return what the process says, which is nothing once it has ended."""
    process.send_signal(getattr(signal, name))
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize(
    ("name", "request_"),
    [("SIGINT", "interrupt"), ("SIGTERM", "preempt"), ("SIGUSR1", "preempt"), ("SIGUSR2", "preempt")],
)
def test_a_signal_sets_a_flag_and_no_more(name: str, request_: str, process: subprocess.Popen[str]) -> None:
    assert send(process, name) == f"{request_} {name}"
    assert process.poll() is None


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("SIGINT", "SIGINT", 130),
        ("SIGTERM", "SIGTERM", 143),
        ("SIGUSR1", "SIGTERM", 143),
        ("SIGTERM", "SIGINT", 130),
    ],
)
def test_a_second_signal_ends_it_at_once(first: str, second: str, code: int, process: subprocess.Popen[str]) -> None:
    send(process, first)
    assert send(process, second) == ""
    assert process.wait(timeout=20) == code


def test_preemption_goes_before_an_interruption(process: subprocess.Popen[str]) -> None:
    """The batch system takes the machine away while a person's Ctrl-C is still being obeyed: the job is requeued."""
    send(process, "SIGINT")
    assert send(process, "SIGTERM") == "preempt SIGTERM"
    assert process.poll() is None
    send(process, "SIGTERM")
    assert process.wait(timeout=20) == 143


def test_the_end_of_its_terminal_means_nothing(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGHUP)
    assert send(process, "SIGINT") == "interrupt SIGINT"
