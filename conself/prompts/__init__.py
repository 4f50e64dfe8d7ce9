"""What models are asked: texts by kind of problem, exemplars, and turns of a chat as tokens."""
