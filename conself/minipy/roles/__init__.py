"""A second checkpoint of MiniPy: a coder that also proposes problems and writes tests."""
