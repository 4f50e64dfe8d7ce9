"""Trackers of curves and figures: W&B, TensorBoard, CSV files or none, behind one small interface; one file each.

There is one run per job, opened and finished by the job, so that the jobs of a sweep never share one.
"""

from conself.tracking.figures import flat, record
from conself.tracking.naming import round_prefix
from conself.tracking.tracker import Cell, Stored, Tracker

__all__ = ["Cell", "Stored", "Tracker", "flat", "record", "round_prefix"]
