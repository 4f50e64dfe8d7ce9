"""Random generators that depend on a text and on nothing else."""

import hashlib
import random


def fraction(text: str) -> float:
    """A number in [0, 1) that is a function of the text (SHA-256), spread evenly over texts."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def generator(text: str) -> random.Random:
    """A generator seeded by the text's SHA-256."""
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]))
