"""Training and run folders. Imports nothing of the terminal (no Textual, Rich, plotext or Typer)."""
