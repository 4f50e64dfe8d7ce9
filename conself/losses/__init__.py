"""Losses: pure functions of the log-probabilities of response tokens and of a signal, one file each."""
