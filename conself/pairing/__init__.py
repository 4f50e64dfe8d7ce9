"""Pairings: ``(Pool, Consensus, prompt) -> list[PreferencePair]``. One file per rule."""
