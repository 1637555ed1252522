"""What the keys of the plots do; they are the same wherever there are plots."""

from __future__ import annotations

from dataclasses import replace

from tui.figures import whole_range
from tui.screens.scene_screen import SceneScreen
from tui.view import View
from tui.widgets.plots import PlotPane


class PlotKeys(SceneScreen):
    """Zoom, pan, crosshair, axes and smoothing, for all plots of a screen at once."""

    def look_through(self, view: View) -> None:
        """Show the plots in another way."""
        self.scene.view = view
        for plot in self.query(PlotPane):
            if plot.display:
                plot.redraw()

    def action_zoom(self, closer: bool, at: float | None = None) -> None:
        """Half or twice the window."""
        view = self.scene.view
        self.look_through(view.zoomed(whole_range(self.scene.state, view), closer, at))

    def action_pan(self, direction: int) -> None:
        """Move the window; without one there is nothing beyond its edges."""
        view = self.scene.view
        self.look_through(view.panned(whole_range(self.scene.state, view), direction))

    def action_reset_view(self) -> None:
        """All of the run."""
        self.look_through(replace(self.scene.view, window=None, crosshair=None))

    def action_toggle_log(self) -> None:
        """Logarithmic or linear."""
        self.look_through(replace(self.scene.view, log_y=not self.scene.view.log_y))
        self.notify("logarithmic y-axes" if self.scene.view.log_y else "linear y-axes", timeout=2)

    def action_next_x_unit(self) -> None:
        """Steps, epochs, time."""
        self.look_through(self.scene.view.next_x_unit())
        self.notify(f"x-axis: {self.scene.view.x_unit.value}", timeout=2)

    def action_next_smoothing(self) -> None:
        """More smoothing, or none."""
        self.look_through(self.scene.view.next_smoothing())
        weight = self.scene.view.smoothing
        self.notify(f"smoothing {weight:g}" if weight else "no smoothing", timeout=2)

    def action_crosshair(self, direction: int) -> None:
        """Put the crosshair on the newest step, or move it by a column."""
        focused = self.focused
        shown = [plot for plot in self.query(PlotPane) if plot.display and plot.size.height]
        plot = focused if isinstance(focused, PlotPane) else shown[0] if shown else None
        columns = plot.columns() if plot is not None else []
        if not columns:
            return
        at = self.scene.view.crosshair
        if at is None:
            now = whole_range(self.scene.state, self.scene.view)[1]
            before = [x for x in columns if x <= now] or columns
            self._point(before[-1])
            return
        nearest = min(range(len(columns)), key=lambda index: abs(columns[index] - at))
        self._point(columns[min(max(nearest + direction, 0), len(columns) - 1)])

    def _point(self, x: float | None) -> None:
        self.look_through(replace(self.scene.view, crosshair=x))

    def on_plot_pane_pointed(self, message: PlotPane.Pointed) -> None:
        """The mouse puts the crosshair."""
        self._point(message.x)

    def on_plot_pane_wheeled(self, message: PlotPane.Wheeled) -> None:
        """The wheel zooms at the mouse."""
        self.action_zoom(message.closer, message.x)
