"""The precision that a device is given, and a processor's name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core.device import computes_in_bfloat16, processor_name


@pytest.fixture
def cpuinfo(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What Linux says of the CPU, for the test to fill in."""
    fields: dict[str, str] = {}
    monkeypatch.setattr(Path, "read_text", lambda path: "".join(f"{name}\t: {text}\n" for name, text in fields.items()))
    return fields


@pytest.mark.parametrize(
    ("vendor", "capabilities", "gains"),
    [
        ("AuthenticAMD", ["avx512_bf16"], True),
        ("AuthenticAMD", ["avx512_f"], False),
        ("GenuineIntel", ["avx512_bf16", "amx_bf16"], True),
        ("GenuineIntel", ["avx512_bf16"], False),
        ("GenuineIntel", ["avx2"], False),
    ],
    ids=str,
)
def test_bfloat16_is_for_cpus_that_gain_by_it(
    vendor: str, capabilities: list[str], gains: bool, cpuinfo: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cpuinfo["vendor_id"] = vendor
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: dict.fromkeys(capabilities, True))
    assert computes_in_bfloat16(torch.device("cpu")) is gains


@pytest.mark.parametrize(("index", "computes"), [(0, True), (1, False)])
def test_each_gpu_of_a_machine_is_asked_for_itself(index: int, computes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    present = [0]

    @contextlib.contextmanager
    def entered(device: torch.device) -> Iterator[None]:
        before, present[0] = present[0], device.index
        yield
        present[0] = before

    monkeypatch.setattr("torch.cuda.device", entered)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda *, including_emulation: present == [0])
    assert computes_in_bfloat16(torch.device("cuda", index)) is computes


def test_a_processor_has_the_name_its_maker_gave_it(cpuinfo: dict[str, str]) -> None:
    cpuinfo |= {"processor": "0", "vendor_id": "AuthenticAMD", "model": "17", "model name": "AMD EPYC: 9B14"}
    assert processor_name() == "AMD EPYC: 9B14"


def test_where_linux_tells_nothing_python_does(cpuinfo: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.processor", lambda: "arm")
    assert processor_name() == "arm"
