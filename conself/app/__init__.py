"""One job from its config to its last line: checks of settings, errors in one line, the folder of a run."""
