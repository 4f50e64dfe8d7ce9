"""Two further roles of the embedded model: the author of exercises, and the tester of programs."""
