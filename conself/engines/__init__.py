"""Engines complete chats, wherever the model runs; what is asked of them is the samplers' affair."""
