"""Losses: pure functions of per-response log-probabilities and pair weights, one file each."""
