"""The process's environment: console, progress, locks, folders, versions."""
