"""Training on responses that are sampled as it goes: rollouts, their rewards, the loop, and its guards."""
