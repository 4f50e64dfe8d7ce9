"""Training on responses sampled during training: its stage, checks and figures."""
