"""MiniPy, the embedded world: problems, corpus, pre-training and the seed model."""
