"""`export`, `evaluate` and `predict` as a person calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from core import events as ev
from core.runfolder import RunFolder
from tests.export_runs import batches, make_run, started, two_epochs
from tests.training import image_folder, tiny, train
from tui import cli


class Call:
    """Calls the command line within the test process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> tuple[int, list[str], str]:
        """Exit code, lines of standard output, standard error."""
        self._monkeypatch.setattr(sys, "argv", ["cifar-tui", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = self._capsys.readouterr()
        assert "Traceback" not in err
        return code, out.splitlines(), err


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    monkeypatch.setenv("CIFAR_TUI_CONFIG_DIR", str(tmp_path / "config"))
    return Call(monkeypatch, capsys)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path / "runs" / "run", two_epochs())


def test_several_exports_at_once_go_into_the_runs_folder(call: Call, run: RunFolder) -> None:
    code, paths, err = call(
        "export", "run", "--runs-dir", run.path.parent, "--csv", "--json", "--html", "--tensorboard"
    )
    assert (code, err) == (0, "")
    export = run.path / "export"
    names = ["batches.csv", "epochs.csv", "classes.csv", "confusion.csv", "run.json"]
    assert paths[:5] == [str(export / name) for name in names]
    assert paths[-1] == str(export / "report.html")
    assert sorted(paths) == sorted(str(path) for path in export.rglob("*") if path.is_file())


def test_the_picture_of_the_dashboard_shows_the_run_and_needs_no_network(call: Call, run: RunFolder) -> None:
    code, (path,), err = call("export", run.path, "--svg")
    assert (code, err) == (0, "")
    text = Path(path).read_text()
    shown = "".join(ElementTree.fromstring(text).itertext()).replace("\N{NO-BREAK SPACE}", " ")
    assert "75.0%" in shown
    assert "STOPPED" in shown.upper()
    assert "url(http" not in text.replace('"', "")
    assert "@font-face" not in text


def test_one_file_may_be_named(call: Call, run: RunFolder, tmp_path: Path) -> None:
    target = tmp_path / "sent" / "to you.json"
    assert call("export", run.path, "--json", "-o", target) == (0, [str(target)], "")
    assert json.loads(target.read_bytes())["run"]["id"] == "run"


def test_nothing_asked_for_is_a_question_back(call: Call, run: RunFolder) -> None:
    code, out, err = call("export", run.path)
    assert (code, out) == (2, [])
    assert "--csv" in err


def test_show_tells_of_a_log_that_is_damaged_or_somebody_else_s(call: Call, run: RunFolder) -> None:
    sound = run.events_file.read_bytes()
    assert not any(line.startswith("damaged") for line in call("show", run.path)[1])
    run.events_file.write_bytes(sound + b"noise\n")
    code, lines, _ = call("show", run.path)
    assert (code, "damaged    1 line of its log" in lines) == (0, True)
    run.events_file.write_bytes(b"noise\nnoise\n")
    code, lines, err = call("show", run.path)
    assert (code, lines) == (6, [])
    assert "holds no event of cifar-tui: 2 damaged or foreign lines" in err


def test_standard_output_is_no_place_and_no_folder_is_named_after_its_sign(
    call: Call, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call("export", run.path, "--json", "-o", "-")
    assert (code, out) == (2, [])
    assert "--output names a folder or a file" in err
    assert not Path("-").exists()


def test_what_cannot_be_written_does_not_keep_the_rest(call: Call, run: RunFolder) -> None:
    code, paths, err = call("export", run.path, "--weights", "--json")
    assert code == 8
    assert "has no checkpoint: none has been saved" in err
    assert paths == [str(run.path / "export" / "run.json")]


@pytest.mark.parametrize(
    ("events", "note"),
    [
        ([started(), batches(1, [1, 2, 3, 4])], "has not finished an epoch"),
        ([ev.Notice(level="error", text="no data")], "has not finished an epoch"),
        (two_epochs()[1:], "no images"),
    ],
    ids=["no epoch yet", "failed before it began", "start lost"],
)
def test_a_poor_run_gives_a_smaller_export_and_a_note(
    call: Call, tmp_path: Path, events: list[ev.Event], note: str
) -> None:
    folder = make_run(tmp_path / "runs" / "run", events, images=False)
    code, paths, err = call("export", folder.path, "--csv", "--json", "--html", "--tensorboard")
    assert code == 0
    assert len(paths) == 9
    assert note in err
    code, paths, err = call("export", folder.path, "--svg")
    assert (code, len(paths)) in ((0, 1), (6, 0))


def test_an_empty_log_is_one_sentence(call: Call, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "runs" / "run", [])
    code, out, err = call("export", folder.path, "--html")
    assert (code, out, len(err.splitlines())) == (6, [], 1)


def test_tables_and_report_load_no_pytorch(run: RunFolder) -> None:
    program = (
        "import sys; from tui import cli\n"
        f"sys.argv = ['cifar-tui', 'export', {str(run.path)!r}, '--csv', '--json', '--html']\n"
        "try: cli.main()\n"
        "finally: print([name for name in ('torch', 'textual', 'torchvision') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_weights_are_exported_evaluated_and_used(call: Call, tmp_path: Path) -> None:
    images = image_folder(tmp_path / "images")
    folder = RunFolder(tmp_path / "runs" / "trained")
    train(folder, tiny(images, epochs=1))
    code, paths, _ = call("export", folder.path, "--weights")
    assert (code, [Path(path).name for path in paths]) == (0, ["model.safetensors", "README.md"])

    code, lines, _ = call("evaluate", folder.path, "--json")
    found = json.loads(lines[0])
    code, lines, _ = call("show", folder.path, "--json")
    last = json.loads("\n".join(lines))["last"]
    assert (found["top1"], found["validation_loss"]) == (last["top1"], last["validation_loss"])
    code, lines, _ = call("evaluate", folder.path, "--checkpoint", "last")
    assert f"top-1 {last['top1']:.2%}" in lines[0]

    picture = next((images / "test" / "noon").iterdir())
    empty = tmp_path / "empty.png"
    empty.touch()
    code, lines, err = call("predict", folder.path, picture, tmp_path / "gone.png", images, empty, "--json")
    assert code == 5
    assert err.splitlines() == [
        f"{tmp_path / 'gone.png'} does not exist; check its name.",
        f"{images} is a folder; name the images in it.",
        f"{empty} cannot be read as an image (it is empty or of a format that is not known).",
    ]
    (answer,) = json.loads("\n".join(lines))
    assert {guess["class"] for guess in answer["predictions"]} == {"dawn", "dusk", "noon"}
    code, lines, _ = call("predict", folder.path, picture)
    assert (code, lines[0], len(lines)) == (0, str(picture), 4)
    assert call("evaluate", folder.path, "--checkpoint", "bset")[0] == 8

    picture.unlink()
    code, lines, err = call("evaluate", folder.path)
    assert (code, "have changed since" in err) == (0, True)
    assert err.startswith(f"loading data: folder:{images}\nloading data: read ")
    for part in ("train", "test"):
        (images / part / "noon").rename(images / part / "high noon")
    code, lines, err = call("evaluate", folder.path)
    assert (code, lines) == (5, [])
    assert 'no longer has the classes of the run: it lacks "noon"; bring' in err
