"""The training room: all of Lightning, and nothing else."""
