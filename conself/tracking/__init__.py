"""Where curves and figures go: W&B, TensorBoard, CSV files or nowhere, behind one small face; a file per tracker.

One run per job, opened and finished by the job, so that the jobs of a sweep never share one.
"""

from conself.tracking.figures import flat, record
from conself.tracking.naming import round_prefix
from conself.tracking.tracker import Cell, Stored, Tracker

__all__ = ["Cell", "Stored", "Tracker", "flat", "record", "round_prefix"]
