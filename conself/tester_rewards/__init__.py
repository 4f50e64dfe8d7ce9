"""Rewards of the replies in which a model writes tests, computed without an oracle."""
