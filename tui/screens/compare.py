from core.runfolder import RunFolder
from tui.screens.scene_screen import SceneScreen


def load_runs(folders: list[RunFolder]):
    return [], []


class CompareScreen(SceneScreen): ...
