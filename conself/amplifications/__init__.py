"""More inputs for the programs of a problem, made from the problem's own inputs: no oracle, no model."""
