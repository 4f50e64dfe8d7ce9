"""Uncertainty metrics: ``(Pool) -> float | Undefined``, higher = more uncertain. One file per metric."""
