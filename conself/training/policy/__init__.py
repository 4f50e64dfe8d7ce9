"""Policies: which weights of a model are trained, and how they are saved."""
