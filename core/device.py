"""Choose the device and the precision, and say why."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from core.config import DEVICES_TEXT, TrainConfig
from core.errors import UsageError
from core.events import DeviceInfo


def choose_device(config: TrainConfig) -> tuple[torch.device, DeviceInfo]:
    """The device that `config.device` means on this machine.

    Raises:
        UsageError: it is unknown or not there.
    """
    name, reason = config.device, "asked for"
    if name == "auto":
        name, reason = _automatic()
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f'unknown device "{name}": {DEVICES_TEXT}') from None
    if device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f'device "{name}" is not supported: {DEVICES_TEXT}')
    _check_present(device)
    if name == "cuda":
        device = torch.device("cuda", torch.cuda.current_device())
    bfloat16 = config.precision == "bfloat16" or (config.precision == "auto" and computes_in_bfloat16(device))
    info = DeviceInfo(
        name=str(device),
        title=_title(device),
        reason=reason,
        precision="bfloat16" if bfloat16 else "float32",
        memory_bytes=torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else 0,
    )
    return device, info


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 itself, and faster than float32: a LeNet's steps 1.4 times as fast and a
    ResNet-9's 2.1 times on two cores of an EPYC 9004.

    A trial of some steps would say the same on a quiet machine, but not always on a busy one, and then a run and its
    repetition would differ.
    """
    if device.type == "cuda":
        with torch.cuda.device(device):  # it tells of the present one, and a machine may have several kinds
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        # Intel's cores are fast at it in the tiles of AMX, which many virtual machines hide. By AVX-512 alone products
        # take twice as long as in float32 (a Xeon of the fifth generation). AMD's take half as long.
        return bool(capabilities.get("amx_bf16") or (capabilities.get("avx512_bf16") and not _is_by_intel()))
    return False


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that was asked of it: before a clock is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def seed_device(device: torch.device, seed: int) -> None:
    """Seed one device's global generator; torch.manual_seed would go through every device each step."""
    if device.type == "cuda":
        torch.cuda.default_generators[device.index].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def _automatic() -> tuple[str, str]:
    if torch.cuda.is_available():
        return "cuda", "a CUDA device is at hand"
    if torch.backends.mps.is_available():
        return "mps", "an Apple GPU is at hand"
    return "cpu", "no CUDA device was found" if torch.version.cuda else "this PyTorch is built without CUDA"


def _check_present(device: torch.device) -> None:
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UsageError(
                f'device "{device}" is not there: no CUDA device was found; use --device cpu, or run `cifar-tui doctor`'
            )
        if device.index is not None and device.index >= torch.cuda.device_count():
            raise UsageError(
                f'device "{device}" is not there: this machine has {torch.cuda.device_count()} CUDA devices'
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError('device "mps" is not there: no Apple GPU was found; use --device cpu')


def _title(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"{processor_name()} ({threads} thread{'s' if threads != 1 else ''})"


def processor_name() -> str:
    """The CPU as its maker calls it."""
    return _cpuinfo("model name") or platform.processor() or f"{os.cpu_count()} CPUs"


def _is_by_intel() -> bool:
    return "Intel" in (_cpuinfo("vendor_id") or platform.processor())


def _cpuinfo(name: str) -> str:
    """What Linux says of the first CPU; empty on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
