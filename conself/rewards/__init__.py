"""Rewards of the responses sampled for a training step, computed without an oracle."""
