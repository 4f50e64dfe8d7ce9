"""Which wording a model answers best."""
