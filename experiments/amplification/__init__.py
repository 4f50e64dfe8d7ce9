"""What more inputs are worth: agreement on own and on amplified inputs, against verdicts."""
