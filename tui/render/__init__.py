"""Pure drawing: data and a size go in, strips or text come out. No app, no widget, no clock, no torch."""
