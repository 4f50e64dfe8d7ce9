"""The one exception to the wall before what is right: what a training may learn of it, said in every table.

No module imports this room. A config names its parts, and a job has to say ``labels`` to use them
(:mod:`conself.app.labels`). What they hand out is a prior of two numbers, or verdicts as rewards, never an expected
output.
"""
