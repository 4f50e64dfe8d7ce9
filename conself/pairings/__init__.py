"""Pairings: ``(Ranked, programs) -> [(winner, loser)]``, candidate indices throughout. One file per rule."""
