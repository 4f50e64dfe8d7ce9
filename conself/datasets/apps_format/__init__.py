"""Data sets in the format of APPS and TACO."""
