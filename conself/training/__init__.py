"""Training: the learner, its parts, and the loop over epochs that drives it."""
