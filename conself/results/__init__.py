"""The figures of a job, as results.json has them and as the console shows them."""
