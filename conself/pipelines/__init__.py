"""The stages of a job and the order in which they run."""
