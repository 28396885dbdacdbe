"""The commands: nothing but parsing, calling and printing. What is heavy is imported when a command needs it."""

from __future__ import annotations

from mimesim.cli.main import main

__all__ = ["main"]
