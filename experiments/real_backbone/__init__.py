"""Studies with real weights: pools that are sampled once, and what is trained on them."""
