"""Self-improvement by preference learning: its stages, rounds, checks and figures."""
