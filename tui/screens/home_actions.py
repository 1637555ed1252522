"""What the keys of the home screen do to runs: open, resume, start, tag, delete, compare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.control import check_epochs, parse_epochs
from core.errors import CifarTuiError
from core.runfilter import Row, parse_filter
from core.runfolder import RunFolder, new_run_id
from core.runindex import RunIndex
from core.runnotes import Notes, write_notes
from core.trash import from_trash, to_trash
from tui.home.dialogs import AskDialog, NotesDialog
from tui.home.form import NewRunDialog
from tui.home.list import RunList
from tui.replay import ReplaySource
from tui.screens.dialogs import ChoiceDialog
from tui.screens.scene_screen import SceneScreen
from tui.source import LiveSource
from tui.spawn import start_trainer

if TYPE_CHECKING:
    from tui.app import DashboardApp


class HomeActions(SceneScreen):
    """Keys that act on the run under the cursor or on the marked ones."""

    dashboard: DashboardApp
    index: RunIndex
    num_runs = num_live = 0

    def __init__(self) -> None:
        super().__init__()
        self._deleted: list[tuple[Path, RunFolder]] = []
        self._test = parse_filter("")

    def refresh_runs(self) -> None:
        """Read and show the list."""
        raise NotImplementedError

    def show_runs(self) -> None:
        """Show the list as it is known."""
        raise NotImplementedError

    def show_status(self) -> None:
        """Bring all but the list up to date."""
        raise NotImplementedError

    @property
    def runs(self) -> RunList:
        """The list."""
        return self.query_one(RunList)

    @property
    def current(self) -> Row | None:
        """The run under the cursor; says so where there is none or it is broken."""
        row = self.runs.current
        if row is None:
            self.notify(self.runs.listing.empty, markup=False, timeout=3)
        elif row.summary.problem:
            self.complain(f"{row.summary.id}: {row.summary.problem}")
            return None
        return row

    def complain(self, problem: object) -> None:
        """Say what went wrong."""
        self.notify(str(problem), severity="error", markup=False)

    # -- open ---------------------------------------------------------------------------------------------------------

    def on_run_list_chosen(self) -> None:
        """By mouse."""
        self.action_open()

    def action_open(self) -> None:
        """Watch a live run, replay an ended one at its end."""
        row = self.current
        if row is None:
            return
        folder = self.index.folder(row.summary.id)
        if row.is_live:
            self.dashboard.open_run(LiveSource(folder), row.summary.recipe)
            return
        source = ReplaySource(folder)
        try:
            source.read_all()
            source.seek(len(source.recording))
        except CifarTuiError as error:
            self.complain(error)
            return
        self.dashboard.open_run(source, row.summary.recipe or row.summary.id)

    # -- marks --------------------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark or unmark, and go on to the next."""
        row, runs = self.runs.current, self.runs
        if row is not None:
            runs.listing = replace(runs.listing, marked=runs.listing.marked ^ {row.summary.id})
            runs.move(1)
            self.show_status()

    def unmark(self) -> None:
        """Unmark all."""
        self.runs.listing = replace(self.runs.listing, marked=frozenset())
        self.show_runs()

    def _chosen(self) -> list[RunFolder]:
        """The marked runs in the order of the list, or the one under the cursor."""
        listing = self.runs.listing
        names = [row.summary.id for row in listing.rows if row.summary.id in listing.marked]
        names += sorted(listing.marked - set(names))
        if not names and self.runs.current is not None:
            names = [self.runs.current.summary.id]
        return [self.index.folder(name) for name in names]

    def action_compare(self) -> None:
        """Set the marked runs beside each other."""
        from tui.screens.compare import CompareScreen, load_runs

        folders = self._chosen()
        if len(self.runs.listing.marked) < 2:
            self.notify("Mark two runs or more with space, then c compares them", timeout=4)
            return
        runs, problems = load_runs(folders)
        for problem in problems:
            self.complain(problem)
        if len(runs) > 1:
            self.app.push_screen(CompareScreen(replace(self.scene), runs))

    # -- notes --------------------------------------------------------------------------------------------------------

    def action_annotate(self) -> None:
        """Ask for tags and a note."""
        row = self.runs.current
        if row is None:
            return
        folder = self.index.folder(row.summary.id)

        def answered(notes: Notes | None) -> None:
            if notes is None:
                return
            try:
                write_notes(folder.path, notes)
            except CifarTuiError as error:
                self.complain(error)
                return
            self.index.notes[folder.id] = notes
            self.show_runs()

        self.app.push_screen(NotesDialog(folder.id, row.notes), answered)

    # -- delete -------------------------------------------------------------------------------------------------------

    def action_delete(self) -> None:
        """Ask, then move to the trash."""
        folders = self._chosen()
        if not folders:
            return
        what = folders[0].id if len(folders) == 1 else f"{len(folders)} marked runs"

        def answered(choice: str | None) -> None:
            if choice != "delete":
                return
            before = len(self._deleted)
            for folder in folders:
                try:
                    self._deleted.append((to_trash(folder), folder))
                except CifarTuiError as error:
                    self.complain(error)
            self.runs.listing = replace(self.runs.listing, marked=frozenset())
            self._rescan()
            if len(self._deleted) > before:
                self.notify(f"moved to {self.index.runs_dir / '.trash'}; u brings it back", markup=False)

        choices = [
            ("cancel", "Keep", ""),
            ("delete", "Move to the trash", f"{self.index.runs_dir}/.trash; u undoes it"),
        ]
        self.app.push_screen(ChoiceDialog(f"Delete {what}?", choices), answered)

    def action_undo(self) -> None:
        """Bring the last one back."""
        if not self._deleted:
            self.notify("Nothing was deleted in this session; older runs are in .trash", timeout=3)
            return
        trashed, folder = self._deleted.pop()
        try:
            from_trash(trashed, folder)
        except CifarTuiError as error:
            self.complain(error)
            return
        self._rescan()
        self.runs.put_on(folder.id)

    def _rescan(self) -> None:
        self.index.scan()
        self.refresh_runs()

    # -- training -----------------------------------------------------------------------------------------------------

    def action_new(self) -> None:
        """Ask what to train, start it, watch it."""

        def answered(arguments: list[str] | None) -> None:
            if arguments is not None:
                run_id = new_run_id(arguments[1])
                self._train(RunFolder(self.index.runs_dir / run_id), arguments[1], [*arguments, "--run-id", run_id])

        row = self.runs.current
        form = NewRunDialog(self.index.summaries.values(), self.scene.look, row.summary.recipe if row else "")
        self.app.push_screen(form, answered)

    def action_resume(self) -> None:
        """Go on with the run; one that has done all its epochs is asked for more."""
        row = self.current
        if row is None:
            return
        one, folder = row.summary, self.index.folder(row.summary.id)
        if row.is_live:
            self.notify("This run is being trained: Enter watches it", timeout=3)
            return
        if row.condition != "finished":
            self._train(folder, one.recipe, ["--resume", str(folder.path)])
            return

        def answered(epochs: str | None) -> None:
            if epochs is not None:
                self._train(folder, one.recipe, ["--resume", str(folder.path), "--epochs", epochs])

        def check(text: str) -> None:
            check_epochs(parse_epochs(text), one.epoch)

        more = str(one.num_epochs + max(one.num_epochs // 2, 1))
        done = "1 epoch" if one.num_epochs == 1 else f"{one.num_epochs} epochs"
        question = f"{one.id} has done {done}. Train on to how many in all?"
        self.app.push_screen(AskDialog(question, more, check), answered)

    def _train(self, folder: RunFolder, recipe: str, arguments: list[str]) -> None:
        try:
            trainer = start_trainer(["train", *arguments, "--runs-dir", str(self.index.runs_dir), "--no-ui"])
        except CifarTuiError as error:
            self.complain(error)
            return
        self.runs.put_on(folder.id)
        self.dashboard.open_run(LiveSource(folder, trainer), recipe)
