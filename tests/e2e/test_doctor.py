"""`cifar-tui doctor`, which people are asked to run when something is odd."""

from __future__ import annotations

import re
from pathlib import Path

from tests.e2e.cli import cifar_tui


def test_every_finding_has_its_name_and_its_column(tmp_path: Path) -> None:
    done = cifar_tui("doctor", runs=tmp_path / "runs", CIFAR_TUI_DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    found = {name.strip(): finding for name, finding in re.findall(r"(?m)^ {0,2}(\S+) {2,}(\S.*)$", done.stdout)}
    assert len(found) == len(done.stdout.splitlines())
    assert len({line.index(found[line.split()[0]]) for line in done.stdout.splitlines()}) == 1
    assert re.search(r"\d+ threads, fastest in (bfloat16|float32)$", found["processor"])
    assert found["runs"].startswith(f"{tmp_path / 'runs'} (will be made), ")
    assert {found[name] for name in ("cifar10", "cifar100-coarse", "mnist")} == {
        "not there yet: downloaded at its first use"
    }
    assert found["shapes"] == "embedded"


def test_a_folder_that_cannot_be_made_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = cifar_tui("doctor", runs=Path("/proc/runs"), CIFAR_TUI_DATA_DIR=str(tmp_path / "file" / "data"))
    assert done.returncode == 0, done.stderr
    assert re.search(r"(?m)^runs +/proc/runs: cannot be made \(.+\)$", done.stdout)
    assert re.search(r"(?m)^data +/.*/file/data: cannot be made \(.+\)$", done.stdout)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
