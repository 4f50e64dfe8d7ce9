"""Groupings: which texts mean the same."""
