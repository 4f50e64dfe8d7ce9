"""Mutants: programs with one small change each, by which tests are judged. They are only written, not executed."""
