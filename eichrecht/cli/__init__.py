"""Command line: thin. Commands parse arguments, call a stage and print."""

from eichrecht.cli.app import main

__all__ = ["main"]
