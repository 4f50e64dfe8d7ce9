"""What a process needs of its surroundings: workers, console, progress, locks, folders, versions."""
