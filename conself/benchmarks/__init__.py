"""Benchmarks: ``() -> Task``, the problems and the judge that holds the oracles. One file per benchmark."""
