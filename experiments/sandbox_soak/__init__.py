"""A million executions, some of them hostile, and a look at what they leave behind."""
