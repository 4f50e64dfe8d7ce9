"""Curricula: ``(Sequence[Uncertainty]) -> Selection``. One file per rule."""
