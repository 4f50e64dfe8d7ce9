"""Engines complete chats, wherever the model runs; samplers decide what to ask."""
