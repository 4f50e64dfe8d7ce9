"""The one exception to the wall around the oracles: what a training run may learn from them, shown in every table.

No module imports this room. A config names its parts, and a job has to set ``labels`` to use them
(:mod:`conself.app.labels`). They return a prior of two numbers, or verdicts as rewards, never an expected output.
"""
