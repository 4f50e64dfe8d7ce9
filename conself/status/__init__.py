"""What the jobs of a store are up to: ``python -m conself.status [artifacts=DIR]``."""

from conself.status.command import main

__all__ = ["main"]
