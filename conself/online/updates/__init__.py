"""The choice of the roles that learn in each step of a training run with testers."""
