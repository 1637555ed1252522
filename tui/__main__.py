"""`python -m tui`: the command line without the installed script; how a viewer starts its trainer."""

from tui.cli import main

main()
