"""Results on disk, keyed by the content they were made from."""
