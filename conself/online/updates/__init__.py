"""Which role learns in which step of a training with testers."""
