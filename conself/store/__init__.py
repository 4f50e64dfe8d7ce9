"""Results on disk, found again by the content of what they were made from."""
