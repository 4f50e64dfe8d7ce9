"""Strategies: how several devices, each with a process of its own, share a model."""
