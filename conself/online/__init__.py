"""Training on responses sampled during the run: rollouts, their rewards, the loop, and its guards."""
