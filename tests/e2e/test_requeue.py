"""The README's batch script under a stand-in scheduler: five requeues, and the weights of a run that had none."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from core import events as ev
from core.reader import EventReader
from core.runfolder import RunFolder
from tests.training import assert_identical, final_state, history, image_folder

_ROOT = Path(__file__).parents[2]
_NUM_REQUEUES = 5


def batch_script() -> str:
    """The sbatch script as the README prints it."""
    found = re.search(r"```bash\n(#!/bin/bash\n#SBATCH.*?)```", (_ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert found
    return found[1]


def cluster(tmp_path: Path) -> dict[str, str]:
    """An environment with a `cifar-tui` that trains on a few images, and with an `scontrol` that takes notes."""
    images = image_folder(tmp_path / "images")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "cifar-tui").write_text(
        f'#!/bin/bash\nexec {sys.executable} -m tui "$@" --dataset "folder:{images}" --epochs 40 --batch-size 8 '
        "--set threads=1 --set data.normalize=train --set checkpoint.every_epochs=5\n"
    )
    (programs / "scontrol").write_text(f'#!/bin/bash\necho "$@" >> {tmp_path}/scontrol.log\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    return os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(_ROOT),
        "SLURM_JOB_ID": "42",
        "CIFAR_TUI_RUNS_DIR": str(tmp_path / "runs"),
    }


def wait_for_steps(folder: RunFolder, count: int, job: subprocess.Popen[bytes]) -> None:
    """Until `count` steps are recorded beyond those there were."""
    reader = EventReader(folder.events_file)
    reader.poll()
    deadline = time.monotonic() + 120
    while count > 0:
        count -= sum(len(record.event.loss) for record in reader.poll() if isinstance(record.event, ev.Batches))
        assert job.poll() is None, "the job ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_five_requeues_end_with_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    environment = cluster(tmp_path)
    script = tmp_path / "job.sh"
    script.write_text(batch_script())
    whole = subprocess.run(
        ["cifar-tui", "--no-ui", "-r", "c10-lenet", "--run-id", "whole"],
        env=environment,
        check=False,
        capture_output=True,
    )
    assert whole.returncode == 0, whole.stderr
    folder = RunFolder(tmp_path / "runs" / "c10-lenet-42")
    for _ in range(_NUM_REQUEUES):
        job = subprocess.Popen(["bash", str(script)], env=environment, cwd=tmp_path, start_new_session=True)
        wait_for_steps(folder, 20, job)
        job.send_signal(signal.SIGUSR1)
        assert job.wait(60) == 75
    assert (tmp_path / "scontrol.log").read_text() == "requeue 42\n" * _NUM_REQUEUES
    assert subprocess.run(["bash", str(script)], env=environment, cwd=tmp_path, check=False).returncode == 0
    assert_identical(final_state(RunFolder(tmp_path / "runs" / "whole")), final_state(folder))
    assert history(RunFolder(tmp_path / "runs" / "whole")) == history(folder)
    again = subprocess.run(["bash", str(script)], env=environment, cwd=tmp_path, check=False, capture_output=True)
    assert again.returncode == 0
    assert b"already finished" in again.stderr
