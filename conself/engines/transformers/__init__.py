"""Sampling with transformers, in rows that are refilled as they end."""
