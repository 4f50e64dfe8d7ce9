"""Run the tasks of stages: in this process, in other processes, or on other machines."""
