"""What holds for every test."""

from __future__ import annotations

import os
import signal

# Threads of PyTorch that wait by spinning would take the time of everything that runs beside the tests. It has to be
# said before PyTorch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from hypothesis import HealthCheck, settings

# No deadline: a test that fails because the machine was busy says nothing.
settings.register_profile(
    "tests", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("tests")

# Under nohup it is ignored, and so it would be in every program that a test starts, as if in a terminal of its own.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
