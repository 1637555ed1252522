"""What goes on beside the loop: heartbeats, syncing the log, and sampling the machine's load.

Two threads, so that a driver that hangs while it is asked for the GPU's temperature takes only the samples with it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import psutil

from core.events import Event, Heartbeat, SystemSampled

if TYPE_CHECKING:  # the heart beats already while PyTorch loads
    import torch

HEARTBEAT_SECONDS = 5.0
SAMPLE_SECONDS = 2.0


class Pulse:
    """Threads that emit `Heartbeat` every 5 s and `SystemSampled` every 2 s, and call `sync` with each heartbeat."""

    def __init__(self, emit: Callable[[Event], None], sync: Callable[[], None]) -> None:
        self._emit, self._sync = emit, sync
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.step = 0
        self.last_step: float | None = None
        """Monotonic time of the last step issued; the loop sets it."""

    def start(self) -> None:
        """Begin to beat."""
        self._spawn("heartbeat", self._beat)

    def sample(self, device: torch.device) -> None:
        """Begin to sample the machine that trains on `device`."""
        self._spawn("system", lambda: self._sample(device))

    def stop(self) -> None:
        """End the threads; one that hangs is left behind, it is a daemon."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=1.0)

    def _spawn(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            age = None if self.last_step is None else round(time.monotonic() - self.last_step, 3)
            self._emit(Heartbeat(step=self.step, last_step_age_seconds=age))
            self._sync()

    def _sample(self, device: torch.device) -> None:
        process = psutil.Process()
        process.cpu_percent()  # the first call only sets the origin
        gpu = _Gpu.open(device) if device.type == "cuda" else None
        while not self._stop.wait(SAMPLE_SECONDS):
            sample = SystemSampled(cpu_percent=process.cpu_percent(), memory_bytes=process.memory_info().rss)
            self._emit(gpu.add_to(sample) if gpu else sample)


class _Gpu:
    """One GPU through NVML. Whatever it refuses to tell is left out."""

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml, self._handle = nvml, handle

    @classmethod
    def open(cls, device: torch.device) -> _Gpu | None:
        """The GPU behind a PyTorch device, found by its UUID, since NVML ignores CUDA_VISIBLE_DEVICES."""
        try:
            import pynvml
            import torch

            pynvml.nvmlInit()
            uuid = torch.cuda.get_device_properties(device).uuid
            return cls(pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}"))
        except Exception:  # noqa: BLE001 - no driver, no library, a container without NVML: then there are no samples
            return None

    def add_to(self, sample: SystemSampled) -> SystemSampled:
        """The sample with what the GPU tells."""
        nvml, handle = self._nvml, self._handle

        def told(read: Callable[[], float]) -> float | None:
            try:
                return read()
            except Exception:  # noqa: BLE001 - a card may tell its load and not its power
                return None

        def told_int(read: Callable[[], float]) -> int | None:
            value = told(read)
            return None if value is None else int(value)

        return msgspec.structs.replace(
            sample,
            gpu_percent=told(lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
            gpu_memory_bytes=told_int(lambda: nvml.nvmlDeviceGetMemoryInfo(handle).used),
            gpu_memory_total_bytes=told_int(lambda: nvml.nvmlDeviceGetMemoryInfo(handle).total),
            gpu_temperature_celsius=told(lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
            gpu_power_watts=told(lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000),  # it gives milliwatts
            gpu_clock_mhz=told(lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
        )
