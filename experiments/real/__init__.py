"""One ConSelf round with a real model."""
