"""Solutions of problems that a model has proposed, by the names of their functions: see README.md."""

from collections.abc import Callable, Mapping
from typing import Any

REFERENCES: Mapping[str, Callable[..., Any]] = {}
