"""The choice of tau by validation, at the end of a sweep."""
