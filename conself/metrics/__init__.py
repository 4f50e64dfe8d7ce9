"""Uncertainty metrics: ``(Pool, Consensus) -> float | Undefined``, higher = more uncertain. One file per metric.

Metrics of behaviour read the consensus alone, those of texts and likelihoods the pool alone; two read both.
"""
