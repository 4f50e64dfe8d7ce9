"""Training: a learner, what it computes and how, and the loop in epochs that drives it."""
