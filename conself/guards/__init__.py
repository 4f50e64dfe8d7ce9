"""Guards stop online training by criteria that need no oracle."""
