"""Log-probabilities of responses."""
