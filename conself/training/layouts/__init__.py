"""How the pairs of a batch become rows of tokens."""
