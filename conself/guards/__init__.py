"""When an online training is stopped, by what can be seen without knowing what is right."""
