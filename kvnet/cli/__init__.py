"""The ``kvnet`` command: one small module for each subcommand."""

from kvnet.cli.main import main

__all__ = ["main"]
