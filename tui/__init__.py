"""The terminal: command line and Textual app. Imports no PyTorch."""
