"""Models: locating, identifying, loading and quantising them."""
