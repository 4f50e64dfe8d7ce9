"""Uncertainty metrics: ``(Pool, Agreement) -> float | Undefined``, higher = more uncertain. One file per metric.

Metrics of behaviour read the agreement alone, those of texts and likelihoods the pool alone; two read both.
"""
