"""Running a benchmark's own tests and reference programs without the candidate beside them."""
