"""The figures of a job, in results.json and on the console."""
