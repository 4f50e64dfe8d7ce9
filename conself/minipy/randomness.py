"""Random generators that depend only on a text."""

import hashlib
import random


def fraction(text: str) -> float:
    """Map a text to a number in [0, 1) by SHA-256, evenly distributed over texts."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def generator(text: str) -> random.Random:
    """Create a generator seeded by the text's SHA-256."""
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]))
