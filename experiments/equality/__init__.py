"""Which rule of equality foretells success best: docs/equality.md has the rules, README.md what was found."""
