"""Parts of metrics of texts: encoders, entailment, groups of similar texts."""
