"""Benchmarks: ``() -> Task``, the problems and the judge that knows what is right. One file per benchmark."""
