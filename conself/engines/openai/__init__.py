"""Sampling from an endpoint that speaks OpenAI's protocol."""
