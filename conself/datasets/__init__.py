"""Datasets: ``() -> Iterator[Problem]``, and ``oracles()`` for analysis alone. One file per data set.

``places`` lists the paths whose files a data set's ``fingerprint()`` covers (:mod:`conself.store.keys`).
"""
