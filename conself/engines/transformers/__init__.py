"""Sampling with transformers, in rows that are refilled as samples end."""
