"""Which candidate of a pool is best."""
