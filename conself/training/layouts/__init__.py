"""Layouts: how the examples of a batch become rows of tokens."""
