"""ConSelf: code language models that improve themselves without a teacher and without a test oracle."""

__version__ = "0.1.0"
