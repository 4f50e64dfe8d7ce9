"""What a process needs of its surroundings: console, progress, locks, folders, versions."""
