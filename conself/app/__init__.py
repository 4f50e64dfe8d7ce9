"""Run one job: checks of settings, one-line errors, the run folder."""
