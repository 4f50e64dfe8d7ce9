"""What runs the tasks that work is cut into: here, in other processes, on other machines."""
