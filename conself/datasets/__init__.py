"""Datasets: ``() -> Iterator[Problem]``, and ``oracles()`` for analysis alone. One file per data set.

One whose ``fingerprint()`` covers all that a path leads to says so in ``places`` (:mod:`conself.store.keys`).
"""
