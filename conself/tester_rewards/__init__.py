"""What a reply is worth in which a model has written tests, without an oracle."""
