"""Pools of programs made elsewhere, read from a file."""
