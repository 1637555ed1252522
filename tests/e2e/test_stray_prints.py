"""What other code prints while a run is trained goes to the run's log file, and no further."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.cli import environment

NOISE = """
import os, sys
from pathlib import Path
from core.session import output_to

print("before")
with output_to(Path(sys.argv[1])) as (out, talk):
    print("stray print")
    os.write(2, b"from a C library\\n")
    print("warning", file=sys.stderr)
    print("own data", file=out)
    print("own talk \\udce9", file=talk)
print("after")
"""


def test_stray_prints_of_any_kind_go_to_the_log_file(tmp_path: Path) -> None:
    log = tmp_path / "trainer.log"
    done = subprocess.run([sys.executable, "-c", NOISE, log], env=environment(), capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stdout, done.stderr) == (0, "before\nown data\nafter\n", "own talk ?\n")
    assert sorted(log.read_text().splitlines()) == ["from a C library", "stray print", "warning"]
