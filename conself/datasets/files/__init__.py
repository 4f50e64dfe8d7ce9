"""Read rows of data sets from local files and from the hub."""
