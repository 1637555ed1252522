"""What is set in the trainer's process before PyTorch is loaded."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest

from core.session import PYTORCH_VARIABLES, tune_pytorch

_FAULTS_OF_SECOND_USE = """
import ctypes, resource, sys
from core.session import tune_pytorch
if sys.argv[1] == "tuned":
    tune_pytorch()
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # no huge pages, of which there would be few
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
b"x" * (64 << 20)
before = faults()
b"x" * (64 << 20)
print(faults() - before)
"""


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"GOMP_SPINCOUNT": "7"}
    monkeypatch.setattr("os.environ", variables)
    tune_pytorch()
    assert variables == PYTORCH_VARIABLES | {"GOMP_SPINCOUNT": "7"}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has other rules")
def test_large_tensors_get_the_memory_of_those_before_them() -> None:
    def faults(how: str) -> int:
        program = [sys.executable, "-c", _FAULTS_OF_SECOND_USE, how]
        return int(subprocess.run(program, capture_output=True, check=True, text=True).stdout)

    num_pages = (64 << 20) // resource.getpagesize()
    assert faults("tuned") < num_pages / 10
    assert faults("as it is") > num_pages / 2, "otherwise nothing was shown"
