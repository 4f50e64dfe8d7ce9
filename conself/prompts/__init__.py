"""Prompts: texts by kind of problem, exemplars, and chat turns as tokens."""
