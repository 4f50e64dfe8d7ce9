"""Run a benchmark's own tests and reference programs, separately from candidates."""
