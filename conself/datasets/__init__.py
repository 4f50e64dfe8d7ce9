"""Datasets: ``() -> Iterator[Problem]``, and ``oracles()`` for analysis alone. One file per data set."""
