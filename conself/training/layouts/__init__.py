"""How the examples of a batch become rows of tokens."""
