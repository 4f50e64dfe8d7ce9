"""What metrics of texts need: encoders, entailment, groups of similar texts."""
