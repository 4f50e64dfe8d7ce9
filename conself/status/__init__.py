"""Show the status of the jobs of a store: ``python -m conself.status [artifacts=DIR]``."""

from conself.status.command import main

__all__ = ["main"]
