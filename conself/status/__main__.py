"""Run ``python -m conself.status``."""

from conself.status.command import main

main()
