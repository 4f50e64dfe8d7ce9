"""Training on responses that are sampled as it goes: its stage, checks and figures."""
