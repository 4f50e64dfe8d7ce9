"""Agreement between candidates: comparison of outputs, clusters of equal behaviour, votes."""
