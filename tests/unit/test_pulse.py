"""What beats and is sampled beside a training, without a GPU and with one that tells only some things."""

from __future__ import annotations

import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from core import pulse
from core.events import Event, Heartbeat, SystemSampled


class Gpu:
    """NVML with one card; what is in `silent` it refuses to tell."""

    NVML_TEMPERATURE_GPU, NVML_CLOCK_SM = 0, 1

    def __init__(self, *silent: str) -> None:
        self.silent = silent

    def _tell(self, name: str, value: Any) -> Any:
        if name in self.silent:
            raise RuntimeError("Not Supported")
        return value

    def nvmlInit(self) -> None:  # noqa: N802
        self._tell("driver", None)

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        return {"GPU-abc": "the card"}[uuid]

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:  # noqa: N802
        return self._tell("load", SimpleNamespace(gpu=93))

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:  # noqa: N802
        return self._tell("memory", SimpleNamespace(used=3 << 30, total=80 << 30))

    def nvmlDeviceGetTemperature(self, handle: str, sensor: int) -> int:  # noqa: N802
        return int(self._tell("temperature", {self.NVML_TEMPERATURE_GPU: 61}[sensor]))

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:  # noqa: N802
        return int(self._tell("power", 412_500))

    def nvmlDeviceGetClockInfo(self, handle: str, clock: int) -> int:  # noqa: N802
        return int(self._tell("clock", {self.NVML_CLOCK_SM: 1980}[clock]))


def samples(monkeypatch: pytest.MonkeyPatch, device: str, nvml: Gpu) -> SystemSampled:
    """The first sample of a machine that trains on a device."""
    monkeypatch.setattr(pulse, "SAMPLE_SECONDS", 0.001)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="abc"))
    found: list[Event] = []
    first = threading.Event()
    beating = pulse.Pulse(lambda event: (found.append(event), first.set())[0], lambda: None)
    beating.sample(torch.device(device))
    assert first.wait(30)
    beating.stop()
    assert isinstance(found[0], SystemSampled)
    return found[0]


def test_a_gpu_is_told_of_in_the_units_of_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = samples(monkeypatch, "cuda:0", Gpu())
    assert sample.memory_bytes > 1 << 20
    assert (sample.gpu_percent, sample.gpu_temperature_celsius, sample.gpu_power_watts) == (93, 61, 412.5)
    assert (sample.gpu_memory_bytes, sample.gpu_memory_total_bytes, sample.gpu_clock_mhz) == (3 << 30, 80 << 30, 1980)


def test_what_a_gpu_does_not_tell_is_left_out_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = samples(monkeypatch, "cuda:0", Gpu("power", "memory"))
    assert (sample.gpu_percent, sample.gpu_power_watts, sample.gpu_memory_bytes) == (93, None, None)


@pytest.mark.parametrize(("device", "silent"), [("cpu", ()), ("cuda:0", ("driver",))])
def test_without_a_gpu_or_its_driver_the_process_is_still_sampled(
    monkeypatch: pytest.MonkeyPatch, device: str, silent: tuple[str, ...]
) -> None:
    sample = samples(monkeypatch, device, Gpu(*silent))
    assert sample.memory_bytes > 1 << 20
    assert (sample.gpu_percent, sample.gpu_memory_bytes) == (None, None)


def test_a_heartbeat_tells_the_step_and_its_age_and_syncs_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "HEARTBEAT_SECONDS", 0.001)
    beats: list[Event] = []
    synced: list[int] = []
    beating = pulse.Pulse(beats.append, lambda: synced.append(len(beats)))
    beating.start()
    while not beats:
        time.sleep(0.001)
    assert beats[0] == Heartbeat(step=0, last_step_age_seconds=None)
    beating.last_step = time.monotonic() - 60
    beating.step = 7
    while not (isinstance(beats[-1], Heartbeat) and beats[-1].step == 7):
        time.sleep(0.001)
    beating.stop()
    count, last = len(beats), beats[-1]
    assert isinstance(last, Heartbeat)
    assert last.last_step_age_seconds == pytest.approx(60, abs=30)
    assert synced == list(range(1, count + 1))
    time.sleep(0.02)
    assert len(beats) == count, "it has stopped"
