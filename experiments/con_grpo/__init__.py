"""Con-GRPO on the embedded world, beside ConSelf and the majority's vote, with and without its guard."""
