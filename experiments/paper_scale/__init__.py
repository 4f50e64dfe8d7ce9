"""What a run at the paper's scale takes: GPU hours per stage, memory per card, and the formulas for them."""
