"""Uncertainty metrics: ``(Pool, Agreement) -> float | Undefined``, higher = more uncertain. One file per metric.

Metrics of behaviour read only the agreement, metrics of texts and likelihoods only the pool; two read both.
"""
