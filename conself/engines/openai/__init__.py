"""Sampling from an endpoint with OpenAI's protocol."""
