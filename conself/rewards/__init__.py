"""What a response is worth that was sampled for a step of training, without an oracle."""
