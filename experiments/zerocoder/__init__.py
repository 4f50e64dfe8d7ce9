"""ZeroCoder beside Con-GRPO, its baselines and its ceiling: rows of one table, a line for each run."""
