"""Models: where they lie, what tells one from another, how they are loaded and quantised."""
