"""Which candidates agree: comparison of outputs, clusters of equal behaviour, consensus, votes."""
